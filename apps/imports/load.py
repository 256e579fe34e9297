"""Storing the rows of a file: every row is stored, a duplicate, or said with its place and reason."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, cast
from uuid import UUID

from apps.accounts.models import User
from apps.core.ids import new_id
from apps.imports.duplicates import Known, Seen, keep_others_out
from apps.imports.parse import Rejection
from apps.imports.prepare import Chunk, Ready
from apps.traces.derive import Derived
from apps.traces.ingest import store_traces

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
    known: Known = field(default_factory=Known)
    # Makes it a dry run.
    seen: Seen | None = None

    def is_refused(self, report: Report) -> bool:
        """Whether what was read so far means that nothing may stay."""
        return bool(report.rejected) and self.on_error != "skip"

    def load_chunks(self, chunks: list[Chunk], report: Report) -> bool:
        """Within a transaction. Whether to go on."""
        return all(self._load(chunk, report) for chunk in chunks)

    def _load(self, chunk: Chunk, report: Report) -> bool:
        report.read += chunk.read
        for rejection in chunk.rejections:
            report.rejected += 1
            self.reject(rejection)
            if self.on_error == "stop":
                return False
        if not self.is_refused(report):
            self._store(chunk.ready, report)
        return True

    def _store(self, ready: list[Ready], report: Report) -> None:
        if self.seen is None:
            keep_others_out(is_keeping=self.duplicates == "keep")
        new = ready if self.duplicates == "keep" else self.known.new_of(ready, report.ingest_id)
        if self.seen is not None:
            new = new if self.duplicates == "keep" else self.seen.unseen(new)
        elif new:
            # Of a dry run alone it is None: that would be a fault, and no row less.
            traces = [cast(Derived, item.derived) for item in new]
            store_traces(traces, created_by=self.created_by, ingest_id=report.ingest_id)
        report.stored += len(new)
        report.duplicates += len(ready) - len(new)


def try_traces(
    groups: Iterable[list[Chunk]],
    loader: Loader,
    advance: Callable[[Report, Chunk], object] = lambda report, chunk: None,
) -> Report:
    """What would come of them, by a loader for a dry run: it keeps nobody from writing."""
    report = Report(new_id())
    for chunks in groups:
        goes_on = loader.load_chunks(chunks, report)
        advance(report, chunks[-1])
        if not goes_on:
            break
    if loader.is_refused(report):
        report.stored = report.duplicates = 0
    return report
