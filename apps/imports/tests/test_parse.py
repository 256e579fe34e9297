import io
import json
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from apps.imports import parse
from apps.imports.json_array import read_json_array
from apps.imports.json_lines import read_json_lines
from apps.imports.parse import Parsed, Rejection, chunks, parse_rows, preview
from apps.imports.recognise import FORMATS
from apps.imports.rows import Row
from apps.imports.tests.test_gsm8k import PLAIN
from apps.traces.tests.factories import make_payload


def row(value: Any, place: int = 1, size: int = 10, fault: ValidationError | None = None) -> Row:
    return Row(place, value, json.dumps(value).encode(), size, fault)


def parsed(value: Any, format: str = "trace", **options: Any) -> Parsed:
    [found] = parse_rows([row(value, **options)], FORMATS[format])
    return found


def test_a_row_becomes_a_payload() -> None:
    found = parsed(make_payload(), place=7, size=99)
    assert (found.place, found.size, found.rejection) == (7, 99, None)
    assert found.payload
    assert found.payload.fields == make_payload()


@pytest.mark.parametrize(
    ("value", "format", "field", "reason"),
    [
        (make_payload(prompt=""), "trace", "prompt", "This must not be empty."),
        (
            make_payload(steps=[]),
            "trace",
            "steps",
            "This must not be empty.",
        ),
        ({**PLAIN, "answer": "x"}, "gsm8k", "answer", "There is no final answer behind ####."),
        ({"messages": []}, "messages", "messages", "The turns are none; they must be user, assistant."),
        ([1], "trace", "", "The row is no object."),
        ({"question": "x"}, "gsm8k", "answer", "This must be a text."),
    ],
)
def test_a_refusal_has_place_field_reason_and_row(value: Any, format: str, field: str, reason: str) -> None:
    found = parsed(value, format, place=3)
    assert found.payload is None
    assert found.rejection == Rejection(3, field, reason, json.dumps(value))


def test_a_fault_of_the_file_is_a_refusal() -> None:
    found = parsed(None, fault=ValidationError({"a.b": ["No.", "Never."]}))
    assert found.rejection
    assert found.rejection.sentence == "a.b: No (and 1 more)."
    assert json.loads(found.rejection.line()) == {
        "line": 1, "field": "a.b", "reason": "No (and 1 more).", "row": "null",
    }  # fmt: skip


@pytest.mark.parametrize("read", [read_json_lines, read_json_array], ids=["lines", "array"])
def test_a_refused_key_that_is_no_text_can_be_reported(read: Any) -> None:
    data = rb'[{"\ud800": 1}]' if read is read_json_array else rb'{"\ud800": 1}'
    [found] = parse_rows(read(io.BytesIO(data), 100), FORMATS["trace"])
    assert found.rejection
    assert json.loads(found.rejection.line())["field"] == "\\ud800"
    assert found.rejection.sentence.encode() == rb"\ud800: Text must not contain a lone surrogate."


def test_the_size_of_a_trace_is_bounded_also_where_it_is_not_measured(settings: Any) -> None:
    big = make_payload(meta={"x": "é\n" * 3000})
    size = len(json.dumps(big, ensure_ascii=False).encode())
    settings.TRACE_MAX_BYTES = 10_000
    found = parsed(big, size=size)
    assert found.rejection
    assert found.rejection.reason == "Trace is larger than the limit of 10000 bytes."


def test_a_preview_is_of_the_first_rows() -> None:
    rows = [row(make_payload(), place=n) for n in range(1, 30)]
    assert [found.place for found in preview(rows, FORMATS["trace"])] == [*range(1, 11)]
    assert [found.place for found in preview(rows, FORMATS["trace"], 2)] == [1, 2]


def test_chunks_are_bounded_in_count_and_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parse, "CHUNK", 3)
    monkeypatch.setattr(parse, "CHUNK_SIZE", 100)
    items = [Parsed(n, size, None, None) for n, size in enumerate([1, 1, 1, 60, 60, 200, 5])]
    assert [[item.size for item in chunk] for chunk in chunks(items)] == [[1, 1, 1], [60, 60], [200], [5]]
