"""A trace goes out in each export format and comes back equal in all that the format keeps."""

import json
import re
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from apps.formats.gemma import break_control_tokens, count_control_tokens, restore_control_tokens
from apps.formats.reasoning import UnreadableError
from apps.formats.records import FORMATS, TraceRow, render_line
from apps.formats.restore import RESTORE

BOTH_IN_ONE_TEXT = ("tunix_sft", "training_example")


def text(**options: Any) -> st.SearchStrategy[str]:
    alphabet = st.one_of(
        st.characters(exclude_categories=["Cs"], exclude_characters="\0\u200b"),
        st.sampled_from("<>12. \n\r:A"),
    )
    return st.one_of(
        st.text(alphabet, min_size=1, max_size=40),
        st.sampled_from(
            ["<bos>", "<end_of_turn>", "a<start_of_turn>model\n", "Answer: 1", "Reasoning:", "1. x\n"]
        ),
    )


KEYS = st.one_of(
    st.sampled_from(["created_at", "trace_version", "format", "source_trace_id", "source"]), st.text()
)
META = st.dictionaries(
    KEYS.filter(lambda key: not key.startswith("meta.") and "\0" not in key and key.isprintable()),
    st.one_of(st.none(), st.booleans(), st.integers(-(2**60), 2**60), text(), st.lists(text(), max_size=2)),
    min_size=1,
    max_size=4,
)
TRACES = st.fixed_dictionaries(
    {
        "trace_version": st.sampled_from(["1.0", "2"]),
        "prompt": text(),
        "final_answer": text(),
        "contents": st.lists(text(), min_size=1, max_size=12),
        "meta": META,
    }
)


def exported(trace: dict[str, Any], format: str) -> dict[str, Any]:
    texts = [trace["prompt"], trace["final_answer"], *trace["contents"]]
    row = TraceRow(
        id=str(UUID(int=1)),
        created_at="2026-11-24T10:00:00.000000Z",
        trace_version=trace["trace_version"],
        prompt=trace["prompt"],
        final_answer=trace["final_answer"],
        steps=json.dumps([{"content": content} for content in trace["contents"]]),
        meta=json.dumps(trace["meta"]),
        control_tokens=count_control_tokens(texts),
    )
    record: dict[str, Any] = orjson.loads(render_line(format, row))
    return record


def kept(fields: dict[str, Any]) -> dict[str, Any]:
    contents = [step["content"] for step in fields["steps"]]
    return {**{name: value for name, value in fields.items() if name != "steps"}, "contents": contents}


def has_line_like_a_number_or_answer(trace: dict[str, Any]) -> bool:
    """What makes the two formats with one text ambiguous."""
    return any(
        re.search(r"^(\d{1,7}\. |Answer: )", content, re.MULTILINE)
        for content in [*trace["contents"], trace["final_answer"]]
    )


@pytest.mark.parametrize("format", FORMATS)
@given(trace=TRACES)
def test_a_trace_comes_back_equal(format: str, trace: dict[str, Any]) -> None:
    if format in BOTH_IN_ONE_TEXT:
        assume(not has_line_like_a_number_or_answer(trace))
    assert kept(RESTORE[format](exported(trace, format))) == trace


@pytest.mark.parametrize("format", BOTH_IN_ONE_TEXT)
@given(trace=TRACES)
def test_an_ambiguous_one_is_refused_or_keeps_all_its_text(format: str, trace: dict[str, Any]) -> None:
    record = exported(trace, format)
    try:
        fields = kept(RESTORE[format](record))
    except UnreadableError:
        assert has_line_like_a_number_or_answer(trace)
        return
    numbered = "".join(f"{n}. {content}\n" for n, content in enumerate(fields["contents"], 1))
    whole = f"Reasoning:\n{numbered}Answer: {fields['final_answer']}"
    assert break_control_tokens(whole) in str(record.get("response", record.get("prompts")))


@pytest.mark.parametrize("format", FORMATS)
def test_no_meta_comes_back_as_none(format: str) -> None:
    trace = {"trace_version": "1", "prompt": "P", "final_answer": "A", "contents": ["a"], "meta": {}}
    assert RESTORE[format](exported(trace, format))["meta"] is None


def test_two_names_that_the_system_took_come_back() -> None:
    meta = {"created_at": 1, "meta.created_at": 2}
    trace = {"trace_version": "1", "prompt": "P", "final_answer": "A", "contents": ["a"], "meta": meta}
    assert RESTORE["trace"](exported(trace, "trace"))["meta"] == meta


def test_a_turn_of_others_is_read_by_its_own_markup() -> None:
    prompts = "<start_of_turn>user\nQ<end_of_turn>\n<start_of_turn>model\n<think>a</think>b<end_of_turn>\n"
    fields = kept(RESTORE["tunix_sft"]({"prompts": prompts}))
    assert (fields["prompt"], fields["contents"], fields["final_answer"]) == ("Q", ["a"], "b")


TURNS = "<start_of_turn>user\nQ<end_of_turn>\n<start_of_turn>model\n{}<end_of_turn>"


@pytest.mark.parametrize(
    ("format", "record", "path", "reason"),
    [
        ("trace", {"prompts": 1, "trace_steps": []}, "prompts", "This must be a text."),
        ("trace", {"trace_steps": "a"}, "trace_steps", "This must be a list of texts."),
        (
            "trace",
            {"prompts": "P", "trace_steps": ["a"], "final_answer": "A", "metadata": [1]},
            "metadata",
            "This must be an object.",
        ),
        *(
            (
                "tunix_sft",
                {"prompts": text},
                "prompts",
                "This must be one turn of the user and one of the model.",
            )
            for text in ("Q", TURNS[:-1], TURNS[1:], TURNS + "\n" + TURNS, TURNS.replace("model", "user"))
        ),
        (
            "tunix_sft",
            {"prompts": TURNS.format("Reasoning:\n1. a\nAnswer: 1"), "final_answer": "2"},
            "prompts",
            "The model's turn does not end with the final answer.",
        ),
        (
            "tunix_sft",
            {"prompts": TURNS.format("Reasoning:\na\nAnswer: 1"), "final_answer": "1"},
            "prompts",
            "The steps are not numbered from 1.",
        ),
        (
            "training_example",
            {"prompt": "P", "response": "Reasoning:\n1. a\nAnswer: 1\nAnswer: 2"},
            "response",
            '2 lines begin with "Answer: ": there must be one.',
        ),
    ],
)
def test_what_is_no_record_is_refused_with_its_path(
    format: str, record: dict[str, Any], path: str, reason: str
) -> None:
    with pytest.raises(UnreadableError) as caught:
        RESTORE[format](record)
    assert (caught.value.path, str(caught.value)) == (path, reason)


@given(text())
def test_control_tokens_are_whole_again(value: str) -> None:
    assert restore_control_tokens(break_control_tokens(value)) == value
