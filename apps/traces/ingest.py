"""The one way in: values are parsed into payloads, payloads become rows."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

import orjson
import pydantic
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from apps.accounts.models import User
from apps.audit.record import Verb, insert_recorded, record_act
from apps.core.errors import MAX_LISTED_FAULTS, from_pydantic, messages_by_path, too_large
from apps.core.ids import new_id, time_of
from apps.core.sql import column_names, placeholders, prepared
from apps.formats.trace import TracePayload
from apps.traces.derive import Derived, derive
from apps.traces.models import Trace

MAX_BATCH = 1_000


class Origin(NamedTuple):
    """How a trace came in: its first columns. Those of a Derived follow."""

    id: UUID
    created_at: datetime
    ingest_id: UUID
    external_id: None
    created_by_id: int | None


Row = tuple[Any, ...]
COLUMNS = (*Origin._fields, *Derived._fields)
_FIELDS = sorted(Trace._meta.concrete_fields, key=lambda field: COLUMNS.index(field.attname))


class StoredTrace(NamedTuple):
    id: UUID
    created_at: datetime
    trace_version: str


def parse_trace(value: Any, *path: int) -> TracePayload:
    """Validate one decoded JSON value. Raises ValidationError with paths below `path`."""
    size = len(orjson.dumps(value))
    if size > settings.TRACE_MAX_BYTES:
        raise too_large(" ".join(["Trace", *map(str, path)]), settings.TRACE_MAX_BYTES)
    try:
        return TracePayload.model_validate(value)
    except pydantic.ValidationError as error:
        raise from_pydantic(error, *path) from error


def parse_batch(values: Any) -> list[TracePayload]:
    """Validate a list of 1 to MAX_BATCH decoded values. Raises ValidationError with every refusal."""
    if not isinstance(values, list):
        raise ValidationError("The body must be a list of traces.")
    if not values:
        raise ValidationError("Batch must contain at least one trace")
    if len(values) > MAX_BATCH:
        raise ValidationError(f"Batch size ({len(values)}) exceeds maximum ({MAX_BATCH})")
    payloads: list[TracePayload] = []
    refusals: dict[str, list[str]] = {}
    for index, value in enumerate(values):
        try:
            payloads.append(parse_trace(value, index))
        except ValidationError as error:
            found = messages_by_path(error)
            if not found or len(refusals) > MAX_LISTED_FAULTS:
                raise
            refusals |= found
    if refusals:
        raise ValidationError(refusals)
    return payloads


def ingest_traces(
    payloads: Sequence[TracePayload], *, created_by: User | None, ingest_id: UUID | None = None
) -> list[StoredTrace]:
    """Store all or none, in this order.

    `ingest_id` joins several calls to one act, which whoever calls records when it is done.
    """
    return store_traces([*map(derive, payloads)], created_by=created_by, ingest_id=ingest_id)


def store_traces(
    traces: Sequence[Derived], *, created_by: User | None, ingest_id: UUID | None = None
) -> list[StoredTrace]:
    """As `ingest_traces` does."""
    act, user = ingest_id or new_id(), created_by.pk if created_by else None
    rows = [(*_origin(act, user), *trace) for trace in traces]
    if ingest_id:
        _insert(rows)
    elif len(rows) == 1:
        _insert_one(rows[0])
    else:
        with transaction.atomic():
            _insert(rows)
            record_act(Verb.MADE_TRACE, act, rows=len(rows))
    return [StoredTrace(row[0], row[1], trace.trace_version) for row, trace in zip(rows, traces, strict=True)]


def _origin(act: UUID, user: int | None) -> Origin:
    id = new_id()
    return Origin(id, time_of(id), act, None, user)


def _insert(rows: Sequence[Row]) -> None:
    if connection.vendor == "postgresql":
        _copy(rows)
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(_statement(), [*prepared(_FIELDS, rows)])


def _copy(rows: Sequence[Row]) -> None:
    """COPY is one statement, so all or nothing, and the fastest way in that PostgreSQL has."""
    columns = f"{Trace._meta.db_table} ({column_names(_FIELDS)})"
    statement = f"COPY {columns} FROM STDIN (FORMAT BINARY)"  # half the work of text, for us
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(_types())
        for row in rows:
            copy.write_row(row)


@cache
def _types() -> list[str]:
    """Of the columns, for what is written in binary must say it itself."""
    return [str(field.db_type(connection)).partition("(")[0] for field in _FIELDS]


def _insert_one(row: Row) -> None:
    [values] = prepared(_FIELDS, [row])
    insert_recorded(f"{_statement()} RETURNING id", values, Verb.MADE_TRACE, row[0])


@cache
def _statement() -> str:
    # A trigger follows each row. So that it could be undone, SQLite would copy all pages that the row
    # changes, which costs more than the row; with FAIL it need not. A row is refused before any of it is
    # written.
    verb = "INSERT" if connection.vendor == "postgresql" else "INSERT OR FAIL"
    return f"{verb} INTO {Trace._meta.db_table} ({column_names(_FIELDS)}) VALUES ({placeholders(_FIELDS)})"
