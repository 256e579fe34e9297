"""The pictures of how traces spread: bars to draw, and what they show in one sentence."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from apps.datasets.histograms import Histogram
from apps.datasets.models import Dataset

# In units of the drawing, which is stretched to the width that the page has.
WIDTH = 320
HEIGHT = 100
# A few bars stand in the middle of an axis instead of filling it.
MIN_SLOTS = 9
# A bin that holds one of a million still shows.
MIN_HEIGHT = 1.5


class Bar(NamedTuple):
    x: float
    y: float
    width: float
    height: float
    title: str
    is_over: bool


@dataclass(frozen=True)
class Picture:
    title: str
    finding: str
    bars: list[Bar]
    start: str
    end: str
    width: int = WIDTH
    height: int = HEIGHT


class Share(NamedTuple):
    """How much of a dataset comes from one source; `width` of 100."""

    name: str
    traces: int
    width: float


class Unit(NamedTuple):
    """Whole numbers end a bin of 200 to 400 at 399; others, such as scores, at 400."""

    title: str
    one: str
    many: str
    is_whole: bool = True

    def of(self, low: float, high: float) -> str:
        """ "4 steps", "200 to 399 characters": the values of the bins from `low` up to `high`."""
        last = high - 1 if self.is_whole else high
        if low == last:
            return f"{_number(low)} {self.one if low == 1 else self.many}"
        return f"{_number(low)} to {_number(last)} {self.many}"


STEPS = Unit("Steps per trace", "step", "steps")
CHARACTERS = Unit("Characters per trace", "character", "characters")
SCORES = Unit("Score", "points", "points", is_whole=False)


def draw_dataset(dataset: Dataset) -> list[Picture]:
    """None for a build from before its histograms were kept."""
    kept = dataset.histograms
    units = {"steps": STEPS, "characters": CHARACTERS, "scores": SCORES}
    return [draw(kept[name], unit) for name, unit in units.items() if name in kept]


def draw(histogram: Histogram, unit: Unit) -> Picture:
    counts, over = histogram["counts"], histogram["over"]
    first, slots = _slots(histogram)
    start, width = histogram["start"], histogram["width"]
    room, tallest = WIDTH / slots, max(*counts, over)
    bars = []
    for n, count in enumerate(counts):
        low = start + n * width
        if count:
            bars.append(_bar(first + n, room, count / tallest, f"{unit.of(low, low + width)}: {count:,}"))
    edge = start + len(counts) * width
    if over:
        title = f"{_number(edge)} or more, up to {_number(histogram['max'])} {unit.many}: {over:,}"
        bars.append(_bar(slots - 1, room, over / tallest, title, is_over=True))
    is_single = unit.is_whole and width == 1
    end = start + (slots - first - (1 if over else 0)) * width - (1 if is_single else 0)
    last = f"up to {_number(histogram['max'])}" if over else _number(end)
    return Picture(unit.title, _finding(histogram, unit), bars, _number(start - first * width), last)


def draw_sources(dataset: Dataset) -> list[Share]:
    named: list[list[Any]] = dataset.histograms.get("sources", [])
    others: int = dataset.histograms.get("other_sources", 0)
    total = sum(count for _, count in named) + others
    shares = [Share(name or "no source", count, 100 * count / total) for name, count in named]
    return [*shares, Share("others", others, 100 * others / total)] if others else shares


def _slots(histogram: Histogram) -> tuple[int, int]:
    """How many empty bins stand before the first, and how many slots there are in all."""
    bins = len(histogram["counts"]) + bool(histogram["over"])
    missing = max(0, MIN_SLOTS - bins)
    before = min(missing // 2, int(histogram["start"] // histogram["width"]))
    return before, bins + missing


def _bar(slot: int, room: float, share: float, title: str, *, is_over: bool = False) -> Bar:
    gap = min(2.0, room / 8)
    height = max(MIN_HEIGHT, share * HEIGHT)
    x, y, width = slot * room + gap / 2, HEIGHT - height, room - gap
    return Bar(round(x, 2), round(y, 2), round(width, 2), round(height, 2), title, is_over)


def _finding(histogram: Histogram, unit: Unit) -> str:
    """The narrowest range that holds half of them, and how far the rest goes."""
    counts, over = histogram["counts"], histogram["over"]
    total = sum(counts) + over
    first, last, held = _middle(counts, total / 2)
    low, high = (histogram["start"] + n * histogram["width"] for n in (first, last + 1))
    said = f"{_who(held, total)} {unit.of(low, high)}"
    if over:
        edge = histogram["start"] + len(counts) * histogram["width"]
        return f"{said}; {over:,} {'has' if over == 1 else 'have'} {_number(edge)} or more."
    return f"{said}." if held == total else f"{said}; the most is {_number(histogram['max'])}."


def _who(held: int, total: int) -> str:
    if held < total:
        return f"{held:,} of {total:,} traces {'has' if held == 1 else 'have'}"
    return f"All {total:,} traces have" if total > 1 else "Its one trace has"


def _middle(counts: list[int], wanted: float) -> tuple[int, int, int]:
    """First and last of the fewest neighbouring bins that hold `wanted`, the fullest of these; their sum."""
    for size in range(1, len(counts)):
        sums = [sum(counts[n : n + size]) for n in range(len(counts) - size + 1)]
        if max(sums) >= wanted:
            first = sums.index(max(sums))
            return first, first + size - 1, sums[first]
    return 0, len(counts) - 1, sum(counts)


def _number(value: float) -> str:
    return f"{value:,.2f}".rstrip("0").rstrip(".")
