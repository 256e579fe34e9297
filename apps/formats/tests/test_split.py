"""Which part a prompt is of."""

import pytest
from pydantic import ValidationError

from apps.formats.split import MAX_PERCENT, MIN_PERCENT, Split


def is_validation(hash: str, percent: int) -> bool:
    """As the rule says it, with numbers."""
    return int(hash[:8], 16) / 2**32 < percent / 100


EDGES = ["0" * 16, "f" * 16, "7fffffff" + "f" * 8, "80000000" + "0" * 8]


@pytest.mark.parametrize("percent", [MIN_PERCENT, 10, 33, 50, MAX_PERCENT])
def test_the_bound_parts_hashes_as_the_rule_does(percent: int) -> None:
    split = Split(part="validation", percent=percent)
    near = int(split.bound, 16)
    hashes = [*EDGES, *(f"{near + n:08x}{rest * 8}" for n in (-1, 0, 1) for rest in "0f")]
    assert [hash < split.bound for hash in hashes] == [is_validation(hash, percent) for hash in hashes]
    assert split.other.bound == split.bound
    assert split.other.other == split


@pytest.mark.parametrize("value", [{}, {"part": "test", "percent": 1}, {"part": "train"}])
def test_it_names_a_part_and_a_percentage(value: object) -> None:
    with pytest.raises(ValidationError):
        Split.model_validate(value)


@pytest.mark.parametrize("percent", [0, 100, -1, 10.5, "10", True, None])
def test_neither_part_is_empty_by_rule(percent: object) -> None:
    with pytest.raises(ValidationError):
        Split.model_validate({"part": "train", "percent": percent})
