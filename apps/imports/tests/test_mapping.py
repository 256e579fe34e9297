from typing import Any

import pydantic
import pytest

from apps.formats.reasoning import UnreadableError
from apps.imports.mapping import Mapping

QUESTION = {"prompt": "q", "answer": "a"}


def read(row: dict[str, Any], **columns: Any) -> tuple[Any, ...]:
    trace = Mapping(**columns).read(row)
    return trace["prompt"], [step["content"] for step in trace["steps"]], trace["final_answer"], trace["meta"]


@pytest.mark.parametrize(
    ("row", "columns", "expected"),
    [
        (
            {"q": "Q", "r": "a\nb", "a": 42, "id": 7},
            {"prompt": "q", "steps": "r", "answer": "a"},
            ("Q", ["a", "b"], "42", {"id": 7}),
        ),
        ({"q": "Q", "r": ["a\nb", {"content": "c"}], "a": "1"}, {"prompt": "q", "steps": "r", "answer": "a"},
            ("Q", ["a\nb", "c"], "1", None)),
        ({"q": "Q", "a": "<think>1. x\n2. y</think>z"}, {"prompt": "q", "answer": "a", "cut": "lines"},
            ("Q", ["1. x", "2. y"], "z", None)),
        ({"q": "Q", "c": "C", "a": "x\n#### 1"}, {"prompt": "q", "context": "c", "answer": "a"},
            ("Q\n\nC", ["x"], "1", None)),
        ({"q": "Q", "c": "", "a": "x\n#### 1"}, {"prompt": "q", "context": "c", "answer": "a"},
            ("Q", ["x"], "1", None)),
        ({"in": {"q": "Q"}, "out": [{"a": "x\n#### 1"}], "n": 1}, {"prompt": "in.q", "answer": "out.0.a"},
            ("Q", ["x"], "1", {"n": 1})),
        ({"in.q": "Q", "a": "x\n#### 1", "in": 2}, {"prompt": "in.q", "answer": "a"},
            ("Q", ["x"], "1", {"in": 2})),
        (
            {"q": "Q", "a": "x\n#### 1", "n": 1, "m": 2},
            {"prompt": "q", "answer": "a", "meta": ["m", "absent"], "source": "s"},
            ("Q", ["x"], "1", {"m": 2, "absent": None, "source": "s"}),
        ),
        (
            {"c": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "<think>x</think>y"}]},
            {"conversation": "c"},
            ("Q", ["x"], "y", None),
        ),
        (
            {"c": [{"role": "user", "content": "Q"},
                   {"role": "assistant", "content": " y\n", "reasoning_content": "a\nb"}]},
            {"conversation": "c", "cut": "one"},
            ("Q", ["a\nb"], "y", None),
        ),
        (
            {"p": [{"role": "user", "content": "Q"}], "c": [{"role": "assistant", "content": "x\n#### y"}]},
            {"prompt": "p", "answer": "c"},
            ("Q", ["x"], "y", None),
        ),
    ],
    ids=range(11),
)  # fmt: skip
def test_columns_become_fields(
    row: dict[str, Any], columns: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    assert read(row, **columns) == expected


ASK, REPLY = {"role": "user", "content": "Q"}, {"role": "assistant", "content": "x\n#### 1"}
ANSWER = "x\n#### 1"


@pytest.mark.parametrize(
    ("row", "columns", "meta"),
    [
        (
            {"q": "Q", "c": [{"text": ANSWER, "logprobs": [1]}, {"text": "other"}]},
            {"prompt": "q", "answer": "c.0.text"},
            {"c": [{"logprobs": [1]}, {"text": "other"}]},
        ),
        (
            {"q": "Q", "c": [{"text": ANSWER, "end": None}, {"text": "other"}]},
            {"prompt": "q", "answer": "c.0.text"},
            {"c": [None, {"text": "other"}]},
        ),
        (
            {"c": {"q": "Q", "a": ANSWER, "n": {"x": None}}},
            {"prompt": "c.q", "answer": "c.a"},
            {"c": {"n": {"x": None}}},
        ),
        ({"c": ["Q", ANSWER]}, {"prompt": "c.0", "answer": "c.1"}, None),
        (
            {"m": [ASK | {"name": "Ann", "tool": None}, REPLY | {"weight": 0, "tool_calls": [{"id": "1"}]}]},
            {"conversation": "m"},
            {"m": [{"name": "Ann"}, {"weight": 0, "tool_calls": [{"id": "1"}]}]},
        ),
        (
            {"m": [ASK, REPLY | {"content": "A", "thinking": "t", "reasoning": "r"}]},
            {"conversation": "m"},
            {"m": [None, {"thinking": "t"}]},
        ),
        (
            {"p": [ASK], "c": [REPLY | {"weight": 1}], "n": None},
            {"prompt": "p", "answer": "c"},
            {"c": [{"weight": 1}], "n": None},
        ),
        (
            {"q": "Q", "s": [{"content": "a", "type": "t"}, "b"], "a": "1"},
            {"prompt": "q", "steps": "s", "answer": "a"},
            {"s": [{"type": "t"}, None]},
        ),
    ],
    ids=range(8),
)
def test_nothing_is_lost_of_a_column_that_is_read_in_part(
    row: dict[str, Any], columns: dict[str, Any], meta: dict[str, Any] | None
) -> None:
    assert read(row, **columns)[3] == meta


@pytest.mark.parametrize(
    ("row", "columns", "path", "reason"),
    [
        ({"a": "x"}, QUESTION | {"prompt": "b"}, "b", "The row has no such column."),
        ({"q": {"x": 1}, "a": "x"}, QUESTION | {"prompt": "q.y"}, "q.y", "The row has no such column."),
        ({"q": None, "a": "x"}, QUESTION | {"prompt": "q"}, "q", "This must be a text."),
        ({"q": True, "a": "x"}, QUESTION | {"prompt": "q"}, "q", "This must be a text."),
        (
            {"q": "Q", "a": "x"},
            {"prompt": "q", "answer": "a"},
            "a",
            "no steps can be told from the answer: it",
        ),
        (
            {"q": "Q", "a": "x", "s": " "},
            {"prompt": "q", "answer": "a", "steps": "s"},
            "s",
            "there are no steps",
        ),
        (
            {"q": "Q", "a": "x", "s": []},
            {"prompt": "q", "answer": "a", "steps": "s"},
            "s",
            "there are no steps",
        ),
        (
            {"q": "Q", "a": "x", "s": ["a", None]},
            {"prompt": "q", "answer": "a", "steps": "s"},
            "s.1",
            "This must be a text.",
        ),
        (
            {"c": [{"role": "bot"}]},
            {"conversation": "c"},
            "c.0.role",
            "Whose turn it is must be user, assistant",
        ),
        ({"c": []}, {"conversation": "c"}, "c", "The turns are none"),
    ],
    ids=range(10),
)
def test_what_cannot_be_read_is_said_with_its_column(
    row: dict[str, Any], columns: dict[str, Any], path: str, reason: str
) -> None:
    with pytest.raises(UnreadableError) as caught:
        Mapping(**columns).read(row)
    assert (caught.value.path, str(caught.value)[: len(reason)]) == (path, reason)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({}, "Name the column of the prompt and that of the answer"),
        ({"prompt": "q"}, "Name the column of the prompt and that of the answer"),
        ({"conversation": "c", "steps": "s"}, "name no columns for them"),
        (QUESTION | {"cut": "words"}, "Input should be 'auto', 'lines'"),
        (QUESTION | {"promt": "q"}, "Extra inputs are not permitted"),
        (QUESTION | {"meta": ["x"] * 101}, "at most 100 items"),
    ],
)
def test_a_mapping_that_cannot_work_is_refused(columns: dict[str, Any], reason: str) -> None:
    with pytest.raises(pydantic.ValidationError, match=reason):
        Mapping(**columns)


def test_a_mapping_is_the_same_after_a_trip_through_json() -> None:
    mapping = Mapping(prompt="a", answer="b", meta=["c"], cut="one", source="s")
    assert Mapping.model_validate_json(mapping.model_dump_json()) == mapping
