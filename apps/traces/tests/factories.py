"""Traces for tests."""

from typing import Any

from apps.traces.ingest import ingest_traces, parse_trace
from apps.traces.models import Trace


def make_payload(**overrides: Any) -> dict[str, Any]:
    """The JSON of a valid trace."""
    return {
        "trace_version": "1.0",
        "prompt": "What is 27 × 19?",
        "final_answer": "513",
        "steps": [
            {"i": 0, "type": "parse", "content": "27 × 19 = 27 × (20 - 1)"},
            {"i": 1, "type": "compute", "content": "540 - 27 = 513"},
        ],
        "meta": {"source": "test"},
        **overrides,
    }


def make_trace(**overrides: Any) -> Trace:
    """A stored trace."""
    [stored] = ingest_traces([parse_trace(make_payload(**overrides))], created_by=None)
    return Trace.objects.get(pk=stored.id)


def make_traces(count: int, **overrides: Any) -> list[Trace]:
    """Stored traces, oldest first, whose prompts are numbered."""
    return [make_trace(**{"prompt": f"Question {n}", **overrides}) for n in range(count)]
