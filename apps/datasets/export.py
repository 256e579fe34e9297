"""Exports: rendered once into a file, then served from it."""

import fcntl
import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast
from uuid import UUID

from django.conf import settings
from django.db.models import Sum

from apps.audit.record import Verb, record_act
from apps.core.errors import not_found
from apps.core.files import atomic_write
from apps.datasets.models import Dataset
from apps.formats.records import RENDERER_VERSION, TraceRow, escaped_tokens, render_line
from apps.traces.models import Trace

# A page of traces is held at a time: this many characters of them, but no more than so many traces.
PAGE_CHARS = 2_000_000
PAGE = 1_000
IDS_PER_PAGE = 500
_READ = 1 << 20


@dataclass(frozen=True)
class Export:
    """An open file of records and what the headers say of it; `size` is in bytes.

    Whoever hands it out calls `record`.
    """

    file: BinaryIO
    size: int
    etag: str
    filename: str
    record_count: int
    total_count: int
    escaped: int
    verb: Verb
    key: object
    format: str

    def record(self) -> None:
        record_act(self.verb, self.key, rows=self.record_count, details={"format": self.format})

    @property
    def headers(self) -> dict[str, str]:
        return {
            "Content-Disposition": f'attachment; filename="{self.filename}"',
            "X-Tunix-Record-Count": str(self.record_count),
            "X-Tunix-Total-Count": str(self.total_count),
            "X-Tunix-Truncated": "true" if self.record_count < self.total_count else "false",
            "X-Tunix-Escaped": str(self.escaped),
        }


def export_dataset(dataset: Dataset, format: str, limit: int | None = None) -> Export:
    """The dataset in `format`, or its first `limit` records; rendered now if it never was."""
    file, digest = _open_rendered(dataset, format)
    total = dataset.trace_count
    if limit is None or limit >= total:
        size, count, tokens = _size(file), total, dataset.control_tokens
    else:
        size, count = _size_of_lines(file, limit), limit
        head = dataset.entries.between(0, limit)
        tokens = head.aggregate(tokens=Sum("trace__control_tokens"))["tokens"]
        digest = f"{digest}-{limit}"
    return Export(
        file,
        size,
        f'"{digest}"',
        f"{dataset.key}.jsonl",
        count,
        total,
        escaped_tokens(format, tokens),
        Verb.EXPORTED_DATASET,
        dataset.key,
        format,
    )


def export_traces(ids: list[UUID], format: str, limit: int | None = None, total: int | None = None) -> Export:
    """These traces in this order, up to `limit`; `total` there are, if not as many as ids.

    Raises ValidationError that names all unknown ids.
    """
    missing = Trace.objects.missing(ids)
    if missing:
        raise not_found("Trace", ", ".join(map(str, missing)))
    wanted = ids[:limit]
    file = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 - the response closes it
    digest, tokens = hashlib.sha256(), 0
    for row in _rows_of(wanted):
        line = render_line(format, row)
        tokens += row.control_tokens
        digest.update(line)
        file.write(line)
    file.flush()
    return Export(
        file,
        _size(file),
        f'"{digest.hexdigest()}"',
        "traces.jsonl",
        len(wanted),
        len(ids) if total is None else total,
        escaped_tokens(format, tokens),
        Verb.EXPORTED_TRACE,
        wanted[0] if len(wanted) == 1 else "",
        format,
    )


def delete_exports(dataset: Dataset) -> None:
    for path in _folder().glob(f"{dataset.build_id}-*"):
        path.unlink()


def _folder() -> Path:
    return settings.DATA_DIR / "exports"


def _open_rendered(dataset: Dataset, format: str) -> tuple[BinaryIO, str]:
    """The rendered file and the sha256 of its bytes."""
    # Named by the build, which this server drew, not by the key, which a user chose.
    path = _folder() / f"{dataset.build_id}-{format}-{RENDERER_VERSION}.jsonl"
    try:
        return _open_with_digest(path)
    except FileNotFoundError:
        with _only_one(path.with_suffix(".lock")):
            try:  # whoever held the lock before has rendered it
                return _open_with_digest(path)
            except FileNotFoundError:
                _render(dataset, format, path)
        return _open_with_digest(path)


def _open_with_digest(path: Path) -> tuple[BinaryIO, str]:
    # The digest is written last: while it is missing, so is the export.
    digest = _digest_path(path).read_text()
    return path.open("rb"), digest


def _digest_path(path: Path) -> Path:
    return path.with_suffix(".sha256")


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """Hold a lock over all processes: a hundred clients wait for one rendering and not for a hundred."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _render(dataset: Dataset, format: str, path: Path) -> None:
    digest = hashlib.sha256()
    count = 0
    _digest_path(path).unlink(missing_ok=True)
    with atomic_write(path) as file:
        for lines in _pages(dataset, format):
            count += len(lines)
            page = b"".join(lines)
            digest.update(page)
            file.write(page)
        if count != dataset.trace_count:
            raise RuntimeError(f"{dataset.key}: {count} of {dataset.trace_count} traces could be read.")
    with atomic_write(_digest_path(path)) as file:
        file.write(digest.hexdigest().encode())


def _pages(dataset: Dataset, format: str) -> Iterator[list[bytes]]:
    page = max(1, min(PAGE, int(PAGE_CHARS / dataset.stats["avg_total_chars"])))
    for start in range(0, dataset.trace_count, page):
        rows = dataset.members(start, start + page).rows()
        yield [render_line(format, TraceRow._make(row)) for row in rows]


def _rows_of(ids: list[UUID]) -> Iterator[TraceRow]:
    for start in range(0, len(ids), IDS_PER_PAGE):
        page = ids[start : start + IDS_PER_PAGE]
        found = {row[0]: TraceRow._make(row) for row in Trace.objects.filter(pk__in=page).rows()}
        yield from (found[str(id)] for id in page)


def _size(file: BinaryIO) -> int:
    return file.seek(0, 2)


def _size_of_lines(file: BinaryIO, count: int) -> int:
    """Bytes of the first `count` lines; the file has at least as many."""
    size = 0
    for lines in _blocks(file):
        found = lines.count(b"\n")
        if found >= count:
            return size + _end_of_line(lines, count)
        count -= found
        size += len(lines)
    raise RuntimeError("The rendered file is shorter than its dataset.")


def _blocks(file: BinaryIO) -> Iterable[bytes]:
    return iter(lambda: file.read(_READ), b"")


def _end_of_line(block: bytes, count: int) -> int:
    end = 0
    for _ in range(count):
        end = block.index(b"\n", end) + 1
    return end
