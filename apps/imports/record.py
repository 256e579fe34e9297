"""An import that a command does by itself, and the record of it.

It is stored in chunks, so that others can write meanwhile, however long a pipe is read. Its job is held by
the command, as by a worker; where nothing is heard of the command any more, a worker undoes it.
"""

import hashlib
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

from django.core.exceptions import ValidationError
from django.core.management import CommandError
from django.db import OperationalError, transaction
from django.utils import timezone

from apps.core.errors import sentence
from apps.core.sql import is_disk_full
from apps.core.storable import storable
from apps.imports.choose import Terms, set_recipe
from apps.imports.load import Loader, Report
from apps.imports.models import FILE_NAME_MAX_LENGTH, Import
from apps.imports.prepare import Chunk
from apps.imports.read import Rows
from apps.imports.recognise import Recipe
from apps.imports.run import CANCELLED, columns_of, note_done, report_of, undo
from apps.jobs.handlers import handler
from apps.jobs.models import Job
from apps.jobs.perform import BEAT_SECONDS
from apps.jobs.repeat import repeating
from apps.jobs.start import record_job
from apps.jobs.work import Cancelled, ClaimLost, Work, claim_job

_PART = 1 << 20
KILLED = "The command was killed. What it had stored was removed again."
NO_ROOM = "The disk is full. What it had stored was removed again. Make room, then run it again."
LOST = "Nothing was heard of this command for too long: a worker removes what it had stored. Run it again."


class Measured(io.RawIOBase):
    """A stream with its length and digest: of a file at once, of a pipe as it is read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._digest = hashlib.sha256()
        self.size = 0
        if stream.seekable():
            start = stream.tell()
            while part := stream.read(_PART):
                self._note(part)
            stream.seek(start)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        part = self._stream.read(len(buffer))
        self._note(part)
        buffer[: len(part)] = part
        return len(part)

    def _note(self, part: bytes) -> None:
        self._digest.update(part)
        self.size += len(part)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    @property
    def source(self) -> BinaryIO:
        """What to read from."""
        return self._stream if self._stream.seekable() else cast(BinaryIO, io.BufferedReader(self))


class Recording:
    """The import of one command; `report` says how far it is."""

    def __init__(self, record: Import, measured: Measured) -> None:
        self.record, self.measured = record, measured
        self.report = Report(record.ingest_id)
        self.work = _begin(record)

    def load(self, groups: Iterable[list[Chunk]], loader: Loader) -> None:
        """A transaction for each list. Raises Cancelled and ClaimLost, too."""
        for chunks in groups:
            with transaction.atomic():
                goes_on = loader.load_chunks(chunks, self.report)
                Import.objects.filter(pk=self.record.pk).update(**columns_of(self.report))
                self.work.advance(None, self.report.read)
            if not goes_on:
                return

    def conclude(self) -> None:
        with transaction.atomic():
            self.work.hold()
            note_done(self.record, self.report, **self._measures)
            self.work.end(Job.State.DONE)

    def come_to_nothing(self, reason: str, *, is_stopped: bool) -> None:
        state = Import.State.CANCELLED if is_stopped else Import.State.FAILED
        Import.objects.filter(pk=self.record.pk).update(**self._measures)
        undo(self.work, self.record, self.report, state, reason)
        self.work.end(Job.State.CANCELLED if is_stopped else Job.State.FAILED, reason=reason)

    @property
    def _measures(self) -> dict[str, Any]:
        return {"size": self.measured.size, "sha256": self.measured.sha256}


@contextmanager
def recorded(record: Import, measured: Measured) -> Iterator[Recording]:
    """All that the block loads and the record of it, or only the record with the reason why not.

    Raises CommandError. Where the database cannot be used to remove what was stored, a worker does it later.
    """
    recording = Recording(record, measured)
    with repeating(BEAT_SECONDS, recording.work.beat):
        try:
            yield recording
            recording.conclude()
        except ClaimLost as error:
            raise CommandError(LOST) from error
        except BaseException as error:  # whatever it is, also Ctrl-C: nothing stays, and it goes on from here
            is_stopped = isinstance(error, Cancelled | KeyboardInterrupt)
            reason = _reason_of(error)
            try:
                recording.come_to_nothing(reason, is_stopped=is_stopped)
            except ClaimLost:  # a worker does it
                reason = LOST
            if isinstance(error, ValidationError | OperationalError) or is_stopped:
                raise CommandError(reason) from error
            raise


@handler
def undo_command(work: Work, *, import_id: str) -> None:
    found = Import.objects.get(pk=import_id)
    if found.is_running:
        reason = found.reason or KILLED
        undo(work, found, report_of(found), Import.State.FAILED, reason)
        raise ValidationError(reason)


def _begin(record: Import) -> Work:
    record.state, record.started_at = Import.State.RUNNING, timezone.now()
    with transaction.atomic():
        arguments = {"import_id": str(record.pk)}
        record.job = record_job(undo_command, arguments, title=f"Import {record}", created_by=None)
        work = claim_job(record.job.pk)
        if work is None:
            raise ClaimLost
        record.save(force_insert=True)
    return work


def _reason_of(error: BaseException) -> str:
    match error:
        case ValidationError():
            return storable(f"{sentence(error)} Nothing was stored.")
        case CommandError():
            return storable(str(error))
        case Cancelled() | KeyboardInterrupt():
            return CANCELLED
        case OperationalError() if is_disk_full(error):
            return NO_ROOM
    return f"It met an unexpected error, {type(error).__name__}. What it had stored was removed again."


def new_record(name: str, rows: Rows, recipe: Recipe, terms: Terms) -> Import:
    record = Import(
        file_name=storable(name)[-FILE_NAME_MAX_LENGTH:],
        size=0,
        container=rows.container,
        packing=rows.packing or "",
        encoding=rows.encoding or "",
        unit=rows.unit,
        source=terms.source or "",
        on_error=terms.on_error,
        duplicates=terms.duplicates,
    )
    set_recipe(record, recipe)
    return record
