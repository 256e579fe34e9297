"""Files that are either whole or not there."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """A file that appears under `path` only when the block has ended well, and then durably."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder: a rename is atomic only within one file system.
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            yield cast(BinaryIO, file)
            file.flush()
            os.fsync(file.fileno())
            os.chmod(file.name, 0o666 & ~_umask())
            os.replace(file.name, path)
        finally:
            Path(file.name).unlink(missing_ok=True)


def _umask() -> int:
    """tempfile makes private files; the finished one gets the rights that any new file would."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
