"""What the pictures of a dataset show: how its traces spread over steps, characters, scores and sources."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, TypedDict

# The columns of a trace that are counted.
COUNTED_COLUMNS = ("step_count", "char_count", "score", "source", "flags")

BINS = 40
SOURCES = 8
# A few giants must not press all others into the first bin: what is longer than this share is one last bin.
SHOWN_SHARE = 0.99

_NICE = (1, 2, 5)


class Histogram(TypedDict):
    """`counts[n]` values from `start + n * width` up to, not including, the next bin's start.

    `over` values are above the last bin, up to `max`.
    """

    start: float
    width: float
    counts: list[int]
    over: int
    max: float


def describe_counts(counts: Mapping[str, Counter[Any]]) -> dict[str, Any]:
    """The histograms of COUNTED_COLUMNS, from how often each value stands in them."""
    sources = counts["source"]
    named = sources.most_common(SOURCES)
    return {
        "steps": histogram(counts["step_count"]),
        "characters": histogram(counts["char_count"]),
        "scores": histogram(counts["score"]),
        "sources": named,
        "flags": sorted(counts["flags"].items()),
        "other_sources": sources.total() - sum(count for _, count in named),
    }


def histogram(counts: Counter[Any]) -> Histogram:
    """At most BINS bins of a round width over the most common values. `counts` has at least one value."""
    last = _quantile(counts, SHOWN_SHARE)
    width = _nice_width((last - min(counts)) / (BINS - 1))
    start = min(counts) // width * width
    bins = [0] * (int((last - start) // width) + 1)
    over = 0
    for value, count in counts.items():
        index = int((value - start) // width)
        if index < len(bins):
            bins[index] += count
        else:
            over += count
    return {"start": start, "width": width, "counts": bins, "over": over, "max": max(counts)}


def _quantile(counts: Counter[Any], share: float) -> float:
    wanted, seen = counts.total() * share, 0
    for value in sorted(counts):
        seen += counts[value]
        if seen >= wanted:
            break
    return float(value)


def _nice_width(least: float) -> float:
    """The lowest of 1, 2, 5, 10, 20, 50, ... that is not below `least`."""
    magnitude = 1
    while True:
        for step in _NICE:
            if step * magnitude >= least:
                return step * magnitude
        magnitude *= 10
