"""A file without its packing: gzip and zstd, recognised by their first bytes, unpacked as they are read."""

import io
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, NamedTuple, cast

import zstandard

HEAD = 1 << 16

# A file may have 2 GB, and real rows pack to a tenth or so. More than RATIO to 1 is a bomb, but not while
# it is so small that it does no harm: a thousand equal rows pack as well.
MAX_EXPANDED = 20 << 30
MAX_RATIO = 200
HARMLESS = 256 << 20

# One read expands to no more than this many times 1,032 (gzip) or about 32,000 (zstd) bytes.
_READ = 1 << 10
_MAX_WINDOW = 1 << 27  # what zstd itself takes by default
_GZIP = (b"\x1f\x8b",)
# A frame of rows, or one to be skipped, with which programs that pack in parallel begin.
_ZSTD = (b"\x28\xb5\x2f\xfd", *(bytes([byte]) + b"\x2a\x4d\x18" for byte in range(0x50, 0x60)))
_LONGEST_MAGIC = 4


class DamagedError(Exception):
    """The bytes cannot be read further; the sentence goes on with the place: "The gzip data is damaged"."""


class Unpacked(NamedTuple):
    """`head` is what `stream` begins with, up to HEAD bytes."""

    stream: BinaryIO
    head: bytes
    packing: str | None


def unpack(stream: BinaryIO) -> Unpacked:
    """Raises DamagedError, also from reads of the stream that it returns."""
    stream, head = peek(stream)
    for magics, packing, decoder in ((_GZIP, "gzip", _gzip_decoder), (_ZSTD, "zstd", _zstd_decoder)):
        if head.startswith(magics):
            expanded = _Expanded(stream, magics, packing, decoder)
            stream, head = peek(io.BufferedReader(expanded, HEAD))
            return Unpacked(stream, head, packing)
    return Unpacked(stream, head, None)


def peek(stream: BinaryIO) -> tuple[BinaryIO, bytes]:
    """The stream as it was, and what it begins with."""
    if stream.seekable():
        start = stream.tell()
        head = _read_head(stream)
        stream.seek(start)
        return stream, head
    head = _read_head(stream)
    return cast(BinaryIO, io.BufferedReader(_Joined(head, stream), HEAD)), head


@contextmanager
def on_disk(stream: BinaryIO) -> Iterator[BinaryIO]:
    """The stream where it is a file; else, as of a pipe, its bytes in a temporary one, for a format that is
    read from its end.
    """
    if _is_file(stream):
        yield stream
        return
    with tempfile.TemporaryFile() as file:
        shutil.copyfileobj(stream, file, 1 << 20)
        file.seek(0)
        yield cast(BinaryIO, file)


def _is_file(stream: BinaryIO) -> bool:
    try:
        return stream.fileno() >= 0 and stream.seekable()
    except OSError:  # it has no descriptor
        return False


def _read_head(stream: BinaryIO) -> bytes:
    """A pipe gives less than asked for before it ends."""
    parts, missing = [], HEAD
    while missing and (part := stream.read(missing)):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _gzip_decoder() -> Any:
    return zlib.decompressobj(wbits=31)


def _zstd_decoder() -> Any:
    return zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW).decompressobj()


class _Joined(io.RawIOBase):
    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head = memoryview(head)
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        part = self._head[: len(buffer)] or self._rest.read(len(buffer))
        self._head = self._head[len(part) :]
        buffer[: len(part)] = part
        return len(part)


class _Expanded(io.RawIOBase):
    """The expanded bytes of frames that follow one another. Reads raise DamagedError."""

    def __init__(
        self, source: BinaryIO, magics: tuple[bytes, ...], name: str, new_decoder: Callable[[], Any]
    ) -> None:
        self._source, self._magics, self._name, self._new_decoder = source, magics, name, new_decoder
        self._decoder: Any = None  # between two frames
        self._packed = b""
        self._pending = memoryview(b"")
        self._read = self._expanded = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while not self._pending:
            if not self._packed:
                self._packed = self._source.read(_READ)
                self._read += len(self._packed)
            if not self._packed:
                return self._end()
            self._pending = memoryview(self._expand())
            self._check_size()
        part = self._pending[: len(buffer)]
        self._pending = self._pending[len(part) :]
        buffer[: len(part)] = part
        return len(part)

    def _end(self) -> int:
        if self._decoder is not None:
            raise DamagedError(f"The {self._name} data ends too early")
        return 0

    def _expand(self) -> bytes:
        if self._decoder is None:
            self._packed = self._packed.lstrip(b"\0")  # padding is usual behind gzip data
            if not self._packed:
                return b""
            self._packed += self._source.read(_LONGEST_MAGIC)  # no frame's beginning is cut in two
            if not self._packed.startswith(self._magics):
                raise DamagedError(f"The {self._name} data is followed by something else")
            self._decoder = self._new_decoder()
        try:
            data: bytes = self._decoder.decompress(self._packed)
        except (zlib.error, zstandard.ZstdError) as error:
            raise DamagedError(f"The {self._name} data is damaged") from error
        self._packed = b""
        if self._decoder.eof:
            self._packed, self._decoder = self._decoder.unused_data, None
        return data

    def _check_size(self) -> None:
        self._expanded += len(self._pending)
        if self._expanded > MAX_EXPANDED:
            raise DamagedError(f"The {self._name} data expands to more than {MAX_EXPANDED >> 30} GB")
        if self._expanded > HARMLESS and self._expanded > MAX_RATIO * self._read:
            raise DamagedError(f"The {self._name} data expands to more than {MAX_RATIO} times its size")
