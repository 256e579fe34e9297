"""Searching all traces for equal and for nearly equal ones: the job and how it is begun.

What is found is stored as groups; all but the one that is kept of each get the search's tag, by which lists,
builds and commands filter. Killed, it begins anew: what it had stored is taken away first, and it finds the
same again.
"""

from array import array
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.record import Verb, record_act
from apps.core.errors import field_error, sentence
from apps.core.storable import storable
from apps.curation.forget import CANCELLED, forget_found
from apps.curation.group import Alike, Equal, Grouping, Tick
from apps.curation.models import DuplicateSearch
from apps.curation.store import Found, store_groups
from apps.jobs.handlers import handler
from apps.jobs.start import start_job
from apps.jobs.work import Cancelled, Work
from apps.traces.models import Trace, texts_of

# Of traces: few enough that a page of long ones fits into memory.
_PAGE = 500
# Pages between two notes of how far it is, each of which is a write.
_PAGES = 10


def find_duplicates(
    name: str, *, compared: str, threshold: float, created_by: User | None
) -> DuplicateSearch:
    """Start the job that does it. Raises ValidationError where the name is taken."""
    search = DuplicateSearch(name=name, compared=compared, threshold=threshold, created_by=created_by)
    try:
        with transaction.atomic():
            search.job = start_job(
                search_duplicates,
                {"search_id": str(search.pk)},
                title=f"Find duplicates: {search}",
                created_by=created_by,
            )
            search.save(force_insert=True)
    except IntegrityError as error:
        raise field_error("name", f"There is a search {name}. Remove it, or take another name.") from error
    return search


@handler
def search_duplicates(work: Work, *, search_id: str) -> dict[str, Any]:
    """Raises ValidationError where it comes to nothing."""
    search = DuplicateSearch.objects.get(pk=search_id)
    if not search.is_running:  # the worker died between the end of the search and that of its job
        return _result(search)
    try:
        forget_found(search, lambda _: work.advance(None, 0))
        _perform(work, search)
    except (Cancelled, ValidationError) as error:
        forget_found(search, lambda _: work.hold())
        if isinstance(error, Cancelled):
            _conclude(work, search, DuplicateSearch.State.CANCELLED, CANCELLED)
        else:
            _conclude(work, search, DuplicateSearch.State.FAILED, sentence(error))
        raise
    return _result(search)


def _perform(work: Work, search: DuplicateSearch) -> None:
    try:
        with closing(_grouping(search)) as grouping:
            read = _read(work, search, grouping)
            work.log(f"Comparing {len(read.scores):,} traces")
            groups = _groups(read, partial(_tick, work, read))
    except OSError as error:  # the file of the shingles
        raise ValidationError(f"There is no room to compare so much: {error.strerror}.") from error
    work.log(f"Storing {len(groups):,} groups")
    counts = store_groups(search, groups, lambda: work.advance(None, read.done, read.total))
    _conclude(
        work,
        search,
        DuplicateSearch.State.DONE,
        trace_count=len(read.scores),
        group_count=counts.groups,
        duplicate_count=counts.duplicates,
    )


@dataclass
class _Read:
    """What is kept of the traces while they are compared; all are looked at twice."""

    grouping: Grouping
    total: int
    keys: bytearray = field(default_factory=bytearray)
    scores: "array[float]" = field(default_factory=lambda: array("d"))
    done: int = 0

    def key(self, number: int) -> UUID:
        return UUID(bytes=bytes(self.keys[16 * number : 16 * number + 16]))

    def best_first(self) -> "array[int]":
        """Of equal score the oldest first."""
        return array("I", sorted(range(len(self.scores)), key=lambda number: -self.scores[number]))


def _grouping(search: DuplicateSearch) -> Grouping:
    return Equal() if search.is_exact else Alike(search.threshold, Path(settings.DATA_DIR))


def _read(work: Work, search: DuplicateSearch, grouping: Grouping) -> _Read:
    """Those that are there now, oldest first."""
    newest = Trace.objects.newest_ids(1).first() or UUID(int=0)
    read = _Read(grouping, 2 * Trace.objects.up_to(newest).count())
    for count, page in enumerate(_pages(search, newest), 1):
        for key, score, *texts in page:
            read.keys += key.bytes
            read.scores.append(score)
            read.grouping.add(texts_compared(search, texts))
        read.done += len(page)
        if count % _PAGES == 0:
            _advance(work, read)
    return read


def _pages(search: DuplicateSearch, newest: UUID) -> Iterator[Sequence[tuple[Any, ...]]]:
    after = UUID(int=0)
    rows = Trace.objects.up_to(newest).order_by("pk").values_list("pk", "score", *columns_compared(search))
    while page := [*rows.filter(pk__gt=after)[:_PAGE]]:
        yield page
        after = page[-1][0]


def columns_compared(search: DuplicateSearch) -> tuple[str, ...]:
    if search.compared == DuplicateSearch.Compared.PROMPT:
        return ("prompt",)
    return ("prompt", "final_answer", "steps")


def texts_compared(search: DuplicateSearch, values: Sequence[str]) -> Sequence[str]:
    """Of a trace, from the values of `columns_compared`."""
    return values if search.compared == DuplicateSearch.Compared.PROMPT else texts_of(*values)


def _tick(work: Work, read: _Read, count: int) -> None:
    read.done += count
    _advance(work, read)


def _advance(work: Work, read: _Read) -> None:
    with transaction.atomic():
        work.advance(None, read.done, read.total)


def _groups(read: _Read, tick: Tick) -> list[Found]:
    """From small to large, and of equal size those last whose kept one comes first."""
    order = read.best_first()
    others: dict[int, list[tuple[float, int]]] = {}
    for beside in read.grouping.group(order, tick):
        others.setdefault(beside.kept, []).append((beside.similarity, -beside.number))
    rank = {kept: place for place, kept in enumerate(order) if kept in others}
    read.done = read.total
    kept_last = sorted(others, key=lambda kept: (len(others[kept]), -rank[kept]))
    return [Found(kept, sorted(others[kept]), read.key) for kept in kept_last]


def _conclude(work: Work, search: DuplicateSearch, state: str, reason: str = "", **counts: int) -> None:
    with transaction.atomic():
        work.hold()
        DuplicateSearch.objects.filter(pk=search.pk).update(
            state=state, reason=storable(reason), finished_at=timezone.now(), **counts
        )
        if state == DuplicateSearch.State.DONE:
            record_act(Verb.FOUND_DUPLICATES, search.tag, rows=counts["duplicate_count"])


def _result(search: DuplicateSearch) -> dict[str, Any]:
    search.refresh_from_db()
    return {
        "search": str(search.pk),
        "tag": search.tag,
        "traces": search.trace_count,
        "groups": search.group_count,
        "duplicates": search.duplicate_count,
    }
