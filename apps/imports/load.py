"""Storing a file of traces in one transaction: every row is stored, or said with its place and reason."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from django.db import transaction

from apps.accounts.models import User
from apps.audit.record import Verb, record_act
from apps.core.ids import new_id
from apps.imports.parse import Parsed, Rejection, chunks
from apps.traces.ingest import ingest_traces

OnError = Literal["stop", "skip", "all-or-nothing"]


@dataclass
class Report:
    """What came of a load; `read` rows are stored or could be, but for those `rejected`."""

    ingest_id: UUID
    read: int = 0
    stored: int = 0
    rejected: int = 0


def load_traces(
    parsed: Iterable[Parsed],
    *,
    on_error: OnError,
    created_by: User | None,
    is_dry_run: bool,
    reject: Callable[[Rejection], None],
) -> Report:
    """Store what can be; `reject` is told of each row that cannot.

    "stop" ends at the first such row, "all-or-nothing" at the end of the file; both store nothing then.
    """
    report = Report(new_id())
    with transaction.atomic():
        for chunk in chunks(parsed):
            if not _load_chunk(chunk, report, on_error, created_by, is_dry_run, reject):
                break
        if report.rejected and on_error != "skip":
            transaction.set_rollback(True)
            report.stored = 0
        elif report.stored and not is_dry_run:
            record_act(Verb.IMPORTED_TRACE, report.ingest_id, rows=report.stored)
    return report


def _load_chunk(
    chunk: list[Parsed],
    report: Report,
    on_error: OnError,
    created_by: User | None,
    is_dry_run: bool,
    reject: Callable[[Rejection], None],
) -> bool:
    """Whether to go on."""
    report.read += len(chunk)
    for item in chunk:
        if item.rejection:
            report.rejected += 1
            reject(item.rejection)
            if on_error == "stop":
                return False
    payloads = [item.payload for item in chunk if item.payload]
    is_wanted = on_error == "skip" or not report.rejected
    if payloads and is_wanted and not is_dry_run:
        ingest_traces(payloads, created_by=created_by, ingest_id=report.ingest_id)
    report.stored += len(payloads) if is_wanted else 0
    return True
