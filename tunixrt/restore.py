"""Putting a backup in the place of what is here: all of it, or nothing."""

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path, PurePosixPath
from shutil import copyfileobj
from typing import Any, BinaryIO
from uuid import UUID

import orjson
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.core.management.color import no_style
from django.db import DatabaseError, DataError, IntegrityError, connection, transaction
from django.db.models import DateTimeField, Field, ForeignKey, JSONField, Model, UUIDField

from apps.audit.append_only import emptying
from apps.audit.record import Verb, record_act
from apps.core.errors import conflict, join_names
from apps.core.sql import column_names, placeholders
from tunixrt.archive import (
    DAMAGES,
    END,
    FILES,
    FOLDERS,
    FORMAT,
    HEAD,
    TABLES,
    Digesting,
    applied_migrations,
    columns_of,
    damaged,
    kept_models,
    members,
    models_by_table,
)

# Far more than any part that a backup writes.
_MAX_PART = 1 << 28
# Filled by migrate, so that a place with nothing else is an empty one.
_FILLED_BY_MIGRATE = {"django_content_type", "auth_permission", "audit_act"}
# What JSON spells as a text, and how it is read.
_SPELLED: dict[type[Any], Callable[[str], Any]] = {
    UUIDField: UUID,
    DateTimeField: datetime.fromisoformat,
}

Say = Callable[[str], None]
Member = tuple[str, int, BinaryIO]


def restore_backup(path: Path, *, replace: bool, say: Say) -> dict[str, int]:
    """Rows by table. Raises ValidationError, and then the place is as before."""
    found = members(path)
    try:
        with _staging() as staged, transaction.atomic(), emptying():
            head = _check_head(next(found, None), path.name)
            if not replace:
                _check_empty()
            _empty()
            counts = _Restored(path.name, staged, say, head).take(found)
            _set_sequences()
            connection.check_constraints()
            record_act(Verb.RESTORED, rows=sum(counts.values()), details={"file": path.name})
            transaction.on_commit(lambda: _swap(staged))
    except (*DAMAGES, DataError, IntegrityError, ValueError) as error:
        raise damaged(path.name) from error
    except DatabaseError as error:
        said = " ".join(str(error).split())
        raise ValidationError(f"The database did not take it: {said}. Nothing was restored.") from error
    return counts


def _check_head(first: Member | None, name: str) -> bytes:
    if first is None or first[0] != HEAD:
        raise ValidationError(f"{name} is no backup of tunix-rt.")
    content = first[2].read()
    head = orjson.loads(content)
    if not isinstance(head, dict) or not {"format", "migrations", "columns"} <= head.keys():
        raise damaged(name)
    given, here = {*head["migrations"]}, {*applied_migrations()}
    if head["format"] > FORMAT or given - here:
        raise ValidationError(f"{name} is of a newer version. Update first, then restore it.")
    if here - given:
        lacking = join_names(sorted(here - given))
        raise ValidationError(
            f"{name} is of an older version, without {lacking}. Restore it there, then update."
        )
    if head["columns"] != {m._meta.db_table: [f.column for f in columns_of(m)] for m in kept_models()}:
        raise ValidationError(f"{name} has other columns than this version.")
    return content


def _check_empty() -> None:
    models = [model for model in kept_models() if model._meta.db_table not in _FILLED_BY_MIGRATE]
    filled = [str(model._meta.verbose_name_plural) for model in models if model._base_manager.exists()]
    if filled:
        raise conflict(f"There are {join_names(filled)} here. With --replace they give way to the backup.")


def _empty() -> None:
    tables = [connection.ops.quote_name(model._meta.db_table) for model in kept_models()]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"TRUNCATE {', '.join(tables)} CASCADE")
            return
        for table in tables:
            cursor.execute(f"DELETE FROM {table}")


class _Restored:
    """Takes the members one by one and compares at the end what came with what was sent."""

    def __init__(self, name: str, staged: Path, say: Say, head: bytes) -> None:
        self._name, self._staged, self._say = name, staged, say
        self._models = models_by_table(kept_models())
        self._rows = dict.fromkeys(self._models, 0)
        self._files = 0
        self._digest = hashlib.sha256(head)

    def take(self, found: Iterator[Member]) -> dict[str, int]:
        for name, size, content in found:
            parts = PurePosixPath(name).parts
            if parts == (END,):
                self._compare(orjson.loads(content.read()))
                return self._rows
            if len(parts) == 3 and parts[0] == TABLES and parts[1] in self._models and size <= _MAX_PART:
                self._take_rows(parts[1], content.read())
            elif len(parts) > 2 and parts[0] == FILES and parts[1] in FOLDERS and ".." not in parts:
                self._take_file(self._staged.joinpath(*parts[1:]), content)
            else:
                break
        raise damaged(self._name)

    def _take_rows(self, table: str, content: bytes) -> None:
        self._digest.update(content)
        rows = [orjson.loads(line) for line in content.splitlines()]
        _insert(self._models[table], rows)
        self._rows[table] += len(rows)
        self._say(f"{table}: {self._rows[table]:,} rows")

    def _take_file(self, path: Path, content: BinaryIO) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            copyfileobj(Digesting(content, self._digest), file)
        self._files += 1

    def _compare(self, end: dict[str, Any]) -> None:
        stored = {table: model._base_manager.count() for table, model in self._models.items()}
        seen = {"rows": self._rows, "files": self._files, "sha256": self._digest.hexdigest()}
        if end != seen or stored != self._rows:
            raise damaged(self._name)


def _insert(model: type[Model], rows: list[list[Any]]) -> None:
    fields, table = columns_of(model), connection.ops.quote_name(model._meta.db_table)
    columns = [_taken(field, values) for field, values in zip(fields, zip(*rows, strict=True), strict=True)]
    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            statement = f"INSERT INTO {table} ({column_names(fields)}) VALUES ({placeholders(fields)})"
            cursor.executemany(statement, [*zip(*columns, strict=True)])
            return
        statement = f"COPY {table} ({column_names(fields)}) FROM STDIN"
        with connection.wrap_database_errors, cursor.copy(statement) as copy:
            for row in zip(*columns, strict=True):
                copy.write_row(row)


def _taken(field: "Field[Any, Any]", values: tuple[Any, ...]) -> list[Any]:
    """As the driver takes them what JSON had to spell."""
    if isinstance(field, JSONField):
        return [field.get_db_prep_save(value, connection) for value in values]
    target: Field[Any, Any] = field.target_field if isinstance(field, ForeignKey) else field
    read = next((read for kind, read in _SPELLED.items() if isinstance(target, kind)), None)
    if read is None:
        return [*values]
    prepare = target.get_db_prep_value
    return [None if value is None else prepare(read(value), connection, True) for value in values]


def _set_sequences() -> None:
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), kept_models()):
            cursor.execute(statement)


@contextmanager
def _staging() -> Iterator[Path]:
    """A folder beside those that it is to take the place of."""
    folder = Path(tempfile.mkdtemp(dir=settings.DATA_DIR, prefix=".restore-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _swap(staged: Path) -> None:
    """Raises ValidationError where the files cannot follow the database."""
    ContentType.objects.clear_cache()
    for folder in FOLDERS:
        here, new = settings.DATA_DIR / folder, staged / folder
        here.mkdir(exist_ok=True)
        new.mkdir(exist_ok=True)
        try:
            _swap_folder(here, new)
        except OSError as error:
            raise ValidationError(
                f"The database is restored, but not its folder {here}: {error.strerror}. Mend that, then"
                " restore again with --replace."
            ) from error


def _swap_folder(here: Path, new: Path) -> None:
    try:
        os.replace(here, new.with_suffix(".old"))
        os.replace(new, here)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EBUSY):
            raise
        # Another volume is mounted there: it stays, and its content is exchanged.
        for path in here.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copytree(new, here, dirs_exist_ok=True)
