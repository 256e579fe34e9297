"""The process that reads Parquet: the file is its standard input, a line for each row its standard output.

A few kilobytes of Parquet can stand for gigabytes, in a page, a dictionary or a list, and only the library
sees how much. So it runs by itself, with so much memory and no more; it also takes 60 MB of it and a damaged
file may end it, neither of which is for a server to bear.
"""

import importlib
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, BinaryIO

import orjson

from apps.core.json import JSONError, check_domain
from apps.imports.rows import MAX_COLUMNS, MAX_RAW

MEMORY = 216 << 20
# What a line begins with: a row, one that is none, the reason why there are no more, the end.
ROW, REFUSED, STOPPED, END = b"=", b"-", b"!", b"."
# A row that is none is written as: path, reason, size in bytes, its text.
Refused = tuple[list[str | int], str, int, str]

_MAX_BATCH = 500
_BATCH_BYTES = 2 << 20
_BUFFER = 1 << 16
_NOT_UTF8 = "The text is not UTF-8."


class StoppedError(Exception):
    """With the sentence that says why."""


def main(max_bytes: int, after: int) -> None:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # whoever asked for rows wants no more of them
    with suppress(ValueError, OSError):  # a system without such limits
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    arrow = importlib.import_module("pyarrow")
    arrow.set_cpu_count(1)
    out = sys.stdout.buffer
    try:
        for line in _lines(arrow, sys.stdin.buffer, max_bytes, after):
            out.write(line + b"\n")
        out.write(END + b"\n")
    except StoppedError as error:
        out.write(STOPPED + str(error).encode(errors="replace") + b"\n")
    out.flush()


def _lines(arrow: Any, file: BinaryIO, max_bytes: int, after: int) -> Iterator[bytes]:
    try:
        for size in (_MAX_BATCH, 1):
            try:
                for line in _rows(arrow, file, size, max_bytes, after):
                    after += 1
                    yield line
                return
            except MemoryError:  # pyarrow's own is one
                continue  # a few long rows may be behind each other: one by one, from there on
        raise StoppedError(
            f"Reading the Parquet data behind row {after} takes more than {MEMORY >> 20} MB of memory. "
            "Write it with smaller pages, or as JSON Lines."
        )
    except UnicodeDecodeError as error:
        raise StoppedError("The Parquet data cannot be read: its names are not UTF-8.") from error
    except (arrow.ArrowException, OSError) as error:
        reason = str(error).split("\n")[0].rstrip(".")[:300]
        raise StoppedError(f"The Parquet data cannot be read: {reason}.") from error


def _rows(arrow: Any, file: BinaryIO, batch_size: int, max_bytes: int, after: int) -> Iterator[bytes]:
    """A line for each row behind `after`."""
    # Not pre-buffered: a row group may be the whole file.
    options = {"buffer_size": _BUFFER, "pre_buffer": False}
    parquet = importlib.import_module("pyarrow.parquet").ParquetFile(file, **options)
    _check_columns(arrow.types, parquet.schema_arrow)
    number = 0
    for batch in parquet.iter_batches(batch_size=batch_size, use_threads=False):
        number += batch.num_rows
        new = min(number - after, batch.num_rows)
        if new > 0:
            yield from _lines_of(arrow, batch.slice(batch.num_rows - new), max_bytes)


def _check_columns(types: Any, schema: Any) -> None:
    if len(schema.names) > MAX_COLUMNS:
        raise StoppedError(f"{len(schema.names)} columns are more than the limit of {MAX_COLUMNS}.")
    if len({*schema.names}) < len(schema.names):
        raise StoppedError("Two columns have the same name.")
    for field in schema:
        if not _is_readable(types, field.type, field.name):
            raise StoppedError(
                f'The column "{field.name}" has the type {str(field.type)[:200]}, which has no like in JSON. '
                "Leave it out, or turn it into text."
            )


def _is_readable(types: Any, type: Any, column: str) -> bool:
    """Texts, numbers, truth values, and lists and structs of them."""
    if types.is_dictionary(type) or _is_list(types, type):
        return _is_readable(types, type.value_type, column)
    if types.is_struct(type):
        fields = [type.field(n) for n in range(type.num_fields)]
        if len({field.name for field in fields}) < len(fields):
            raise StoppedError(f'The column "{column}" has two fields of the same name.')
        return all(_is_readable(types, field.type, column) for field in fields)
    return any(
        is_kind(type)
        for is_kind in (
            types.is_string,
            types.is_large_string,
            types.is_integer,
            types.is_floating,
            types.is_boolean,
            types.is_null,
        )
    )


def _is_list(types: Any, type: Any) -> bool:
    return bool(types.is_list(type) or types.is_large_list(type) or types.is_fixed_size_list(type))


def _lines_of(arrow: Any, batch: Any, max_bytes: int) -> Iterator[bytes]:
    """A small batch at once; of another one row at a time, and none that would be too large for a line."""
    values = None
    if _least(arrow, batch.to_struct_array()) <= _BATCH_BYTES:
        with suppress(UnicodeDecodeError):
            values = batch.to_pylist()
    if values is None:
        yield from (_line_of(arrow, batch.slice(n, 1), max_bytes) for n in range(batch.num_rows))
    else:
        yield from (_line(value, max_bytes) for value in values)


def _line_of(arrow: Any, row: Any, max_bytes: int) -> bytes:
    size = _least(arrow, row.to_struct_array())
    if size > max_bytes:
        return _too_large(size, max_bytes, "")
    try:
        [value] = row.to_pylist()
    except UnicodeDecodeError:
        return _undecoded(row)
    return _line(value, max_bytes)


def _least(arrow: Any, array: Any) -> int:
    """Bytes that the JSON of these values has at least, told without making them."""
    types, count = arrow.types, len(array)
    if types.is_dictionary(array.type):
        return _least(arrow, array.dictionary_decode())
    if types.is_struct(array.type):
        array = array.drop_null() if array.null_count else array
        names = sum(len(array.type.field(n).name) + 4 for n in range(array.type.num_fields))
        return count + len(array) * names + sum(_least(arrow, field) for field in array.flatten())
    if _is_list(types, array.type):
        return 2 * count + _least(arrow, array.flatten())
    if types.is_string(array.type) or types.is_large_string(array.type):
        offsets = 9 * count + 9
        return max(count, int(array.nbytes) - offsets)
    return count


def _line(value: Any, max_bytes: int) -> bytes:
    try:
        check_domain(value)
    except JSONError as error:
        text = repr(value)
        return _refused([*error.parts], str(error), len(text), text)
    line = orjson.dumps(value)
    if len(line) > max_bytes:
        return _too_large(len(line), max_bytes, line[: 4 * MAX_RAW].decode(errors="replace"))
    return ROW + line


def _undecoded(row: Any) -> bytes:
    """The first of its columns that has such a text."""
    for name, column in zip(row.schema.names, row.columns, strict=True):
        try:
            column.to_pylist()
        except UnicodeDecodeError:
            return _refused([name], _NOT_UTF8, 0, "")
    raise StoppedError(_NOT_UTF8)


def _too_large(size: int, max_bytes: int, text: str) -> bytes:
    return _refused([], f"The row is larger than the limit of {max_bytes} bytes.", size, text)


def _refused(path: list[str | int], reason: str, size: int, text: str) -> bytes:
    printable = text[:MAX_RAW].encode("utf-8", "backslashreplace").decode()
    refused: Refused = (path, reason, size, printable)
    return REFUSED + orjson.dumps(refused)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
