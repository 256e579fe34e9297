"""Rows made ready to be stored: all of the work that needs nothing but the rows."""

from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError
from pydantic import BaseModel, ConfigDict

from apps.formats.trace import TracePayload
from apps.imports.content import Content, content_of
from apps.imports.mapping import Mapping
from apps.imports.parse import CHUNK_SIZE, Parsed, Rejection, chunks, parse_rows
from apps.imports.read import read_rows
from apps.imports.recognise import FORMATS, Recipe, mapped
from apps.imports.rows import Row
from apps.traces.derive import Derived, derive

# More chunks in one transaction let SQLite write the same pages of its indexes more seldom: of four, half as
# much. It takes a third of a second.
GROUP = 4


class Plan(BaseModel):
    """What becomes of the rows of a file behind the place `after`, in words that another process reads."""

    model_config = ConfigDict(frozen=True)

    format: str
    mapping: Mapping | None = None
    source: str | None = None
    after: int = 0
    is_dry_run: bool = False

    @property
    def recipe(self) -> Recipe:
        return mapped(self.mapping, self.format) if self.mapping else FORMATS[self.format]


class Ready(NamedTuple):
    """`derived` is None in a dry run."""

    content: Content
    derived: Derived | None


class Chunk(NamedTuple):
    """Of `read` rows of this `size`; `place` is the last one's, `position` where in the file its reader was
    then.
    """

    place: int
    position: int
    read: int
    size: int
    ready: list[Ready]
    rejections: list[Rejection]

    def estimate(self, read: int, size: int) -> int:
        """Rows in all, where so many were read up to here of a file of this size."""
        share = min(self.position / max(size, 1), 1) or 1
        return max(read, round(read / share))


def prepare_file(stream: BinaryIO, plan: Plan) -> Iterator[Chunk]:
    """Raises ValidationError, also where the file cannot be read further."""
    yield from prepare_rows(read_rows(stream, 4 * settings.TRACE_MAX_BYTES, plan.after), plan, stream.tell)


def grouped(chunks: Iterator[Chunk]) -> Iterator[list[Chunk]]:
    """As many as are stored at once where they are many. Those before a refusal come before it."""
    group: list[Chunk] = []
    try:
        for chunk in chunks:
            group.append(chunk)
            if len(group) == GROUP or sum(chunk.size for chunk in group) >= CHUNK_SIZE:
                yield group
                group = []
    except ValidationError:
        if group:
            yield group
        raise
    if group:
        yield group


def prepare_rows(rows: Iterable[Row], plan: Plan, tell: Callable[[], int] = lambda: 0) -> Iterator[Chunk]:
    for parsed in chunks(parse_rows(rows, plan.recipe, plan.source)):
        yield _chunk(parsed, tell(), plan.is_dry_run)


def _chunk(parsed: list[Parsed], position: int, is_dry_run: bool) -> Chunk:
    ready = [_ready(item.payload, is_dry_run) for item in parsed if item.payload]
    rejections = [item.rejection for item in parsed if item.rejection]
    size = sum(item.size for item in parsed)
    return Chunk(parsed[-1].place, position, len(parsed), size, ready, rejections)


def _ready(payload: TracePayload, is_dry_run: bool) -> Ready:
    content = content_of(payload.prompt, payload.final_answer, payload.contents)
    return Ready(content, None if is_dry_run else derive(payload, content.prompt))
