"""One row of a file, before anything is made of it."""

from typing import Any, NamedTuple

import orjson
from django.core.exceptions import ValidationError

# What a report shows of a row that cannot be stored: enough to find and mend it.
MAX_RAW = 10_000
MAX_COLUMNS = 1_000


class Row(NamedTuple):
    """`place` is its line or its number among the rows, from 1; `size` its bytes or characters in the file.

    Where `fault` says why it cannot be read, `value` is None.
    """

    place: int
    value: Any
    source: str | bytes | None
    size: int
    fault: ValidationError | None = None

    @property
    def raw(self) -> str:
        """The row as it stands in the file, cut at MAX_RAW characters."""
        source = orjson.dumps(self.value) if self.source is None else self.source
        if isinstance(source, bytes):
            source = source[: 4 * MAX_RAW].decode(errors="replace")
        return source.rstrip("\r\n")[:MAX_RAW]
