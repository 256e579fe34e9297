"""The process that reads a big file: its only argument is the descriptor of the file, its standard input the
plan as JSON, its standard output the chunks.

A second processor works on the rows while the first stores those before. It knows no database.
"""

import gc
import importlib
import os
import pickle
import signal
import struct
import sys
from collections.abc import Iterator

# Before each part: what it is, chunks, the sentence why there are no more or the end, and its length.
HEAD = struct.Struct("<cQ")
CHUNKS, STOPPED, END = b"=", b"!", b"."


def main(descriptor: int) -> None:
    # A terminal's Ctrl-C and a service manager's signal reach it, too: it ends when its parent ends it, or is
    # no longer there to take a chunk.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    importlib.import_module("django").setup()
    out = sys.stdout.buffer
    for kind, held in _parts(descriptor):
        out.write(HEAD.pack(kind, len(held)))
        out.write(held)
        out.flush()


def _parts(descriptor: int) -> Iterator[tuple[bytes, bytes]]:
    """Its modules need the settings to be there."""
    prepare = importlib.import_module("apps.imports.prepare")
    errors = importlib.import_module("apps.core.errors")
    gc.freeze()  # what was imported is looked through in vain again and again: a sixth of the time
    plan = prepare.Plan.model_validate_json(sys.stdin.buffer.read())
    try:
        with os.fdopen(descriptor, "rb") as file:
            for group in prepare.grouped(prepare.prepare_file(file, plan)):
                held = pickle.dumps(group, pickle.HIGHEST_PROTOCOL)
                group.clear()  # else two would be held while the next one is made
                yield CHUNKS, held
        yield END, b""
    except errors.ValidationError as error:
        yield STOPPED, errors.sentence(error).encode(errors="replace")


if __name__ == "__main__":
    main(int(sys.argv[1]))
