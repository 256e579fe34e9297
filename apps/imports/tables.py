"""CSV and its like: a header, then a row a record; the delimiter is told from the first lines."""

import csv
from collections.abc import Iterator
from typing import BinaryIO

from django.core.exceptions import ValidationError

from apps.core.errors import from_json_error
from apps.core.json import JSONError, check_domain
from apps.imports.encoding import NO_TEXT, not_utf8
from apps.imports.rows import MAX_COLUMNS, Row

DELIMITERS = {",": "CSV", "\t": "TSV", ";": "CSV with semicolons", "|": "CSV with bars"}
_SAMPLE_ROWS = 20


def sniff_delimiter(head: str) -> str | None:
    """The one that cuts most of the first rows into as many columns as the header, if any cuts it."""
    counts = {delimiter: _column_counts(head, delimiter) for delimiter in DELIMITERS}
    found = {delimiter: count for delimiter, count in counts.items() if count and count[0] > 1}
    if not found:
        return None
    return max(found, key=lambda delimiter: _agreement(found[delimiter]))


def _column_counts(head: str, delimiter: str) -> list[int]:
    counts: list[int] = []
    try:
        for record in csv.reader(head.splitlines(keepends=True), delimiter=delimiter):
            if record:
                counts.append(len(record))
            if len(counts) == _SAMPLE_ROWS:
                return counts
    except csv.Error:
        return counts
    return counts[:-1] if len(counts) > 1 else counts  # the head may break off within a record


def _agreement(counts: list[int]) -> tuple[float, int]:
    return counts.count(counts[0]) / len(counts), counts[0]


def read_table(stream: BinaryIO, delimiter: str, max_chars: int, after: int = 0) -> Iterator[Row]:
    """Records by the line that they begin at. Raises ValidationError where no further one can be told."""
    csv.field_size_limit(max_chars)  # of the process: always this one value
    lines = _Lines(stream, max_chars)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    names: list[str] = []
    while True:
        lines.begin_record()
        fault = None
        try:
            record = next(reader, None)
        except csv.Error as error:
            record, fault = [], _fault(error, lines)
        if record is None:
            return
        if not names and (record or fault):
            names = _header(record, fault, lines.first)
        elif (record or fault) and lines.first > after:
            yield _row(names, record, fault, lines)


def _fault(error: csv.Error, lines: "_Lines") -> ValidationError:
    """Of a record of one line: it is one bad row. Raised where it has more, for then any of them may be rows
    which an open quote has swallowed.
    """
    if lines.last > lines.first:
        raise ValidationError(
            f"Line {lines.first}: a quote in the record that begins here is not closed as CSV wants it until "
            f"line {lines.last}: {error}. Where the next record begins cannot be told."
        )
    return ValidationError(f"The record is not CSV: {error}.")


def _header(record: list[str], fault: ValidationError | None, line: int) -> list[str]:
    if fault:
        raise ValidationError(f"Line {line}: {fault.messages[0]}")
    if len(record) > MAX_COLUMNS:
        raise ValidationError(f"Line {line}: {len(record)} columns are more than the limit of {MAX_COLUMNS}.")
    names = [name.strip() or f"column {number}" for number, name in enumerate(record, 1)]
    for name in names:
        if names.count(name) > 1:
            raise ValidationError(f'Line {line}: the column "{name[:100]}" stands twice.')
    try:
        check_domain(names)
    except JSONError as error:  # only NUL: the line was decoded
        raise ValidationError(NO_TEXT) from error
    return names


def _row(names: list[str], record: list[str], fault: ValidationError | None, lines: "_Lines") -> Row:
    source = "".join(lines.texts)
    if not fault and len(record) != len(names):
        span = f" of lines {lines.first} to {lines.last}" if lines.last > lines.first else ""
        fault = ValidationError(f"The record{span} has {len(record)} fields, the header {len(names)}.")
    value = None if fault else dict(zip(names, record, strict=True))
    try:
        check_domain(value)
    except JSONError as error:
        value, fault = None, from_json_error(error)
    return Row(lines.first, value, source, len(source), fault)


class _Lines:
    """Decoded lines for the reader; those of the record being read are kept, up to the limit."""

    def __init__(self, stream: BinaryIO, max_chars: int) -> None:
        self._stream, self._max_chars = stream, max_chars
        self.last = 0
        self.begin_record()

    def begin_record(self) -> None:
        self.first = self.last + 1
        self.texts: list[str] = []
        self._held = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._stream.readline(self._max_chars + 1)
        if not line:
            raise StopIteration
        self.last += 1
        self._held += len(line)
        if self._held > self._max_chars:
            open_quote = f" A quote in it is open in line {self.last}." if self.last > self.first else ""
            limit = f"the limit of {self._max_chars} bytes"
            raise ValidationError(f"Line {self.first}: the record is longer than {limit}.{open_quote}")
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            raise ValidationError(not_utf8(self.last, error.start)) from error
        self.texts.append(text)
        return text
