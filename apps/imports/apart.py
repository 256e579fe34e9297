"""Chunks of a big file, made by a process of their own while this one stores those before."""

import fcntl
import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, cast

from django.conf import settings
from django.core.exceptions import ValidationError

from apps.imports import apart_chunks
from apps.imports.apart_chunks import CHUNKS, END, HEAD, STOPPED
from apps.imports.prepare import Chunk, Plan, prepare_file

# Bytes of text from which on the start of a process, half a second, is won back.
BIG = 32 << 20
# Packed text is taken for so many times as long.
_PACKED = 8
# In place of 64 kB: as much of a chunk lies ready when it is asked for.
_PIPE = 1 << 20


def is_big(size: int, *, is_packed: bool) -> bool:
    return size * (_PACKED if is_packed else 1) > BIG


@contextmanager
def prepared(stream: BinaryIO, plan: Plan, *, is_apart: bool) -> Iterator[Iterator[list[Chunk]]]:
    """The same chunks either way, in lists of what is stored at once. They raise ValidationError where the
    file cannot be read further.
    """
    if not is_apart:
        yield ([chunk] for chunk in prepare_file(stream, plan))
        return
    process = subprocess.Popen(
        [sys.executable, "-m", apart_chunks.__name__, str(stream.fileno())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=[stream.fileno()],
        cwd=settings.BASE_DIR,
    )
    with process:
        try:
            with suppress(OSError, AttributeError):  # so large a pipe is not to be had, or nowhere
                fcntl.fcntl(cast(BinaryIO, process.stdout), fcntl.F_SETPIPE_SZ, _PIPE)
            _tell(process, plan)
            yield _received(process)
        finally:
            process.kill()


def _tell(process: subprocess.Popen[bytes], plan: Plan) -> None:
    with suppress(BrokenPipeError), cast(BinaryIO, process.stdin) as order:  # of its death is heard elsewhere
        order.write(plan.model_dump_json().encode())


def _received(process: subprocess.Popen[bytes]) -> Iterator[list[Chunk]]:
    rows = 0
    while (part := _part(cast(BinaryIO, process.stdout)))[0] == CHUNKS:
        chunks: list[Chunk] = pickle.loads(part[1])  # noqa: S301 - of a process of our own
        rows += sum(chunk.read for chunk in chunks)
        yield chunks
        chunks.clear()  # else two lists would be held while the next one comes
    if part[0] == STOPPED:
        raise ValidationError(part[1].decode())
    if part[0] != END:
        raise ValidationError(
            f"The process that reads the file ended after {rows:,} rows: {_reason(process.wait())}. "
            "Import the file again."
        )


def _part(pipe: BinaryIO) -> tuple[bytes, bytes]:
    """Its kind and what it holds; of no kind where it breaks off."""
    head = pipe.read(HEAD.size)
    if len(head) == HEAD.size:
        kind, size = HEAD.unpack(head)
        held = pipe.read(size)
        if len(held) == size:
            return kind, held
    return b"", b""


def _reason(status: int) -> str:
    if status < 0:
        return "it was killed, or no memory was left"
    return "it met an unexpected error, which stands in the log"
