"""Text in UTF-8, whatever of UTF-8 and UTF-16 the file has; anything else is said with line and byte."""

import codecs
import io
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple, cast

from django.core.exceptions import ValidationError

from apps.imports.unpack import Unpacked, peek

_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_UTF32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_READ = 1 << 16

# What a file begins with that somebody may take for a table.
_BINARY = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a zip archive or an Excel workbook. Unpack it, or save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word document. Save the sheet as CSV",
    b"SQLite format 3\0": "a SQLite database",
    b"ARROW1": "an Arrow file. Save it as Parquet",
    b"BZh": "packed with bzip2. gzip and zstd are read",
    b"\xfd7zXZ\0": "packed with xz. gzip and zstd are read",
    b"7z\xbc\xaf": "a 7z archive. Unpack it",
    b"\x1f\x8b": "packed twice. Unpack it once",
    b"\x28\xb5\x2f\xfd": "packed twice. Unpack it once",
    b"\x7fELF": "a program",
}
NO_TEXT = "This is no text file: save it as JSON Lines, CSV or Parquet."

_SAMPLE = 1_000
# Text has a few of them at most; of bytes at random they are a tenth.
_CONTROLS = bytes({*range(32)} - {*b"\t\n\r\f\x1b"})


class Text(NamedTuple):
    """`stream` has the UTF-8 bytes from the first character on, `head` what it begins with."""

    stream: BinaryIO
    head: bytes
    encoding: str


def open_text(file: Unpacked) -> Text:
    """Raises ValidationError: here for a file that is no text, from reads for UTF-16 that breaks off."""
    stream, head = file.stream, file.head
    _refuse_binary(head)
    if head.startswith(codecs.BOM_UTF8):
        stream.read(len(codecs.BOM_UTF8))
        return Text(stream, head.removeprefix(codecs.BOM_UTF8), "UTF-8 with BOM")
    for bom, name in _UTF16.items():
        if head.startswith(bom):
            stream.read(len(bom))
            recoded = cast(BinaryIO, io.BufferedReader(_Recoded(stream, name), _READ))
            return Text(*peek(recoded), "UTF-16")
    sample = head[:_SAMPLE]
    if sample.count(0) > len(sample) // 4:
        raise ValidationError("The file is no text, or UTF-16 without a byte order mark.")
    if len(sample) - len(sample.translate(None, _CONTROLS)) > len(sample) // 20:
        raise ValidationError(NO_TEXT)
    return Text(stream, head, "UTF-8")


def decoded(stream: BinaryIO) -> Iterator[str]:
    """The text in pieces. Raises ValidationError with the line and the byte in it that is not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    line, column = 1, 0  # of the first byte that is not decoded yet
    kept = 0  # bytes that the decoder waits with
    while True:
        data = stream.read(_READ)
        try:
            text = decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            before = error.object[: error.start]
            line += before.count(b"\n")
            end = before.rfind(b"\n")
            column = column + len(before) if end < 0 else len(before) - end - 1
            raise ValidationError(not_utf8(line, column)) from error
        if not data:
            return
        kept_now = len(decoder.getstate()[0])
        done = kept + len(data) - kept_now
        newline = data.rfind(b"\n")
        line += data.count(b"\n")
        column = column + done if newline < 0 else len(data) - newline - 1 - kept_now
        kept = kept_now
        yield text


def not_utf8(line: int, byte: int) -> str:
    return f"The text is not UTF-8: byte {byte + 1} of line {line} cannot be decoded."


def _refuse_binary(head: bytes) -> None:
    for magic, what in _BINARY.items():
        if head.startswith(magic):
            raise ValidationError(f"The file has no rows of text: it is {what}.")
    if head.startswith(_UTF32):
        raise ValidationError("The text is UTF-32. UTF-8 and UTF-16 are read.")


class _Recoded(io.RawIOBase):
    """UTF-16 as UTF-8."""

    def __init__(self, source: BinaryIO, encoding: str) -> None:
        self._source, self._encoding = source, encoding
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._pending = memoryview(b"")
        self._line, self._column = 1, 0  # of the first byte that is not decoded yet
        self._is_done = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while not self._pending and not self._is_done:
            self._pending = memoryview(self._decode(self._source.read(_READ)).encode())
        part = self._pending[: len(buffer)]
        self._pending = self._pending[len(part) :]
        buffer[: len(part)] = part
        return len(part)

    def _decode(self, data: bytes) -> str:
        self._is_done = not data
        try:
            text = self._decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            self._count(error.object[: error.start].decode(self._encoding, "replace"))
            raise ValidationError(
                f"The text is not UTF-16: byte {self._column + 1} of line {self._line} cannot be decoded."
            ) from error
        self._count(text)
        return text

    def _count(self, text: str) -> None:
        before, newline, tail = text.rpartition("\n")
        size = len(tail.encode(self._encoding))
        self._line += before.count("\n") + len(newline)
        self._column = size if newline else self._column + size
