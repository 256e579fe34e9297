"""The rows that could not be stored, as they were reported."""

import io
import os
from itertools import islice
from typing import Any, BinaryIO, cast

import orjson
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.core.downloads import send_file
from apps.imports.models import Import

SHOWN = 20


def send_rejected(request: HttpRequest, found: Import) -> HttpResponseBase:
    """What is reported so far, also while it runs; before it is started, by its last dry run."""
    file = _open(found)
    size, moment = file.seek(0, io.SEEK_END), _moment(file)
    headers = {"Content-Disposition": f'attachment; filename="{found.pk}.rejected.jsonl"'}
    return send_file(request, file, size, f'"{found.pk.hex}-{size}-{moment}"', headers)


def first_rejected(found: Import) -> list[dict[str, Any]]:
    with _open(found) as file:
        lines = [line for line in islice(file, SHOWN) if line.endswith(b"\n")]
    return [orjson.loads(line) for line in lines]


def _moment(file: BinaryIO) -> int:
    """When it was written: two dry runs may report as many bytes. An empty one may be no file."""
    try:
        return os.fstat(file.fileno()).st_mtime_ns
    except io.UnsupportedOperation:
        return 0


def _open(found: Import) -> BinaryIO:
    try:
        path = found.rehearsal_path if found.is_waiting else found.report_path
        return cast(BinaryIO, path.open("rb"))
    except FileNotFoundError:  # of a command, which writes it where it is told to
        return io.BytesIO()
