"""Storing the rows of a file: every row is stored, a duplicate, or said with its place and reason."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from django.db import transaction

from apps.accounts.models import User
from apps.audit.record import Verb, record_act
from apps.core.ids import new_id
from apps.formats.trace import TracePayload
from apps.imports.duplicates import Known
from apps.imports.parse import Parsed, Rejection, chunks
from apps.traces.ingest import ingest_traces

OnError = Literal["stop", "skip", "all-or-nothing"]
Duplicates = Literal["skip", "keep"]


@dataclass
class Report:
    """What came of a load so far; `read` rows are stored, or could be but for those `rejected`."""

    ingest_id: UUID
    read: int = 0
    stored: int = 0
    rejected: int = 0
    duplicates: int = 0


@dataclass(frozen=True)
class Loader:
    """How rows are stored; `reject` is told of each row that cannot be."""

    on_error: OnError
    duplicates: Duplicates
    created_by: User | None
    reject: Callable[[Rejection], None]
    is_dry_run: bool = False
    known: Known = field(default_factory=Known)

    def is_refused(self, report: Report) -> bool:
        """Whether what was read so far means that nothing may stay."""
        return bool(report.rejected) and self.on_error != "skip"

    def load_chunk(self, chunk: list[Parsed], report: Report) -> bool:
        """Within a transaction. Whether to go on."""
        report.read += len(chunk)
        for item in chunk:
            if item.rejection:
                report.rejected += 1
                self.reject(item.rejection)
                if self.on_error == "stop":
                    return False
        if not self.is_refused(report):
            self._store([item.payload for item in chunk if item.payload], report)
        return True

    def _store(self, payloads: list[TracePayload], report: Report) -> None:
        new = payloads if self.duplicates == "keep" else self.known.new_of(payloads, report.ingest_id)
        if new and not self.is_dry_run:
            ingest_traces(new, created_by=self.created_by, ingest_id=report.ingest_id)
        report.stored += len(new)
        report.duplicates += len(payloads) - len(new)


def load_traces(parsed: Iterable[Parsed], loader: Loader, ingest_id: UUID | None = None) -> Report:
    """In one transaction. "stop" ends at the first bad row, "all-or-nothing" at the end of the file; both
    store nothing then.
    """
    report = Report(ingest_id or new_id())
    with transaction.atomic():
        for chunk in chunks(parsed):
            if not loader.load_chunk(chunk, report):
                break
        if loader.is_refused(report):
            transaction.set_rollback(True)
            report.stored = report.duplicates = 0
        elif report.stored and not loader.is_dry_run:
            record_act(Verb.IMPORTED_TRACE, report.ingest_id, rows=report.stored)
    return report
