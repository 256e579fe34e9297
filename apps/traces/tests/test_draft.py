"""The steps of a draft: what each act makes of them, and where one goes on."""

import pytest

from apps.formats.trace import MAX_STEPS
from apps.traces.draft import Focus, StepValues, change_steps


def steps_of(letters: str) -> list[StepValues]:
    return [{"content": letter} for letter in letters]


@pytest.mark.parametrize(
    ("before", "act", "after", "focus"),
    [
        ("ab", "up-1", "ba", Focus(0, "down")),
        ("abc", "up-2", "acb", Focus(1, "up")),
        ("abc", "down-0", "bac", Focus(1, "down")),
        ("ab", "down-0", "ba", Focus(1, "up")),
        ("abc", "remove-1", "ac", Focus(1, "remove")),
        ("abc", "remove-2", "ab", Focus(1, "remove")),
        ("ab", "up-0", "ab", None),
        ("ab", "down-1", "ab", None),
        ("ab", "remove-2", "ab", None),
        ("ab", "up-99999", "ab", None),
        ("ab", "drop-0", "ab", None),
    ],
)
def test_acts(before: str, act: str, after: str, focus: Focus | None) -> None:
    assert change_steps(steps_of(before), act) == (steps_of(after), focus)


def test_an_added_step_is_empty_and_has_the_focus() -> None:
    assert change_steps(steps_of("a"), "add") == ([{"content": "a"}, {}], Focus(1, "type"))


def test_in_place_of_the_last_step_there_is_an_empty_one() -> None:
    assert change_steps(steps_of("a"), "remove-0") == ([{}], Focus(0, "type"))


def test_no_step_is_added_beyond_the_most() -> None:
    full = steps_of("a" * MAX_STEPS)
    assert change_steps(full, "add") == (full, Focus(MAX_STEPS - 1, "type"))
