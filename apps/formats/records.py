"""The export formats: a stored trace in, one record (a JSON object of its line) out."""

from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID, uuid5

import orjson

from apps.formats.gemma import break_control_tokens, render_turns

# Part of every rendered file's name: raise it whenever the same trace would render to other bytes.
RENDERER_VERSION = 1

SHOW_REASONING = "\n\nPlease show your reasoning steps."


class TraceRow(NamedTuple):
    """What rendering needs of a stored trace, in the order of the query that reads it.

    `id` and `created_at` are the text that is exported, `steps` and `meta` JSON text as stored;
    `control_tokens` counts those in the user's texts.
    """

    id: str
    created_at: str
    trace_version: str
    prompt: str
    final_answer: str
    steps: str
    meta: str
    control_tokens: int


def trace_record(row: TraceRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "prompts": row.prompt,
        "trace_steps": _contents(row),
        "final_answer": row.final_answer,
        "metadata": _metadata(row, _system(row)),
    }


def tunix_sft_record(row: TraceRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "prompts": render_turns(_safe(row, row.prompt), _reasoning(row)),
        "final_answer": row.final_answer,
        "metadata": _metadata(row, {**_system(row), "format": "tunix_sft"}),
    }


def training_example_record(row: TraceRow) -> dict[str, Any]:
    return {
        # Derived, not drawn: the same trace gives the same example on every repetition.
        "id": str(uuid5(UUID(row.id), "training_example")),
        "prompt": _safe(row, row.prompt) + SHOW_REASONING,
        "response": _reasoning(row),
        "metadata": _metadata(row, {"source_trace_id": row.id, **_system(row)}),
    }


FORMATS: dict[str, Callable[[TraceRow], dict[str, Any]]] = {
    "trace": trace_record,
    "tunix_sft": tunix_sft_record,
    "training_example": training_example_record,
}


def escaped_tokens(format: str, control_tokens: int) -> int:
    """How many tokens rendering breaks: the raw format keeps every text as stored."""
    return 0 if format == "trace" else control_tokens


def render_line(format: str, row: TraceRow) -> bytes:
    return orjson.dumps(FORMATS[format](row), option=orjson.OPT_APPEND_NEWLINE)


def _contents(row: TraceRow) -> list[str]:
    return [step["content"] for step in orjson.loads(row.steps)]


def _reasoning(row: TraceRow) -> str:
    steps = "".join([f"{n}. {content}\n" for n, content in enumerate(_contents(row), 1)])
    return _safe(row, f"Reasoning:\n{steps}Answer: {row.final_answer}")


def _safe(row: TraceRow, text: str) -> str:
    return break_control_tokens(text) if row.control_tokens else text


def _system(row: TraceRow) -> dict[str, Any]:
    return {"created_at": row.created_at, "trace_version": row.trace_version}


def _metadata(row: TraceRow, system: dict[str, Any]) -> dict[str, Any]:
    """The system's keys, then the trace's; one that would hide a system key becomes `meta.<name>`."""
    meta = orjson.loads(row.meta) or {}
    if system.keys().isdisjoint(meta):
        return {**system, **meta}
    merged = dict(system)
    for key, value in meta.items():
        while key in merged:
            key = f"meta.{key}"
        merged[key] = value
    return merged
