"""A file in, its rows out: which container it is, is told from its first bytes and not from its name."""

from collections.abc import Generator, Iterator
from itertools import chain, islice
from typing import BinaryIO

from django.core.exceptions import ValidationError

from apps.imports.encoding import open_text
from apps.imports.json_array import read_json_array
from apps.imports.json_lines import read_json_lines
from apps.imports.parquet import MAGIC, read_parquet
from apps.imports.rows import Row
from apps.imports.tables import DELIMITERS, read_table, sniff_delimiter
from apps.imports.unpack import DamagedError, Unpacked, unpack

HEAD_ROWS = 10
# As much of them is held: a long row may take many times its size.
_HEAD_SIZE = 4 << 20


class Rows:
    """The rows of one file, to be gone through once.

    `container` is such as "JSON Lines", `packing` "gzip", "zstd" or None, `encoding` None where the rows
    are no text, `unit` what `place` counts: "line" or "row". `head` has the first rows, which the
    iteration gives again. The iteration raises ValidationError where the file cannot be read further.
    """

    def __init__(
        self, container: str, packing: str | None, encoding: str | None, unit: str, rows: Iterator[Row]
    ) -> None:
        self.container, self.packing, self.encoding, self.unit = container, packing, encoding, unit
        self._rows = _placed(rows, unit)
        self.head = [*_first(self._rows)]

    def __iter__(self) -> Iterator[Row]:
        head, self.head = self.head, []  # a long row of it is not held for longer than it takes
        return chain(head, self._rows)

    def close(self) -> None:
        """For whom they were enough to look at: a process may wait to give the next."""
        self._rows.close()

    @property
    def is_packed(self) -> bool:
        """Whether they are many times as long as their file."""
        return bool(self.packing or not self.encoding)

    @property
    def columns(self) -> list[str]:
        """The names in the first rows, in order."""
        names = [name for row in self.head if isinstance(row.value, dict) for name in row.value]
        return [*dict.fromkeys(names)]

    @property
    def description(self) -> str:
        return ", ".join(filter(None, (self.container, self.packing, self.encoding)))


def _first(rows: Iterator[Row]) -> Iterator[Row]:
    size = 0
    for row in islice(rows, HEAD_ROWS):
        yield row
        size += len(row.source or "")
        if size > _HEAD_SIZE:
            return


def read_rows(stream: BinaryIO, max_bytes: int, after: int = 0) -> Rows:
    """Those behind place `after`; none longer than `max_bytes`. Raises ValidationError."""
    try:
        file = unpack(stream)
        if file.head.startswith(MAGIC):
            if file.packing:  # it is read from its end, for which all of it would have to lie unpacked
                raise ValidationError(
                    f"The file is Parquet within {file.packing}. Parquet is packed in itself: "
                    "send it as it is."
                )
            rows = read_parquet(file.stream, max_bytes, after)
            return Rows("Parquet", None, None, "row", rows)
        return _read_text(file, max_bytes, after)
    except DamagedError as error:
        raise ValidationError(f"{error} at its beginning.") from error


def _read_text(file: Unpacked, max_bytes: int, after: int) -> Rows:
    text = open_text(file)
    start = text.head.lstrip()
    if not start:
        raise ValidationError("The file is empty: it holds no rows.")
    if start.startswith(b"{"):
        rows = read_json_lines(text.stream, max_bytes, after)
        return Rows("JSON Lines", file.packing, text.encoding, "line", rows)
    if start.startswith(b"["):
        rows = read_json_array(text.stream, max_bytes, after)
        return Rows("JSON array", file.packing, text.encoding, "row", rows)
    delimiter = sniff_delimiter(text.head.decode(errors="replace"))
    if not delimiter:
        raise ValidationError(f"The file is none that is read: line 1 begins with {_shown(start)}.")
    rows = read_table(text.stream, delimiter, max_bytes, after)
    return Rows(DELIMITERS[delimiter], file.packing, text.encoding, "line", rows)


def _shown(start: bytes) -> str:
    return ascii(start.splitlines()[0][:40].decode(errors="replace"))


def _placed(rows: Iterator[Row], unit: str) -> Generator[Row]:
    place = 0
    try:
        for row in rows:
            place = row.place
            yield row
    except DamagedError as error:
        where = f"after {unit} {place}" if place else "at its beginning"
        raise ValidationError(f"{error} {where}.") from error
