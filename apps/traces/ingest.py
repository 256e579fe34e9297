"""The one way in: values are parsed into payloads, payloads become rows."""

from collections.abc import Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

import orjson
import pydantic
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from apps.accounts.models import User
from apps.core.digests import fold_text, sha256_hex, short_hash
from apps.core.errors import MAX_LISTED_FAULTS, from_pydantic, messages_by_path, too_large
from apps.core.ids import new_id, time_of
from apps.core.json import canonical_json, compact_json
from apps.core.sql import column_names, placeholders, prepared
from apps.formats.gemma import count_control_tokens
from apps.formats.meta import meta_terms
from apps.formats.trace import TracePayload, baseline_score
from apps.traces.models import Trace

MAX_BATCH = 1_000

# A row's values in the order of the columns.
_values = itemgetter(*(field.attname for field in Trace._meta.concrete_fields))


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
    """Store all or none, in this order; `ingest_id` joins several calls to one act."""
    act = ingest_id or new_id()
    rows = [_row(payload, created_by, act) for payload in payloads]
    if connection.vendor == "postgresql" and len(rows) > 1:
        _copy(rows)
    else:
        _insert(rows)
    return [StoredTrace(row["id"], row["created_at"], row["trace_version"]) for row in rows]


def _row(payload: TracePayload, created_by: User | None, ingest_id: UUID) -> dict[str, Any]:
    """One value for every column of Trace: all that is derived from a trace is derived here."""
    fields = payload.fields
    contents = payload.contents
    texts = [payload.prompt, payload.final_answer, *contents]
    score = baseline_score([*map(len, contents)])
    id = new_id()
    return {
        "id": id,
        "created_at": time_of(id),
        "source": payload.source,
        "trace_version": payload.trace_version,
        "step_count": len(contents),
        "char_count": sum(map(len, texts)),
        "control_tokens": count_control_tokens(texts),
        "score": score["score"],
        "content_digest": sha256_hex(canonical_json(fields)),
        "prompt_hash": short_hash(fold_text(payload.prompt).encode()),
        "ingest_id": ingest_id,
        "external_id": None,
        "created_by_id": created_by.pk if created_by else None,
        "meta_terms": meta_terms(payload.meta),
        "prompt": payload.prompt,
        "final_answer": payload.final_answer,
        "steps": compact_json(payload.steps),
        "meta": compact_json(payload.meta),
    }


def _copy(rows: list[dict[str, Any]]) -> None:
    """COPY is one statement, so all or nothing, and the fastest way in that PostgreSQL has."""
    fields = Trace._meta.concrete_fields
    statement = f"COPY {Trace._meta.db_table} ({column_names(fields)}) FROM STDIN"
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(statement) as copy:
        for values in map(_values, rows):
            copy.write_row(values)


def _insert(rows: list[dict[str, Any]]) -> None:
    fields = Trace._meta.concrete_fields
    # A trigger follows each row. So that it could be undone, SQLite would copy the pages that a row changes,
    # which costs more than the row; with FAIL it need not. A row is refused before anything of it is written.
    verb = "INSERT" if connection.vendor == "postgresql" else "INSERT OR FAIL"
    sql = f"{verb} INTO {Trace._meta.db_table} ({column_names(fields)}) VALUES ({placeholders(fields)})"
    values = [*prepared(fields, map(_values, rows))]
    with connection.cursor() as cursor:
        if len(values) == 1:
            cursor.execute(sql, values[0])
        else:
            with transaction.atomic():
                cursor.executemany(sql, values)
