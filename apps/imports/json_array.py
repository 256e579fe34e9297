"""A JSON array, an element at a time.

The standard decoder on a buffer that grows, not ijson: a report needs the text of a refused row, an
element must be bounded while it is read, and repeated keys must be refused as everywhere else. ijson has
values without their text, and keeps the last of two equal keys.
"""

import re
from collections.abc import Iterator
from json import JSONDecodeError
from typing import BinaryIO

from django.core.exceptions import ValidationError

from apps.core.errors import from_json_error
from apps.core.json import JSONError, check_domain, decode_json_at
from apps.imports.encoding import decoded
from apps.imports.rows import Row

_SPACE = re.compile(r"[ \t\r\n]*")


def read_json_array(stream: BinaryIO, max_chars: int, after: int = 0) -> Iterator[Row]:
    """Raises ValidationError where the text is no array: what follows has no known beginning."""
    text = _Buffer(stream)
    number = 0
    text.take("[")
    separator = text.peek()
    while separator != "]":
        number += 1
        row = _element(text, number, max_chars)
        if number > after:
            yield row
        separator = text.peek()
        if separator not in (",", "]"):
            raise ValidationError(
                f"The array ends too early after row {number}."
                if not separator
                else f"Line {text.line}: a comma must stand behind row {number} of the array."
            )
        if separator == ",":
            text.take(",")
    text.take("]")
    if text.peek():
        raise ValidationError(f"Line {text.line}: there is text behind the end of the array.")


def _element(text: "_Buffer", number: int, max_chars: int) -> Row:
    text.peek()
    while True:
        try:
            value, end = decode_json_at(text.held, text.start)
            if end < len(text.held) or not text.grow():  # else a number may go on
                break
        except JSONDecodeError as error:
            if len(text.held) - text.start > max_chars:
                raise ValidationError(
                    f"Row {number} is longer than the limit of {max_chars} characters, or is not JSON: "
                    f"{error.msg} at line {text.line_at(error.pos)}."
                ) from error
            if not text.grow():
                line = text.line_at(error.pos)
                raise ValidationError(f"Row {number} is not JSON: {error.msg} at line {line}.") from error
    source = text.held[text.start : end]
    text.start = end
    try:
        check_domain(value)
    except JSONError as error:
        return Row(number, None, source, len(source), from_json_error(error))
    return Row(number, value, source, len(source))


class _Buffer:
    """The decoded text from `start` on; what lies before it is forgotten when more is read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._pieces = decoded(stream)
        self.held = ""
        self.start = 0
        self._lines_before = 0

    def grow(self) -> bool:
        """At least double what is held, so that trying a long element again and again stays cheap."""
        parts, missing = [self.held[self.start :]], max(len(self.held) - self.start, 1)
        while missing > 0 and (piece := next(self._pieces, "")):
            parts.append(piece)
            missing -= len(piece)
        if len(parts) == 1:
            return False  # and positions in what is held stay what they are
        self._lines_before += self.held.count("\n", 0, self.start)
        self.held, self.start = "".join(parts), 0
        return True

    def peek(self) -> str:
        """The next character that is no white space, empty at the end."""
        while True:
            match = _SPACE.match(self.held, self.start)
            self.start = match.end() if match else self.start
            if self.start < len(self.held):
                return self.held[self.start]
            if not self.grow():
                return ""

    def take(self, expected: str) -> None:
        if self.peek() != expected:
            raise ValidationError(f"Line {self.line}: {expected} is missing.")
        self.start += 1

    @property
    def line(self) -> int:
        return self.line_at(self.start)

    def line_at(self, position: int) -> int:
        return 1 + self._lines_before + self.held.count("\n", 0, position)
