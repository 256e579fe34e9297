"""JSON Lines: a document a line."""

from collections.abc import Iterator
from typing import BinaryIO

from apps.core.errors import from_json_error, too_large
from apps.core.json import JSONError, parse_json
from apps.imports.rows import MAX_RAW, Row

_SKIP = 1 << 20


def read_json_lines(stream: BinaryIO, max_bytes: int, after: int = 0) -> Iterator[Row]:
    """Lines that are not blank; no more than `max_bytes` of one are held."""
    number = 0
    while text := stream.readline(max_bytes + 1):
        number += 1
        if len(text) > max_bytes:
            size = len(text) + _skip_rest(stream, text)
            if number > after:
                yield Row(number, None, text[: 4 * MAX_RAW], size, too_large("The line", max_bytes))
        elif number > after and not text.isspace():
            yield _row(number, text)


def _row(number: int, text: bytes) -> Row:
    try:
        return Row(number, parse_json(text), text, len(text))
    except JSONError as error:
        return Row(number, None, text, len(text), from_json_error(_without_line(error, text)))


def _without_line(error: JSONError, text: bytes) -> JSONError:
    """The decoder counts lines within the row, which is one: only the column tells something."""
    try:
        parse_json(text.rstrip())
    except JSONError as same:
        return JSONError(str(same).replace(" at line 1 column ", " at column "), *same.parts)
    return error


def _skip_rest(stream: BinaryIO, text: bytes) -> int:
    size = 0
    while text and not text.endswith(b"\n"):
        text = stream.readline(_SKIP)
        size += len(text)
    return size
