"""Rows become payloads, or refusals that say where and why; nothing is stored here."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import orjson
import pydantic
from django.conf import settings
from django.core.exceptions import ValidationError

from apps.core.errors import field_error, from_pydantic, messages_by_path, sentence
from apps.formats.reasoning import UnreadableError
from apps.formats.trace import MAX_STEPS, TracePayload
from apps.imports.recognise import Recipe
from apps.imports.rows import Row
from apps.traces.ingest import parse_trace

# A chunk is stored at once: so many traces, or fewer where they are long.
CHUNK = 1_000
CHUNK_SIZE = 8 << 20

# A byte of a row makes at most six of JSON, and may be read for two fields; a step has its frame.
_GROWTH = 12
_STEP_FRAME = 64


class Rejection(NamedTuple):
    """`place` is the row's, `field` a dotted path or empty, `row` its text as it stands, bounded."""

    place: int
    field: str
    reason: str
    row: str

    @property
    def sentence(self) -> str:
        return f"{self.field}: {self.reason}" if self.field else self.reason

    def line(self) -> bytes:
        """As a line of a report."""
        record = {"line": self.place, "field": self.field, "reason": self.reason, "row": self.row}
        return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)


class Parsed(NamedTuple):
    """Exactly one of `payload` and `rejection` is there."""

    place: int
    size: int
    payload: TracePayload | None
    rejection: Rejection | None


def parse_rows(rows: Iterable[Row], recipe: Recipe, source: str | None = None) -> Iterator[Parsed]:
    """One for each row, in order. With `source`, it becomes the `meta.source` of each trace."""
    for row in rows:
        try:
            yield Parsed(row.place, row.size, _payload(row, recipe, source), None)
        except ValidationError as error:
            yield Parsed(row.place, row.size, None, _rejection(row, error))


def preview(rows: Iterable[Row], recipe: Recipe, count: int = 10, source: str | None = None) -> list[Parsed]:
    """What the first rows would become."""
    return [*islice(parse_rows(rows, recipe, source), count)]


def chunks(parsed: Iterable[Parsed]) -> Iterator[list[Parsed]]:
    """What is stored at once: bounded in count and in size."""
    chunk: list[Parsed] = []
    size = 0
    for item in parsed:
        chunk.append(item)
        size += item.size
        if len(chunk) == CHUNK or size >= CHUNK_SIZE:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _payload(row: Row, recipe: Recipe, source: str | None) -> TracePayload:
    if row.fault:
        raise row.fault
    if not isinstance(row.value, dict):
        raise ValidationError("The row is no object.")
    try:
        value = recipe.read(row.value)
    except UnreadableError as error:
        raise field_error(error.path, str(error)) if error.path else ValidationError(str(error)) from error
    if source:
        value = _with_source(value, source)
    if row.size * _GROWTH + MAX_STEPS * _STEP_FRAME > settings.TRACE_MAX_BYTES:
        return parse_trace(value)
    try:  # far below the limit: measuring it would take as long as all the rest
        return TracePayload.model_validate(value)
    except pydantic.ValidationError as error:
        raise from_pydantic(error) from error


def _with_source(value: dict[str, Any], source: str) -> dict[str, Any]:
    """A meta that is no object stays as it is, for the schema to refuse."""
    meta = value.get("meta")
    if meta is not None and not isinstance(meta, dict):
        return value
    return {**value, "meta": {**(meta or {}), "source": source}}


def _rejection(row: Row, error: ValidationError) -> Rejection:
    field = next(iter(messages_by_path(error)), "")
    reason = sentence(error).removeprefix(f"{field}: ") if field else sentence(error)
    return Rejection(row.place, "" if field == "__all__" else field, reason, row.raw)
