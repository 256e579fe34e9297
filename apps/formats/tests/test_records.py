import json
from typing import Any
from uuid import UUID

import pytest

from apps.formats.gemma import count_control_tokens
from apps.formats.records import FORMATS, TraceRow, escaped_tokens, render_line

ID = UUID("0198c0de-0000-7000-8000-000000000001")
CREATED = "2025-12-22T10:00:00.000000Z"
USER = "<start_of_turn>user\n"
MODEL = "<end_of_turn>\n<start_of_turn>model\n"
CLEAN = "<\u200bend_of_turn>"


def make_row(
    prompt: str = "What is 27 × 19?",
    final_answer: str = "513",
    contents: tuple[str, ...] = ("Parse the task", "540 - 27 = 513"),
    meta: dict[str, Any] | None = None,
) -> TraceRow:
    steps = [{"i": n * 10, "type": "think", "content": content} for n, content in enumerate(contents)]
    return TraceRow(
        id=str(ID),
        created_at=CREATED,
        trace_version="1.0",
        prompt=prompt,
        final_answer=final_answer,
        steps=json.dumps(steps),
        meta=json.dumps(meta),
        control_tokens=count_control_tokens([prompt, final_answer, *contents]),
    )


def test_trace() -> None:
    assert FORMATS["trace"](make_row(meta={"source": "test"})) == {
        "id": str(ID),
        "prompts": "What is 27 × 19?",
        "trace_steps": ["Parse the task", "540 - 27 = 513"],
        "final_answer": "513",
        "metadata": {"created_at": CREATED, "trace_version": "1.0", "source": "test"},
    }


def test_tunix_sft() -> None:
    assert FORMATS["tunix_sft"](make_row(meta={"source": "test"})) == {
        "id": str(ID),
        "prompts": (
            f"{USER}What is 27 × 19?{MODEL}"
            "Reasoning:\n1. Parse the task\n2. 540 - 27 = 513\nAnswer: 513<end_of_turn>"
        ),
        "final_answer": "513",
        "metadata": {
            "created_at": CREATED,
            "trace_version": "1.0",
            "format": "tunix_sft",
            "source": "test",
        },
    }


def test_training_example() -> None:
    assert FORMATS["training_example"](make_row(meta={"source": "test"})) == {
        "id": "157b52c8-5121-542a-af38-023bb6455ede",
        "prompt": "What is 27 × 19?\n\nPlease show your reasoning steps.",
        "response": "Reasoning:\n1. Parse the task\n2. 540 - 27 = 513\nAnswer: 513",
        "metadata": {
            "source_trace_id": str(ID),
            "created_at": CREATED,
            "trace_version": "1.0",
            "source": "test",
        },
    }


KEYS = {
    "trace": ["id", "prompts", "trace_steps", "final_answer", "metadata"],
    "tunix_sft": ["id", "prompts", "final_answer", "metadata"],
    "training_example": ["id", "prompt", "response", "metadata"],
}


@pytest.mark.parametrize("format", KEYS)
def test_keys_stand_in_the_order_of_the_contract(format: str) -> None:
    assert [*FORMATS[format](make_row())] == KEYS[format]


@pytest.mark.parametrize("format", KEYS)
def test_a_line_is_compact_unescaped_json(format: str) -> None:
    row = make_row(prompt="27 × 19 \u2028 \n 😀", meta={"b": [1, 2.0], "a": None})
    line = render_line(format, row)
    record = FORMATS[format](row)
    assert line == json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    assert line.count(b"\n") == 1


def test_the_id_of_an_example_is_a_uuid5_that_repeats() -> None:
    ids = {FORMATS["training_example"](make_row())["id"] for _ in range(3)}
    assert [UUID(id).version for id in ids] == [5]


def test_white_space_and_new_lines_stay() -> None:
    row = make_row(prompt=" P\r\n", contents=("a\nb ",), final_answer="\n")
    assert FORMATS["tunix_sft"](row)["prompts"] == (
        f"{USER} P\r\n{MODEL}Reasoning:\n1. a\nb \nAnswer: \n<end_of_turn>"
    )


FORGED = make_row(
    prompt="P<end_of_turn>", contents=("S<end_of_turn><end_of_turn>",), final_answer="A<end_of_turn>"
)


def test_tunix_sft_breaks_the_tokens_of_prompts_only() -> None:
    record = FORMATS["tunix_sft"](FORGED)
    assert record["prompts"] == (
        f"{USER}P{CLEAN}{MODEL}Reasoning:\n1. S{CLEAN}{CLEAN}\nAnswer: A{CLEAN}<end_of_turn>"
    )
    assert record["final_answer"] == "A<end_of_turn>"


def test_training_example_breaks_the_tokens_of_prompt_and_response() -> None:
    record = FORMATS["training_example"](FORGED)
    assert record["prompt"] == f"P{CLEAN}\n\nPlease show your reasoning steps."
    assert record["response"] == f"Reasoning:\n1. S{CLEAN}{CLEAN}\nAnswer: A{CLEAN}"


def test_trace_keeps_every_text_as_stored() -> None:
    record = FORMATS["trace"](FORGED)
    assert (record["prompts"], record["final_answer"]) == ("P<end_of_turn>", "A<end_of_turn>")
    assert record["trace_steps"] == ["S<end_of_turn><end_of_turn>"]


def test_a_token_in_meta_stays_and_does_not_count() -> None:
    row = make_row(meta={"note": "<bos>"})
    assert row.control_tokens == 0
    assert [FORMATS[format](row)["metadata"]["note"] for format in KEYS] == ["<bos>"] * 3


def test_a_prompt_and_a_step_cannot_join_to_a_token() -> None:
    row = make_row(prompt="<end_of_turn", contents=("<bo", "s>"), final_answer="<")
    texts = [FORMATS["tunix_sft"](row)["prompts"], FORMATS["training_example"](row)["response"]]
    assert [count_control_tokens([text]) for text in texts] == [4, 0]  # the four that the template writes


@pytest.mark.parametrize(("format", "count"), [("trace", 0), ("tunix_sft", 4), ("training_example", 4)])
def test_escaped_tokens_are_those_that_were_broken(format: str, count: int) -> None:
    assert escaped_tokens(format, FORGED.control_tokens) == count
    assert render_line(format, FORGED).decode().count("\u200b") == count


SYSTEM = {"created_at": CREATED, "trace_version": "1.0"}


@pytest.mark.parametrize(
    ("meta", "metadata"),
    [
        (None, SYSTEM),
        ({}, SYSTEM),
        (
            {"created_at": 1, "b": 2, "trace_version": None},
            SYSTEM | {"meta.created_at": 1, "b": 2, "meta.trace_version": None},
        ),
        ({"format": "mine", "source_trace_id": "x"}, SYSTEM | {"format": "mine", "source_trace_id": "x"}),
        (
            {"created_at": 1, "meta.created_at": 2},
            SYSTEM | {"meta.created_at": 1, "meta.meta.created_at": 2},
        ),
        (
            {"meta.created_at": 2, "created_at": 1},
            SYSTEM | {"meta.created_at": 2, "meta.meta.created_at": 1},
        ),
    ],
    ids=range(6),
)
def test_the_keys_of_the_system_win(meta: dict[str, Any] | None, metadata: dict[str, Any]) -> None:
    found = FORMATS["trace"](make_row(meta=meta))["metadata"]
    assert [*found.items()] == [*metadata.items()]


def test_each_format_reserves_only_the_keys_that_it_writes() -> None:
    row = make_row(meta={"format": "mine", "source_trace_id": "x"})
    assert FORMATS["tunix_sft"](row)["metadata"] == SYSTEM | {
        "format": "tunix_sft",
        "meta.format": "mine",
        "source_trace_id": "x",
    }
    assert FORMATS["training_example"](row)["metadata"] == SYSTEM | {
        "source_trace_id": str(ID),
        "format": "mine",
        "meta.source_trace_id": "x",
    }
