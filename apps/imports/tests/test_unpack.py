import gzip
import io
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import zstandard

from apps.imports import unpack as module
from apps.imports.unpack import DamagedError, unpack

ROWS = b"".join(b'{"n": %d}\n' % n for n in range(20_000))


class Pipe(io.RawIOBase):
    """Like a pipe: cannot be sought, and gives little at a time."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray, /) -> int:  # type: ignore[override]
        part = self._data.read(min(len(buffer), 700))
        buffer[: len(part)] = part
        return len(part)


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


PACK = {"gzip": gzip.compress, "zstd": zstd}
FILES = [
    (ROWS, None),
    (gzip.compress(ROWS), "gzip"),
    (gzip.compress(ROWS[:999]) + gzip.compress(ROWS[999:]) + bytes(512), "gzip"),
    (zstd(ROWS), "zstd"),
    (zstd(ROWS[:999]) + zstd(ROWS[999:]), "zstd"),
    (b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"size" + zstd(ROWS), "zstd"),
    (b"", None),
    (b"\x1f", None),
]


@pytest.mark.parametrize("is_pipe", [False, True])
@pytest.mark.parametrize(("data", "packing"), FILES, ids=range(len(FILES)))
def test_what_was_packed_comes_out(data: bytes, packing: str | None, is_pipe: bool) -> None:
    stream = io.BufferedReader(Pipe(data) if is_pipe else io.BytesIO(data))  # type: ignore[type-var]
    file = unpack(stream)
    whole = file.stream.read()
    assert (file.packing, whole) == (packing, ROWS if packing else data)
    assert file.head == whole[: module.HEAD]


@pytest.mark.parametrize("packing", PACK)
@pytest.mark.parametrize("cut", [5, 100, -4])
def test_packed_data_that_breaks_off_is_said(packing: str, cut: int) -> None:
    with pytest.raises(DamagedError, match=f"^The {packing} data ends too early$"):
        unpack(io.BytesIO(PACK[packing](ROWS)[:cut])).stream.read()


@pytest.mark.parametrize("packing", PACK)
def test_damaged_data_is_said(packing: str) -> None:
    packed = bytearray(PACK[packing](ROWS))
    packed[len(packed) // 2 :][:60] = bytes(60)
    packed[4000:4060] = bytes(60)
    with pytest.raises(DamagedError, match=f"^The {packing} data is damaged$"):
        unpack(io.BytesIO(packed)).stream.read()


@pytest.mark.parametrize("packing", PACK)
def test_other_data_behind_it_is_said(packing: str) -> None:
    with pytest.raises(DamagedError, match=r"is followed by something else$"):
        unpack(io.BytesIO(PACK[packing](ROWS) + b"more of it")).stream.read()


@pytest.mark.parametrize("packing", PACK)
def test_a_bomb_is_said_before_it_has_grown(packing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HARMLESS", 1 << 20)
    with pytest.raises(DamagedError, match=r"expands to more than 200 times its size$"):
        unpack(io.BytesIO(PACK[packing](bytes(8 << 20)))).stream.read()


@pytest.mark.parametrize("packing", PACK)
def test_the_whole_is_bounded(packing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_EXPANDED", len(ROWS) - 1)
    with pytest.raises(DamagedError, match=r"expands to more than 0 GB$"):
        unpack(io.BytesIO(PACK[packing](ROWS))).stream.read()


def test_a_zstd_window_beyond_the_usual_is_refused() -> None:
    options = zstandard.ZstdCompressionParameters(window_log=28, enable_ldm=True)
    stream = zstandard.ZstdCompressor(compression_params=options).compressobj()
    with pytest.raises(DamagedError, match="The zstd data is damaged"):
        unpack(io.BytesIO(stream.compress(b"a" * 300_000) + stream.flush())).stream.read()


@pytest.mark.parametrize("packing", PACK)
def test_memory_stays_small_while_a_gigabyte_is_read(packing: str, tmp_path: Path) -> None:
    """A line of 1 GB, packed: its bytes are never in one place, neither here nor in the reader."""
    file = tmp_path / "bomb"
    zeros = b"x" * (1 << 20)
    with file.open("wb") as out:
        packed = gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1) if packing == "gzip" else None
        target = packed or zstandard.ZstdCompressor().stream_writer(out, closefd=False)
        target.write(b'{"n": "')
        for _ in range(1024 if packing == "zstd" else 200):
            target.write(zeros)
        target.write(b'"}\n{"n": 2}\n')
        target.close()
    program = f"""
        import resource, sys
        from apps.imports import unpack
        unpack.MAX_RATIO = 1 << 30
        from apps.imports.read import read_rows
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with open({str(file)!r}, "rb") as file:
            rows = [(row.place, row.size > 1 << 20, row.value) for row in read_rows(file, 1 << 22)]
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert rows == [(1, True, None), (2, False, {{"n": 2}})], rows
        assert grown < 128 << 10, grown
    """
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True)
    assert run.stderr == ""
