"""Loading a file of traces: every line is stored, or said with its number and the reason."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from apps.accounts.models import User
from apps.core.errors import from_json_error, sentence, too_large
from apps.core.ids import new_id
from apps.core.json import JSONError, parse_json
from apps.formats.trace import TracePayload
from apps.imports import gsm8k
from apps.imports.lines import Line
from apps.traces.ingest import ingest_traces, parse_trace

FORMATS: dict[str, Callable[[Any], Any]] = {"trace": lambda row: row, "gsm8k": gsm8k.trace_of}
AUTO = "auto"
CHUNK = 1_000


class Rejection(NamedTuple):
    line: int
    reason: str


@dataclass
class Report:
    """What came of a load; `format` is known from the first row on."""

    ingest_id: UUID
    format: str
    stored: int = 0
    rejected: int = 0


def load_traces(
    lines: Iterable[Line],
    *,
    format: str,
    source: str | None,
    created_by: User | None,
    is_dry_run: bool,
    reject: Callable[[Rejection], None],
) -> Report:
    """Store the traces of all lines in one transaction; a dry run only reads them.

    `reject` is told of every line that cannot be stored: when it raises, nothing is. With `source`, it
    becomes the `meta.source` of each trace. Raises ValidationError.
    """
    report = Report(new_id(), format)
    payloads = _payloads(lines, source, report, reject)
    with transaction.atomic():
        while chunk := [*islice(payloads, CHUNK)]:
            if not is_dry_run:
                ingest_traces(chunk, created_by=created_by, ingest_id=report.ingest_id)
            report.stored += len(chunk)
    return report


def _payloads(
    lines: Iterable[Line], source: str | None, report: Report, reject: Callable[[Rejection], None]
) -> Iterator[TracePayload]:
    for line in lines:
        try:
            yield _payload(line, source, report)
        except ValidationError as error:
            report.rejected += 1
            reject(Rejection(line.number, sentence(error)))


def _payload(line: Line, source: str | None, report: Report) -> TracePayload:
    # Four times the trace, as for a body: white space and escapes take room.
    limit = 4 * settings.TRACE_MAX_BYTES
    if len(line.text) > limit:
        raise too_large("The line", limit)
    try:
        row = parse_json(line.text)
    except JSONError as error:
        raise from_json_error(error) from error
    if report.format == AUTO:
        report.format = _recognise(row)
    value = FORMATS[report.format](row)
    return parse_trace(_with_source(value, source) if source else value)


def _recognise(row: Any) -> str:
    if gsm8k.is_gsm8k(row):
        return "gsm8k"
    if isinstance(row, dict) and {"prompt", "steps"} <= row.keys():
        return "trace"
    fields = ", ".join(row) if isinstance(row, dict) else "no object"
    raise ValidationError(f"The format is not recognised: it has {fields}. Name it with --format.")


def _with_source(value: Any, source: str) -> Any:
    """Anything but an object stays as it is, for the schema to refuse."""
    meta = value.get("meta") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not (meta is None or isinstance(meta, dict)):
        return value
    return {**value, "meta": {**(meta or {}), "source": source}}
