from typing import Any

import pydantic
import pytest

from apps.core.errors import from_pydantic, messages_by_path
from apps.formats.trace import TracePayload, baseline_score


def make_step(**overrides: Any) -> dict[str, Any]:
    return {"i": 0, "type": "think", "content": "c", **overrides}


def make(**overrides: Any) -> dict[str, Any]:
    return {
        "trace_version": "1.0",
        "prompt": "P",
        "final_answer": "A",
        "steps": [make_step()],
        "meta": None,
        **overrides,
    }


def refusals(value: Any) -> dict[str, list[str]]:
    with pytest.raises(pydantic.ValidationError) as refused:
        TracePayload.model_validate(value)
    return messages_by_path(from_pydantic(refused.value))


AT_THE_ENDS: list[dict[str, Any]] = [
    {"trace_version": "v" * 64},
    {"prompt": "×" * 50_000},
    {"prompt": "😀" * 50_000},
    {"final_answer": "a" * 50_000},
    {"steps": [make_step(i=n) for n in range(1_000)]},
    {"steps": [make_step(i=2**63 - 1, type="t" * 64, content="c" * 20_000)]},
    {"meta": {}},
    {"meta": {"": [None, {"a": 1.5}], "×": True}},
]


@pytest.mark.parametrize("overrides", AT_THE_ENDS, ids=range(len(AT_THE_ENDS)))
def test_the_ends_of_the_ranges_are_accepted_and_kept(overrides: dict[str, Any]) -> None:
    value = make(**overrides)
    assert TracePayload.model_validate(value).fields == value


def test_meta_may_be_absent() -> None:
    value = make()
    del value["meta"]
    assert TracePayload.model_validate(value).fields == make()


def test_steps_are_put_into_the_order_of_i() -> None:
    value = make(steps=[make_step(i=i, content=str(i)) for i in (7, 0, 3)])
    assert TracePayload.model_validate(value).contents == ["0", "3", "7"]


BEYOND: list[tuple[dict[str, Any], str]] = [
    ({"trace_version": ""}, "trace_version"),
    ({"trace_version": "v" * 65}, "trace_version"),
    ({"trace_version": 1}, "trace_version"),
    ({"trace_version": None}, "trace_version"),
    ({"prompt": ""}, "prompt"),
    ({"prompt": "p" * 50_001}, "prompt"),
    ({"final_answer": ""}, "final_answer"),
    ({"final_answer": "a" * 50_001}, "final_answer"),
    ({"final_answer": 42}, "final_answer"),
    ({"steps": []}, "steps"),
    ({"steps": {}}, "steps"),
    ({"steps": None}, "steps"),
    ({"steps": [make_step(i=n) for n in range(1_001)]}, "steps"),
    ({"steps": ["think"]}, "steps.0"),
    ({"steps": [make_step(i=-1)]}, "steps.0.i"),
    ({"steps": [make_step(i=3.0)]}, "steps.0.i"),
    ({"steps": [make_step(i=True)]}, "steps.0.i"),
    ({"steps": [make_step(i="0")]}, "steps.0.i"),
    ({"steps": [make_step(i=None)]}, "steps.0.i"),
    ({"steps": [make_step(type="")]}, "steps.0.type"),
    ({"steps": [make_step(type="t" * 65)]}, "steps.0.type"),
    ({"steps": [make_step(content="")]}, "steps.0.content"),
    ({"steps": [make_step(), make_step(i=1, content="c" * 20_001)]}, "steps.1.content"),
    ({"steps": [make_step(note="x")]}, "steps.0.note"),
    ({"meta": []}, "meta"),
    ({"meta": "x"}, "meta"),
    ({"source": "x"}, "source"),
    ({"id": "x"}, "id"),
]


@pytest.mark.parametrize(("overrides", "path"), BEYOND, ids=range(len(BEYOND)))
def test_what_is_beyond_is_refused_with_its_path(overrides: dict[str, Any], path: str) -> None:
    assert [*refusals(make(**overrides))] == [path]


def test_all_refusals_are_named_not_the_first() -> None:
    assert refusals({"prompt": "", "steps": [make_step(i=-1, type=""), {}], "x": 1}) == {
        "trace_version": ["This field is required."],
        "prompt": ["This must not be empty."],
        "final_answer": ["This field is required."],
        "steps.0.i": ["This must be at least 0."],
        "steps.0.type": ["This must not be empty."],
        "steps.1.i": ["This field is required."],
        "steps.1.type": ["This field is required."],
        "steps.1.content": ["This field is required."],
        "x": ["There is no field of this name."],
    }


def test_a_repeated_i_is_refused_with_the_path_of_the_steps() -> None:
    assert [*refusals(make(steps=[make_step(), make_step()]))] == ["steps"]


@pytest.mark.parametrize(
    ("meta", "source"),
    [
        (None, ""),
        ({}, ""),
        ({"source": "gsm8k"}, "gsm8k"),
        ({"source": "×" * 256}, "×" * 256),
        ({"source": "s" * 257}, ""),
        ({"source": 1}, ""),
        ({"source": None}, ""),
        ({"source": ["gsm8k"]}, ""),
    ],
)
def test_the_source_is_that_of_meta(meta: dict[str, Any] | None, source: str) -> None:
    assert TracePayload.model_validate(make(meta=meta)).source == source


@pytest.mark.parametrize(
    ("lengths", "score"),
    [([1], 5.1), ([60] * 3, 21.0), ([500] * 10, 100.0), ([20_000] * 1_000, 100.0), ([1, 2], 10.15)],
)
def test_baseline_score(lengths: list[int], score: float) -> None:
    assert baseline_score(lengths)["score"] == score


def test_the_baseline_score_says_what_it_is_made_of() -> None:
    assert baseline_score([10, 11, 12]) == {
        "score": 16.1,
        "step_count": 3,
        "avg_step_length": 11.0,
        "total_chars": 33,
        "step_score": 15.0,
        "length_score": 1.1,
    }
