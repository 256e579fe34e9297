"""The pictures: bars that are in proportion, and a sentence that is true."""

from collections import Counter

import pytest

from apps.datasets.histograms import histogram
from apps.datasets.models import Dataset
from apps.datasets.pictures import (
    CHARACTERS,
    HEIGHT,
    MIN_HEIGHT,
    SCORES,
    STEPS,
    WIDTH,
    Unit,
    draw,
    draw_dataset,
    draw_sources,
)

GIANT = [300] * 150 + [500] * 50 + [9_000]


@pytest.mark.parametrize(
    ("values", "unit", "finding"),
    [
        ([4] * 100, STEPS, "All 100 traces have 4 steps."),
        ([1], STEPS, "Its one trace has 1 step."),
        ([1, 1, 1, 2], STEPS, "3 of 4 traces have 1 step; the most is 2."),
        ([3, 4, 4, 5, 5, 9], STEPS, "4 of 6 traces have 4 to 5 steps; the most is 9."),
        (GIANT, CHARACTERS, "150 of 201 traces have 300 to 309 characters; 1 has 510 or more."),
        ([10.2, 10.8, 30.0], SCORES, "2 of 3 traces have 10 to 11 points; the most is 30."),
    ],
)
def test_the_finding_says_where_half_of_them_are(values: list[float], unit: Unit, finding: str) -> None:
    assert draw(histogram(Counter(values)), unit).finding == finding


def test_bars_are_in_proportion_and_inside() -> None:
    picture = draw(histogram(Counter([1] * 10 + [2] * 5 + [12])), STEPS)
    assert [bar.height for bar in picture.bars] == [HEIGHT, HEIGHT / 2, HEIGHT / 10]
    assert all(
        bar.x >= 0 and bar.x + bar.width <= WIDTH and bar.y + bar.height == HEIGHT for bar in picture.bars
    )
    assert [bar.title for bar in picture.bars] == ["1 step: 10", "2 steps: 5", "12 steps: 1"]
    assert (picture.start, picture.end) == ("1", "12")


def test_one_of_very_many_still_shows() -> None:
    picture = draw(histogram(Counter({1: 1_000_000, 3: 20_000, 2: 1})), STEPS)
    assert [bar.height for bar in picture.bars] == [HEIGHT, MIN_HEIGHT, 2.0]


def test_a_single_value_stands_in_the_middle() -> None:
    picture = draw(histogram(Counter([40])), STEPS)
    assert (picture.start, picture.end) == ("36", "44")
    [bar] = picture.bars
    assert bar.x + bar.width / 2 == pytest.approx(WIDTH / 2, abs=0.01)
    assert draw(histogram(Counter([1])), STEPS).start == "0"


def test_what_is_far_off_is_the_last_bar() -> None:
    picture = draw(histogram(Counter(GIANT)), CHARACTERS)
    last = picture.bars[-1]
    assert (last.is_over, last.title) == (True, "510 or more, up to 9,000 characters: 1")
    assert last.x + last.width == pytest.approx(WIDTH, abs=2)
    assert (picture.start, picture.end) == ("300", "up to 9,000")


def test_a_build_from_before_has_no_pictures() -> None:
    assert (draw_dataset(Dataset(histograms={})), draw_sources(Dataset(histograms={}))) == ([], [])


def test_sources_are_shares_of_the_whole() -> None:
    kept = {"sources": [["a", 6], ["", 2]], "other_sources": 2}
    assert draw_sources(Dataset(histograms=kept)) == [
        ("a", 6, 60.0),
        ("no source", 2, 20.0),
        ("others", 2, 20.0),
    ]
