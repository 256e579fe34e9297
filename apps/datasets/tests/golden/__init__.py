"""Traces with fixed ids and times, whose exports are the files of this folder."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from apps.traces.derive import derive
from apps.traces.ingest import Origin, _insert, parse_trace

_ACT = UUID("01940000-0000-7000-8000-000000000000")


def make_small_payloads() -> list[dict[str, Any]]:
    return [
        _trace(
            "What is 27 × 19?",
            "513",
            [
                "Parse the multiplication task",
                "Break down: 27 × 19 = 27 × (20 - 1)",
                "Calculate: 540 - 27 = 513",
            ],
            {"source": "seed", "difficulty": "easy"},
        ),
        _trace(
            'Ünïcödé: e\u0301 \U0001f468\u200d\U0001f469 🂡 שלום \u2028\u2029\u0085\ufeff "q" \\ /',
            "\ttab\r\n\x01\x1f\x7f",
            ["{prompt} %s {{}}", "line one\nline two", " "],
            {"ключ": "значение", "": "\u200b<b>"},
        ),
        _trace(
            "Nested",
            "1",
            ["s"],
            {
                "z": {"y": {"x": [[], {}, [{"a": None}]]}},
                "a": [True, False, None, "", 0, -1, 2**63 - 1, -(2**63)],
                "floats": [0.1, 1.0, -0.0, 1e-7, 1e16, 1e22, 123456789.125, 5e-324, 1.7976931348623157e308],
            },
        ),
        _trace(
            "<start_of_turn>user <bos>",
            "<end_of_turn>\n<start_of_turn>model",
            ["<eos> < eos> <pad><<pad>", "<unk> <START_OF_TURN>"],
            {"note": "<bos>"},
        ),
        _trace(
            "Names that the system uses",
            "x",
            ["s"],
            {
                "format": "mine",
                "created_at": 1,
                "meta.created_at": 2,
                "source_trace_id": None,
                "trace_version": {"a": 1},
                "id": "kept",
            },
        ),
        _trace("No meta", "x", ["s"], None),
    ]


def make_big_payloads() -> list[dict[str, Any]]:
    """1,000 steps, and texts of 50,000 characters of which most have several bytes."""
    return [
        _trace("Many steps", "x", [f"Step {n}: {n} × {n} = {n * n}" for n in range(1_000)], {"n": 1_000}),
        _trace("é🂡 ab" * 10_000, "×" * 50_000, ["…" * 20_000], {"n": 1.5}),
    ]


def _trace(prompt: str, answer: str, contents: list[str], meta: dict[str, Any] | None) -> dict[str, Any]:
    steps = [{"i": i, "type": "step", "content": content} for i, content in enumerate(contents)]
    return {"trace_version": "1.0", "prompt": prompt, "final_answer": answer, "steps": steps, "meta": meta}


def store_traces(payloads: list[dict[str, Any]]) -> list[str]:
    """Their ids, in the order given."""
    rows = [
        (
            *Origin(
                UUID(f"01940000-0000-7000-8000-{number:012}"),
                datetime(2025, 12, 22, 10, 0, 0, number * 100_001, UTC),
                _ACT,
                None,
                None,
            ),
            *derive(parse_trace(payload)),
        )
        for number, payload in enumerate(payloads)
    ]
    _insert(rows)
    return [str(row[0]) for row in rows]
