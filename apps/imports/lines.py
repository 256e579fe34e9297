"""The lines of a JSON Lines file, plain or gzip, numbered and bounded."""

import gzip
import io
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple, cast

from django.core.exceptions import ValidationError

_GZIP_MAGIC = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """`text` is cut just above the limit where the line is longer: enough to see that it is."""

    number: int
    text: bytes


def read_lines(stream: BinaryIO, max_bytes: int) -> Iterator[Line]:
    """Lines that are not blank; no more than `max_bytes` of one are held. Raises ValidationError."""
    buffered = (
        stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(cast(io.RawIOBase, stream))
    )
    is_gzip = buffered.peek(2).startswith(_GZIP_MAGIC)
    source = cast(BinaryIO, gzip.GzipFile(fileobj=buffered) if is_gzip else buffered)
    number = 0
    try:
        while text := source.readline(max_bytes + 1):
            number += 1
            if number == 1:
                text = text.removeprefix(_BOM)
            if len(text) > max_bytes:
                _skip_rest(source, text)
            if text.strip():
                yield Line(number, text)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        reason = "ends too early" if isinstance(error, EOFError) else "is damaged"
        raise ValidationError(f"The gzip data {reason} after line {number}.") from error


def _skip_rest(source: BinaryIO, text: bytes) -> None:
    while text and not text.endswith(b"\n"):
        text = source.readline(1 << 20)
