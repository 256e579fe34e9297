"""A file on its way in: written to the disk as it comes, and looked into before it counts as here."""

import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from apps.accounts.models import User
from apps.core.errors import sentence, too_large
from apps.core.ids import new_id
from apps.core.storable import storable
from apps.imports.choose import Terms, rows_of, set_recipe
from apps.imports.models import FILE_NAME_MAX_LENGTH, Import, import_folder
from apps.imports.read import Rows

# A file that was not written to for so long is no longer on its way: its server was killed.
_STALE_SECONDS = 24 * 3600
_PARTIAL = ".part"


class Upload:
    """The bytes of one file. Whoever makes one ends it by `keep` or by `discard`."""

    def __init__(self) -> None:
        """Raises ValidationError where the folder cannot be written to."""
        self.id = new_id()
        self.size = 0
        self._is_kept = False
        self._digest = hashlib.sha256()
        self._path = import_folder() / f"{self.id}{_PARTIAL}"
        try:
            import_folder().mkdir(parents=True, exist_ok=True)
            _clear_stale(import_folder())
            self._file = self._path.open("wb")
        except OSError as error:
            raise no_room(error) from error

    def write(self, part: bytes) -> None:
        """Raises ValidationError where there is too much of it, or no room."""
        self.size += len(part)
        if self.size > settings.IMPORT_MAX_BYTES:
            raise too_large("The file", settings.IMPORT_MAX_BYTES)
        self._digest.update(part)
        try:
            self._file.write(part)
        except OSError as error:
            raise no_room(error) from error

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def keep(self, file_name: str, created_by: User | None) -> Import:
        """The record of it, with what is recognised. Raises ValidationError for what is no file of rows."""
        found = self.look_into(file_name, created_by)
        self.store(found)
        return found

    def look_into(self, file_name: str, created_by: User | None) -> Import:
        """The record of it, to be stored: `keep` in two parts, for whom a transaction must be short."""
        try:
            self._close()
        except OSError as error:
            raise no_room(error) from error
        found = Import(
            id=self.id,
            file_name=storable(Path(file_name).name)[-FILE_NAME_MAX_LENGTH:] or "unnamed",
            size=self.size,
            sha256=self.sha256,
            created_by=created_by,
        )
        self._path.replace(found.path)
        self._path = found.path
        with rows_of(found) as rows:
            describe(found, rows)
        return found

    def store(self, found: Import) -> None:
        found.save(force_insert=True)
        transaction.on_commit(self._note_kept)

    def _note_kept(self) -> None:
        self._is_kept = True

    def discard(self) -> None:
        """Nothing where it is kept."""
        self._file.close()
        if not self._is_kept:
            self._path.unlink(missing_ok=True)

    def _close(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()


def describe(found: Import, rows: Rows) -> None:
    """Note what kind of file it is; where its format is not recognised, the reason."""
    found.container, found.unit = rows.container, rows.unit
    found.packing, found.encoding = rows.packing or "", rows.encoding or ""
    try:
        set_recipe(found, Terms().recipe_for(rows))
    except ValidationError as error:
        if not any(row.fault is None for row in rows.head):
            raise  # none of the first rows can be read at all
        found.reason = storable(sentence(error))


def note_refusal(found: Import, terms: Terms, error: ValidationError) -> None:
    """It is kept and waits for other terms: to send a file twice may take long."""
    found.source, found.on_error, found.duplicates = terms.source or "", terms.on_error, terms.duplicates
    found.reason = storable(sentence(error))
    found.save(update_fields=["source", "on_error", "duplicates", "reason"])


def no_room(error: OSError) -> ValidationError:
    said = os.strerror(error.errno or 0)
    return ValidationError(f"The server cannot keep the file: {said}. Nothing was stored.")


def _clear_stale(folder: Path) -> None:
    for path in folder.glob(f"*{_PARTIAL}"):
        with suppress(FileNotFoundError):  # another upload has just been kept
            if path.stat().st_mtime < time.time() - _STALE_SECONDS:
                path.unlink()
