"""Parquet: its rows are made by a process of their own, `apps.imports.parquet_rows`."""

import importlib.util
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

import orjson
from django.conf import settings
from django.core.exceptions import ValidationError

from apps.core.errors import from_json_error
from apps.core.json import JSONError
from apps.imports import parquet_rows
from apps.imports.parquet_rows import END, MEMORY, REFUSED, ROW, STOPPED
from apps.imports.rows import Row
from apps.imports.unpack import on_disk

MAGIC = b"PAR1"
_BUFFER = 1 << 18
# What the library would keep for itself, rather than give back, is not to be had.
_ENVIRONMENT = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "1"}


def read_parquet(stream: BinaryIO, max_bytes: int, after: int = 0) -> Iterator[Row]:
    """Raises ValidationError, also where the package is absent."""
    if importlib.util.find_spec("pyarrow") is None:
        raise ValidationError(
            "Parquet files need the package pyarrow: install it with pip install pyarrow, then start again."
        )
    with on_disk(stream) as file, _reader(file, max_bytes, after) as lines:
        number, line = after, b""
        for line in lines:
            if not line.startswith((ROW, REFUSED)):
                break
            number += 1
            yield _row(number, line)
        if line.startswith(STOPPED):
            raise ValidationError(line[1:-1].decode())
        if not line.startswith(END):
            raise ValidationError(
                f"The Parquet data cannot be read behind row {number}: it is damaged, or reading it takes "
                f"more than {MEMORY >> 20} MB of memory."
            )


@contextmanager
def _reader(file: BinaryIO, max_bytes: int, after: int) -> Iterator[BinaryIO]:
    """Its lines. Both read at one position: how far it is can be told from the file."""
    file.seek(0, io.SEEK_END)  # forgets what is held of it
    process = subprocess.Popen(
        [sys.executable, "-m", parquet_rows.__name__, str(max_bytes), str(after)],
        stdin=file,
        stdout=subprocess.PIPE,
        bufsize=_BUFFER,
        cwd=settings.BASE_DIR,
        env=os.environ | _ENVIRONMENT,
    )
    with process:
        try:
            yield cast(BinaryIO, process.stdout)
        finally:
            process.kill()


def _row(number: int, line: bytes) -> Row:
    text = line[1:-1]
    if line.startswith(ROW):
        return Row(number, orjson.loads(text), text, len(text))
    path, reason, size, source = orjson.loads(text)
    return Row(number, None, source, size, from_json_error(JSONError(reason, *path)))
