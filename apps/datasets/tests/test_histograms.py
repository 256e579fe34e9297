"""What the pictures are drawn from."""

import random
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from apps.datasets.histograms import BINS, SOURCES, describe_counts, histogram
from apps.datasets.tests.factories import make_dataset
from apps.traces.tests.factories import make_trace


def test_one_value_is_one_bin() -> None:
    assert histogram(Counter([4])) == {"start": 4, "width": 1, "counts": [1], "over": 0, "max": 4}
    assert histogram(Counter([0] * 9)) == {"start": 0, "width": 1, "counts": [9], "over": 0, "max": 0}


def test_neighbouring_values_have_a_bin_each() -> None:
    found = histogram(Counter([2, 2, 3, 5]))
    assert found == {"start": 2, "width": 1, "counts": [2, 1, 0, 1], "over": 0, "max": 5}


def test_a_giant_does_not_press_the_others_into_one_bin() -> None:
    values = [*range(1, 41)] * 5 + [50_000_000]
    assert histogram(Counter(values)) == {
        "start": 1,
        "width": 1,
        "counts": [5] * 40,
        "over": 1,
        "max": 50_000_000,
    }


def test_a_giant_among_few_is_one_of_them() -> None:
    found = histogram(Counter([1, 1_000_000]))
    assert (found["width"], found["over"]) == (50_000, 0)
    assert (found["counts"][0], found["counts"][-1], sum(found["counts"])) == (1, 1, 2)


def test_bins_of_floats_begin_at_round_numbers() -> None:
    found = histogram(Counter([15.54, 15.9, 16.0, 18.2]))
    assert found == {"start": 15, "width": 1, "counts": [2, 1, 0, 1], "over": 0, "max": 18.2}
    assert histogram(Counter([0.1]))["start"] == 0


@pytest.mark.parametrize("seed", range(20))
def test_every_value_is_in_its_bin(seed: int) -> None:
    rng = random.Random(seed)
    whole = rng.random() < 0.5
    values = [
        rng.randint(0, 10 ** rng.randint(1, 6)) if whole else round(rng.random() * 100, 2)
        for _ in range(rng.randint(1, 500))
    ]
    found = histogram(Counter(values))
    assert 1 <= len(found["counts"]) <= BINS + 1
    ends = [found["start"] + n * found["width"] for n in range(len(found["counts"]) + 1)]
    assert found["counts"] == [sum(low <= value < high for value in values) for low, high in pairwise(ends)]
    assert found["over"] == sum(value >= ends[-1] for value in values) <= len(values) / 100
    assert found["max"] == max(values)


def test_the_commonest_sources_are_named_and_the_rest_counted() -> None:
    sources = Counter({f"s{n}": 100 - n for n in range(SOURCES + 3)})
    one = Counter([1])
    found = describe_counts(
        {"step_count": one, "char_count": one, "score": one, "source": sources, "flags": one}
    )
    assert found["sources"] == [(f"s{n}", 100 - n) for n in range(SOURCES)]
    assert found["other_sources"] == 92 + 91 + 90


@pytest.mark.django_db
def test_a_build_keeps_its_histograms() -> None:
    def steps(count: int) -> list[dict[str, Any]]:
        return [{"i": n, "type": "t", "content": "c"} for n in range(count)]

    for count in (1, 1, 3):
        make_trace(prompt="p", final_answer="a", steps=steps(count), meta={"source": f"s{count}"})
    dataset = make_dataset()
    dataset.refresh_from_db()
    assert dataset.histograms == {
        "steps": {"start": 1, "width": 1, "counts": [2, 0, 1], "over": 0, "max": 3},
        "characters": {"start": 3, "width": 1, "counts": [2, 0, 1], "over": 0, "max": 5},
        "scores": {"start": 5, "width": 1, "counts": [2] + [0] * 9 + [1], "over": 0, "max": 15.1},
        "sources": [["s1", 2], ["s3", 1]],
        "flags": [[8, 2], [12, 1]],
        "other_sources": 0,
    }
