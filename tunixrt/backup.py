"""Writing a backup of one moment, while the server runs."""

import hashlib
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Model
from django.utils import timezone

from apps.audit.record import Verb, record_act
from apps.core.files import atomic_write
from apps.core.ids import isoformat
from tunixrt.archive import (
    END,
    FILES,
    FOLDERS,
    FORMAT,
    HEAD,
    TABLES,
    Digesting,
    applied_migrations,
    check_name,
    columns_of,
    kept_models,
    writing,
)

_ROWS = 2_000
_PART_BYTES = 8_000_000
# How names of files end that are nothing to keep.
_UNFINISHED = (".lock", ".part")

Say = Callable[[str], None]


class _Archive:
    """Counts and digests what goes in, for the end."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.rows: dict[str, int] = {}
        self.files = 0
        self._digest = hashlib.sha256()

    def add(self, name: str, content: bytes) -> None:
        self._digest.update(content)
        self._tar.addfile(_member(name, len(content)), BytesIO(content))

    def add_file(self, name: str, path: Path) -> None:
        """One that is being deleted meanwhile is not there."""
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return
        with file:
            size = file.seek(0, 2)
            file.seek(0)
            self._tar.addfile(_member(name, size), Digesting(file, self._digest))
        self.files += 1

    def end(self) -> None:
        digest = self._digest.hexdigest()
        content = orjson.dumps({"rows": self.rows, "files": self.files, "sha256": digest})
        self._tar.addfile(_member(END, len(content)), BytesIO(content))


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mtime, member.mode = size, int(timezone.now().timestamp()), 0o600
    return member


def write_backup(path: Path, say: Say) -> dict[str, int]:
    """Rows by table. The file is whole or not there, and its owner's alone: it has the hashes of passwords
    and tokens. Raises ValidationError.
    """
    check_name(path.name)
    with atomic_write(path, mode=0o600) as file, writing(file, path.name) as tar:
        archive = _Archive(tar)
        with _snapshot():
            archive.add(HEAD, orjson.dumps(_head()))
            for model in kept_models():
                _add_table(archive, model, say)
        for name, found in _files():
            archive.add_file(name, found)
        archive.end()
    details = {"file": path.name, "files": archive.files}
    record_act(Verb.BACKED_UP, rows=sum(archive.rows.values()), details=details)
    return archive.rows


def _head() -> dict[str, Any]:
    return {
        "format": FORMAT,
        "created_at": isoformat(timezone.now()),
        "migrations": applied_migrations(),
        "columns": {
            model._meta.db_table: [field.column for field in columns_of(model)] for model in kept_models()
        },
    }


@contextmanager
def _snapshot() -> Iterator[None]:
    """Everything that is read inside is of one moment; nobody waits for it."""
    if connection.vendor == "postgresql":
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
        return
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")  # not Django's, which takes the lock of the one writer
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


def _add_table(archive: _Archive, model: type[Model], say: Say) -> None:
    table, count = model._meta.db_table, 0
    for number, (rows, content) in enumerate(_parts(model), 1):
        archive.add(f"{TABLES}/{table}/{number:06}.jsonl", content)
        count += rows
    archive.rows[table] = count
    if count:
        say(f"{table}: {count:,} rows")


def _parts(model: type[Model]) -> Iterator[tuple[int, bytes]]:
    """Rows as lines, as many as fit."""
    names = [field.attname for field in columns_of(model)]
    rows = model._base_manager.order_by("pk").values_list(*names).iterator(_ROWS)
    lines: list[bytes] = []
    size = 0
    while page := [*islice(rows, _ROWS)]:
        for row in page:
            line = orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
            lines.append(line)
            size += len(line)
            if size >= _PART_BYTES:
                yield len(lines), b"".join(lines)
                lines, size = [], 0
    if lines:
        yield len(lines), b"".join(lines)


def _files() -> Iterator[tuple[str, Path]]:
    """Whole ones, without what is still being written or uploaded."""
    for folder in FOLDERS:
        for path in sorted((settings.DATA_DIR / folder).rglob("*")):
            if path.is_file() and not path.name.startswith(".") and path.suffix not in _UNFINISHED:
                yield f"{FILES}/{path.relative_to(settings.DATA_DIR).as_posix()}", path
