"""What stands beside what, and what is marked in it."""

import time
from random import Random

import pytest

from apps.formats.trace import MAX_STEPS, STEP_MAX_LENGTH, TEXT_MAX_LENGTH
from apps.traces.compare import Part, align, compare_traces, differences
from apps.traces.tests.factories import make_trace


def steps_of(*contents: str) -> list[dict[str, object]]:
    return [{"i": i, "type": "t", "content": content} for i, content in enumerate(contents)]


@pytest.mark.parametrize(
    ("base", "other", "pairs"),
    [
        (["a", "b"], ["a", "b"], [(0, 0), (1, 1)]),
        (["a", "b"], ["a", "x", "b"], [(0, 0), (None, 1), (1, 2)]),
        (["a", "x", "b"], ["a", "b"], [(0, 0), (1, None), (2, 1)]),
        (["one two three"], ["one two four"], [(0, 0)]),
        (["one two"], ["three four"], [(0, None), (None, 0)]),
        # The one that is alike is beside its like, though another was put in front of it.
        (["one two three"], ["what is new", "one two four"], [(None, 0), (0, 1)]),
        (["one two three", "what is old"], ["one two four"], [(0, 0), (1, None)]),
    ],
)
def test_alignment(base: list[str], other: list[str], pairs: list[tuple[int | None, int | None]]) -> None:
    assert [*align(base, other)] == pairs


def test_blocks_too_large_to_search_stand_in_their_order() -> None:
    base, other = [f"a{n}" for n in range(30)], [f"b{n}" for n in range(31)]
    assert [*align(base, other)] == [*((n, n) for n in range(30)), (None, 30)]


@pytest.mark.django_db
def test_words_that_differ_are_marked_without_the_space_behind_them() -> None:
    base = make_trace(prompt="It takes 150 minutes.", final_answer="1")
    other = make_trace(prompt="It takes 20 long  minutes.", final_answer="1")
    compared = compare_traces(base, other)
    assert compared.prompt.base is not None
    assert compared.prompt.other is not None
    assert compared.prompt.base.parts == [
        Part("It takes ", False),
        Part("150", True),
        Part(" ", False),
        Part("minutes.", False),
    ]
    assert compared.prompt.other.parts == [
        Part("It takes ", False),
        Part("20 long", True),
        Part("  ", False),
        Part("minutes.", False),
    ]
    assert (compared.prompt.is_changed, compared.answer.is_same, compared.is_same) == (True, True, False)


@pytest.mark.django_db
def test_steps_leave_gaps_and_are_counted() -> None:
    base = make_trace(steps=steps_of("same", "old", "the sum is 4"))
    other = make_trace(steps=steps_of("same", "the sum is 5", "more", "and more"))
    compared = compare_traces(base, other)
    assert compared.counts == {"same": 1, "changed": 1, "base_only": 1, "other_only": 2}
    numbers = [
        (row.base.number if row.base else 0, row.other.number if row.other else 0) for row in compared.steps
    ]
    assert numbers == [(1, 1), (2, 0), (3, 2), (0, 3), (0, 4)]


@pytest.mark.django_db
def test_another_type_is_a_change_and_white_space_is_one_too() -> None:
    base = make_trace(steps=[{"i": 0, "type": "a", "content": "x"}, {"i": 1, "type": "a", "content": "y z"}])
    other = make_trace(
        steps=[{"i": 0, "type": "b", "content": "x"}, {"i": 1, "type": "a", "content": "y  z"}]
    )
    rows = compare_traces(base, other).steps
    assert [(row.is_changed, row.has_other_type) for row in rows] == [(True, True), (True, False)]


@pytest.mark.django_db
def test_differences_are_those_of_the_numbers_shown() -> None:
    base = make_trace(steps=steps_of("a"))
    other = make_trace(steps=steps_of("a", "bb"))
    assert differences(base, other) == {"score": "+5.1", "step_count": "+1", "char_count": "+2"}
    assert differences(base, base) == {}


def _words(seed: int, count: int, kinds: int) -> str:
    random = Random(seed)
    return " ".join(str(random.randrange(kinds)) for _ in range(count))


@pytest.mark.django_db
def test_texts_made_to_be_slow_are_not() -> None:
    """Every second word is new: the matcher looks at all words again for each that is not."""
    words = [f"w{n}" for n in range(5_000)]
    base = make_trace(prompt=" ".join(words), final_answer="a " * (TEXT_MAX_LENGTH // 2))
    other = make_trace(prompt=" x".join(words), final_answer="a b " * (TEXT_MAX_LENGTH // 4))
    started = time.process_time()
    compare_traces(base, other)
    assert time.process_time() - started < 5


@pytest.mark.django_db
def test_many_steps_are_not_slow_either() -> None:
    def contents(seed: int) -> list[str]:
        return [_words(seed + n, 100, 3) for n in range(MAX_STEPS)]

    base, other = (make_trace(steps=steps_of(*contents(seed))) for seed in (1, 50_000))
    started = time.process_time()
    assert len(compare_traces(base, other).steps) == MAX_STEPS
    assert time.process_time() - started < 5


@pytest.mark.django_db
def test_what_is_too_much_to_search_is_marked_as_a_whole() -> None:
    base, other = (make_trace(steps=steps_of("a " * (STEP_MAX_LENGTH // 2 - 1) + end)) for end in "bc")
    [row] = compare_traces(base, other).steps
    assert row.base is not None
    assert [part.is_changed for part in row.base.parts] == [True]
