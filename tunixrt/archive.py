"""What a backup is: a compressed tar of JSON Lines, the same for every database.

`backup.json` comes first and says for which migrations it is. Then come the rows of each table, in parts that
fit into memory: `tables/<table>/<number>.jsonl`, each row an array. Then the files of the data folder. Last
comes `end.json`, with counts and digest of all before: a file that was cut off cannot pass for a whole one.
"""

import gzip
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import zstandard
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Field, Model

FORMAT = 1
HEAD, END = "backup.json", "end.json"
TABLES, FILES = "tables", "files"

# Folders of the data folder: what is rendered, and what is read.
FOLDERS = ("exports", "imports")

# What is of this moment or of this machine: sessions, counters of failed sign-ins, queue, living workers. The
# cache has no model.
_LEFT_OUT_APPS = {"sessions", "axes", "django_tasks_database", "django_rq"}
# Workers live; what search knows is made again from the traces.
_LEFT_OUT_MODELS = {"jobs.worker", "traces.searchtext", "traces.unindexedtrace"}

# What reading an archive raises that is no whole one.
DAMAGES = (tarfile.TarError, zstandard.ZstdError, zlib.error, EOFError, gzip.BadGzipFile)

_ZSTD_LEVEL, _GZIP_LEVEL = 3, 6


class Digesting:
    """A file that digests what is read of it."""

    def __init__(self, file: BinaryIO, digest: Any) -> None:
        self._file, self._digest = file, digest

    def read(self, size: int = -1) -> bytes:
        part = self._file.read(size)
        self._digest.update(part)
        return part


def kept_models() -> list[type[Model]]:
    """Those whose rows are kept, with the tables between them."""
    found = [
        model
        for config in apps.get_app_configs()
        if config.label not in _LEFT_OUT_APPS
        for model in config.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy and model._meta.label_lower not in _LEFT_OUT_MODELS
    ]
    return sorted(found, key=lambda model: model._meta.db_table)


def columns_of(model: type[Model]) -> "list[Field[Any, Any]]":
    return [field for field in model._meta.concrete_fields if not field.generated]


def applied_migrations() -> list[str]:
    kept = {model._meta.app_label for model in kept_models()}
    applied = MigrationRecorder(connection).applied_migrations()
    return sorted(f"{app}.{name}" for app, name in applied if app in kept)


@contextmanager
def writing(file: BinaryIO, name: str) -> Iterator[tarfile.TarFile]:
    """Raises ValidationError for a name that does not say how to compress."""
    with _compressed(file, name) as packed, tarfile.open(fileobj=packed, mode="w|") as tar:
        yield tar


@contextmanager
def _compressed(file: BinaryIO, name: str) -> Iterator[Any]:
    check_name(name)
    if name.endswith(".gz"):
        with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=_GZIP_LEVEL) as packed:
            yield packed
        return
    with zstandard.ZstdCompressor(_ZSTD_LEVEL, write_checksum=True).stream_writer(
        file, closefd=False
    ) as packed:
        yield packed


def check_name(name: str) -> None:
    if not name.endswith((".tar.zst", ".tar.gz")):
        raise ValidationError(f"{name} must end in .tar.zst or .tar.gz.")


def members(path: Path) -> Iterator[tuple[str, int, BinaryIO]]:
    """Names, sizes and contents in order. Raises ValidationError, or one of DAMAGES."""
    check_name(path.name)
    with path.open("rb") as file, _unpacked(file, path.name) as packed:
        yield from _read(packed)


def damaged(name: str) -> ValidationError:
    return ValidationError(f"{name} is damaged or cut off. Nothing was restored.")


def _unpacked(file: BinaryIO, name: str) -> Any:
    if name.endswith(".gz"):
        return gzip.GzipFile(fileobj=file)
    return zstandard.ZstdDecompressor().stream_reader(file, closefd=False)


def _read(packed: BinaryIO) -> Iterator[tuple[str, int, BinaryIO]]:
    with tarfile.open(fileobj=packed, mode="r|") as tar:
        for member in tar:
            content = tar.extractfile(member)
            if content is not None:
                yield member.name, member.size, cast(BinaryIO, content)


def models_by_table(models: Iterable[type[Model]]) -> dict[str, type[Model]]:
    return {model._meta.db_table: model for model in models}
