"""Importing an uploaded file in the background, each row once whatever happens to the worker."""

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any, BinaryIO, cast

from django.core.exceptions import ValidationError
from django.db import OperationalError, transaction
from django.utils import timezone

from apps.audit.record import Verb, record_act
from apps.core.errors import sentence
from apps.core.sql import is_disk_full, much_written
from apps.core.storable import storable
from apps.imports.apart import is_big, prepared
from apps.imports.choose import opened, plan_of
from apps.imports.load import Duplicates, Loader, OnError, Report
from apps.imports.models import Import
from apps.imports.parse import Rejection
from apps.imports.prepare import Chunk
from apps.imports.receive import no_room
from apps.imports.remove import clear_files, conclude, remove_brought
from apps.jobs.handlers import handler
from apps.jobs.work import Cancelled, Work

# A file up to this size that is not packed is done in a second or two: in one transaction.
SMALL = 2 << 20

CANCELLED = "Cancelled. What it had stored was removed again."
NO_ROOM = "The disk is full. What it had stored was removed again. Make room, then upload the file again."


@handler
def run_import(work: Work, *, import_id: str) -> dict[str, Any]:
    """Raises ValidationError where it comes to nothing: what it had stored is then removed again."""
    found = Import.objects.get(pk=import_id)
    if not found.is_running:  # the worker died between the end of the import and that of its job
        clear_files(found, found.state)
        return _counts(found)
    run = _Run(work, found)
    try:
        if found.reason:  # and here while it removed what it had stored
            raise Cancelled if work.job.cancel_requested_at else ValidationError(found.reason)
        run.perform()
    except Cancelled:
        undo(work, found, run.report, Import.State.CANCELLED, CANCELLED)
        raise
    except ValidationError as error:
        undo(work, found, run.report, Import.State.FAILED, storable(sentence(error)))
        raise
    except OperationalError as error:
        if not is_disk_full(error):
            raise
        # First, for it often lies on the same disk: without room nothing can be deleted from the database.
        found.path.unlink(missing_ok=True)
        undo(work, found, run.report, Import.State.FAILED, NO_ROOM)
        raise ValidationError(NO_ROOM) from error
    return _counts(found)


def undo(work: Work, found: Import, report: Report, state: str, reason: str) -> None:
    """Nothing is left of it, also when this is interrupted: the reason says how to go on."""
    with transaction.atomic():
        work.hold()
        counts = columns_of(report) | {"stored_count": found.traces.count(), "duplicate_count": 0}
        Import.objects.filter(pk=found.pk).update(reason=reason, **counts)
    remove_brought(work, found)
    conclude(work, found, state, reason)


class _Run:
    """One attempt. The counts and the place reached are committed with the rows of each chunk."""

    def __init__(self, work: Work, found: Import) -> None:
        self.work, self.found = work, found
        self.reached = work.checkpoint or {"after": 0, "report": 0}
        self.refused: Rejection | None = None
        self.report = report_of(found)

    def perform(self) -> None:
        plan = plan_of(self.found, self.reached["after"])
        is_apart = is_big(self.found.size, is_packed=self.found.is_packed)
        with (
            self._rejections() as rejections,
            opened(self.found) as file,
            prepared(file, plan, is_apart=is_apart) as groups,
            much_written() if is_apart else nullcontext(),
        ):
            loader = Loader(
                on_error=cast(OnError, self.found.on_error),
                duplicates=cast(Duplicates, self.found.duplicates),
                created_by=self.found.created_by,
                reject=lambda rejection: self._reject(rejection, rejections),
            )
            with transaction.atomic() if self._is_small() else nullcontext():
                self._load(groups, loader, rejections)
                self._finish(loader)
        clear_files(self.found, Import.State.DONE)

    def _is_small(self) -> bool:
        return self.found.size <= SMALL and not self.found.is_packed

    @contextmanager
    def _rejections(self) -> Iterator[BinaryIO]:
        """The report, without what a killed attempt wrote to it behind its last chunk."""
        with _needing_room():
            file = self.found.report_path.open("ab")
            if file.tell() > self.reached["report"]:
                file.truncate(self.reached["report"])
                file.seek(0, io.SEEK_END)
        try:
            yield file
        finally:
            with suppress(OSError):  # of what could not be written, which is said already
                file.close()

    def _load(self, groups: Iterable[list[Chunk]], loader: Loader, rejections: BinaryIO) -> None:
        for chunks in groups:
            with transaction.atomic():
                goes_on = loader.load_chunks(chunks, self.report)
                with _needing_room():
                    rejections.flush()
                self.reached = {"after": chunks[-1].place, "report": rejections.tell()}
                self._advance(chunks[-1].estimate(self.report.read, self.found.size))
            if not goes_on:
                break

    def _reject(self, rejection: Rejection, rejections: BinaryIO) -> None:
        self.refused = rejection
        with _needing_room():
            rejections.write(rejection.line())

    def _advance(self, total: int) -> None:
        Import.objects.filter(pk=self.found.pk).update(**columns_of(self.report))
        self.work.advance(self.reached, self.report.read, total)

    def _finish(self, loader: Loader) -> None:
        report = self.report
        if not report.read:
            raise ValidationError("The file holds no rows. Nothing was stored.")
        if loader.is_refused(report):
            raise ValidationError(self._refusal())
        with transaction.atomic():
            self._advance(report.read)
            note_done(self.found, report)

    def _refusal(self) -> str:
        if self.refused and self.found.on_error == Import.OnError.STOP:
            said = self.refused.sentence.rstrip(".")
            return f"{self.found.unit.capitalize()} {self.refused.place}: {said}. Nothing was stored."
        return f"{self.report.rejected:,} of {self.report.read:,} rows were rejected. Nothing was stored."


@contextmanager
def _needing_room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise no_room(error) from error


def note_done(found: Import, report: Report, **values: Any) -> None:
    """In a transaction in which the import is held."""
    state = {"state": Import.State.DONE, "finished_at": timezone.now()}
    Import.objects.filter(pk=found.pk).update(**state, **values)
    if report.stored:
        details = {"import": str(found.pk), "file": found.file_name}
        record_act(Verb.IMPORTED_TRACE, report.ingest_id, rows=report.stored, details=details)


def report_of(found: Import) -> Report:
    counts = (found.read_count, found.stored_count, found.rejected_count, found.duplicate_count)
    return Report(found.ingest_id, *counts)


def columns_of(report: Report) -> dict[str, int]:
    return {
        "read_count": report.read,
        "stored_count": report.stored,
        "rejected_count": report.rejected,
        "duplicate_count": report.duplicates,
    }


def _counts(found: Import) -> dict[str, Any]:
    found.refresh_from_db()
    return {
        "import": str(found.pk),
        "read": found.read_count,
        "stored": found.stored_count,
        "rejected": found.rejected_count,
        "duplicates": found.duplicate_count,
    }
