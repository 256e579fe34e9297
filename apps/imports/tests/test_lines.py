import gzip
import io

import pytest
from django.core.exceptions import ValidationError

from apps.imports.lines import Line, read_lines


def read(data: bytes, max_bytes: int = 100) -> list[Line]:
    return [*read_lines(io.BufferedReader(io.BytesIO(data)), max_bytes)]


@pytest.mark.parametrize(
    "data",
    [b'{"a":1}\n\n  \n{"b":2}', b'\xef\xbb\xbf{"a":1}\r\n\r\n\r\n{"b":2}\r\n'],
    ids=["plain", "BOM and CRLF"],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_lines_are_numbered_as_in_the_file(data: bytes, pack: type[bytes]) -> None:
    found = [(line.number, line.text.strip()) for line in read(pack(data))]
    assert found == [(1, b'{"a":1}'), (4, b'{"b":2}')]


def test_a_long_line_is_cut_and_the_next_keeps_its_number() -> None:
    found = read(b"x" * 5_000_000 + b"\nshort\n", max_bytes=10)
    assert [(line.number, len(line.text)) for line in found] == [(1, 11), (2, 6)]


def test_an_empty_file_has_no_lines() -> None:
    assert read(b"") == []


def test_gzip_that_ends_too_early_is_refused() -> None:
    with pytest.raises(ValidationError, match="The gzip data ends too early after line"):
        read(gzip.compress(b"line\n" * 1000)[:-20])


def test_damaged_gzip_is_refused() -> None:
    packed = bytearray(gzip.compress(bytes(range(256)) * 40))
    packed[40:60] = bytes(20)
    with pytest.raises(ValidationError, match="The gzip data is damaged after line"):
        read(bytes(packed), max_bytes=100_000)
