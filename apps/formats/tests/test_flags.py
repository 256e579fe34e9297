"""What each flag means, and what it does not."""

from typing import get_args

import pytest

from apps.formats.flags import ALL_FLAGS, FLAGS, LONG, SAID, FlagName, flag_names, flag_trace, values_with

WELL = ["27 × 19 = 513", "so it is 513"]


def flags_of(contents: list[str], answer: str, chars: int = 20, control_tokens: int = 0) -> list[str]:
    return flag_names(flag_trace(contents, answer, chars=chars, control_tokens=control_tokens))


@pytest.mark.parametrize(
    ("contents", "answer", "found"),
    [
        (WELL, "513", []),
        (["513"], "513", []),
        (["a", "b", "a", "513"], "513", ["repeated step"]),
        (["a", "A", "a ", "513"], "513", []),
        ([" ", "513"], "513", ["empty step"]),
        (["\n\t\u00a0", "513"], "513", ["empty step"]),
        (["513", " "], "513", ["empty step", "answer missing"]),
        (["513", "done"], "513", ["answer missing"]),
        (["513 x"], "513  x", []),
        (["513\n x"], "513 x ", []),
        (["cafe\u0301"], "café", []),
        (["so 38,000 in all"], "38000", []),
        (["so 38000 in all"], "38,000", []),
        (["the answer is Paris"], "paris", ["answer missing"]),
        ([" ", " "], "x", ["empty step", "repeated step", "answer missing"]),
    ],
)
def test_steps_and_answer(contents: list[str], answer: str, found: list[str]) -> None:
    assert flags_of(contents, answer) == found


def test_what_is_counted_already_is_not_looked_for() -> None:
    assert flags_of(WELL, "513", control_tokens=2) == ["control tokens"]
    assert flags_of(WELL, "513", chars=LONG) == []
    assert flags_of(WELL, "513", chars=LONG + 1) == ["very long"]


@pytest.mark.parametrize("name", [*FLAGS])
def test_the_values_with_a_flag_are_all_of_them(name: str) -> None:
    having = [value for value in range(ALL_FLAGS + 1) if name in flag_names(value)]
    assert values_with(name) == having
    assert len(having) == 16


def test_every_flag_says_what_it_means() -> None:
    assert tuple(SAID) == get_args(FlagName)
    assert all(said.meaning for said in SAID.values())
