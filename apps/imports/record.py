"""The record of an import that a command does by itself, in one transaction."""

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

from django.core.exceptions import ValidationError
from django.core.management import CommandError
from django.db import transaction
from django.utils import timezone

from apps.core.errors import sentence
from apps.imports.choose import set_recipe
from apps.imports.load import Report
from apps.imports.models import FILE_NAME_MAX_LENGTH, Import
from apps.imports.read import Rows
from apps.imports.recognise import Recipe
from apps.jobs.work import storable

_PART = 1 << 20


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


@contextmanager
def recorded(record: Import, measured: Measured) -> Iterator[None]:
    """All that the block stores and the record of it, or only the record with the reason why not."""
    record.started_at = timezone.now()
    try:
        with transaction.atomic():
            yield
            record.state = Import.State.DONE
            _save(record, measured)
    except (CommandError, ValidationError) as error:
        record.state, record.stored_count, record.duplicate_count = Import.State.FAILED, 0, 0
        record.reason = storable(sentence(error) if isinstance(error, ValidationError) else str(error))
        _save(record, measured)
        raise


def _save(record: Import, measured: Measured) -> None:
    record.size, record.sha256 = measured.size, measured.sha256
    record.finished_at = timezone.now()
    record.save(force_insert=True)


def new_record(name: str, rows: Rows, recipe: Recipe, options: dict[str, Any]) -> Import:
    record = Import(
        file_name=storable(name)[-FILE_NAME_MAX_LENGTH:],
        container=rows.container,
        packing=rows.packing or "",
        encoding=rows.encoding or "",
        unit=rows.unit,
        source=options["source"] or "",
        on_error=options["on_error"],
        duplicates=options["duplicates"],
    )
    set_recipe(record, recipe)
    return record


def set_counts(record: Import, report: Report) -> None:
    record.read_count, record.stored_count = report.read, report.stored
    record.rejected_count, record.duplicate_count = report.rejected, report.duplicates
