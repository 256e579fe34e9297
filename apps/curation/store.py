"""Storing the groups that a search found, with the tag of those that may go."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction

from apps.core.sql import column_names, placeholders
from apps.curation.models import DuplicateGroup, DuplicateMember, DuplicateSearch, Tag, Tagging
from apps.traces.models import Trace

# Members in one transaction: in many small ones SQLite would write most pages of its indexes each time.
_CHUNK = 20_000

# Groups that are stored at once.
_GROUPS = 1_000

_MEMBERS = DuplicateMember._meta.db_table
# Members that came after one, of one search: another may be storing its own.
_NEW = (
    f"{_MEMBERS}.id > %s AND EXISTS (SELECT 1 FROM {DuplicateGroup._meta.db_table} AS known"
    f" WHERE known.id = {_MEMBERS}.group_id AND known.search_id = %s)"
)
_FIELDS = [
    field
    for field in DuplicateMember._meta.concrete_fields
    if field.name in ("group", "trace", "similarity", "is_kept")
]

# In the order of _FIELDS.
Row = tuple[int, UUID, float, bool]
# Called in the transaction of rows that are about to be committed.
Advance = Callable[[], None]


class Found(NamedTuple):
    """A group: `kept` and the others (similarity, minus the number), from less to more alike."""

    kept: int
    others: list[tuple[float, int]]
    key: Callable[[int], UUID]

    def members(self, group: int) -> Iterator[Row]:
        """The one that is kept is the last."""
        for similarity, number in self.others:
            yield group, self.key(-number), similarity, False
        yield group, self.key(self.kept), 1.0, True


class Counts(NamedTuple):
    groups: int
    duplicates: int


def store_groups(search: DuplicateSearch, groups: Sequence[Found], advance: Advance) -> Counts:
    """In this order. Some thousand members at a time, however large a group is."""
    [tag] = Tag.objects.ensure([search.tag])
    rows, duplicates, is_left = _rows(search, groups), 0, True
    while is_left:
        with transaction.atomic(), connection.cursor() as cursor:
            keep_deletions_out(cursor)
            before = DuplicateMember.objects.newest_key()
            is_left = _insert(cursor, [*islice(rows, _CHUNK)])
            _drop_deleted(cursor, search, before)
            duplicates += _tag(cursor, search, tag, before)
            advance()
    return Counts(len(groups), duplicates)


def keep_deletions_out(cursor: Any) -> None:
    """Until the end of the transaction no trace is deleted, in the order in which deletions take these.

    SQLite has one writer at a time anyway.
    """
    if connection.vendor == "postgresql":
        for model in (Tagging, DuplicateMember):
            cursor.execute(f"LOCK TABLE {model._meta.db_table} IN ROW EXCLUSIVE MODE")


def _rows(search: DuplicateSearch, groups: Sequence[Found]) -> Iterator[Row]:
    """Stores the groups as it comes to them."""
    for start in range(0, len(groups), _GROUPS):
        page = groups[start : start + _GROUPS]
        stored = DuplicateGroup.objects.bulk_create(DuplicateGroup(search=search) for _ in page)
        for found, group in zip(page, stored, strict=True):
            yield from found.members(group.pk)


def _insert(cursor: Any, rows: Sequence[Row]) -> bool:
    """Whether there were any."""
    into = f"{_MEMBERS} ({column_names(_FIELDS)})"
    if connection.vendor == "postgresql":
        with cursor.copy(f"COPY {into} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    elif rows:
        values = f"INSERT INTO {into} VALUES ({placeholders(_FIELDS)})"
        cursor.executemany(values, [(group, key.hex, *rest) for group, key, *rest in rows])
    return bool(rows)


def _drop_deleted(cursor: Any, search: DuplicateSearch, before: int) -> None:
    """Of the traces that were read some may be gone."""
    traces = Trace._meta.db_table
    cursor.execute(
        f"DELETE FROM {_MEMBERS} WHERE {_NEW}"
        f" AND NOT EXISTS (SELECT 1 FROM {traces} AS trace WHERE trace.id = {_MEMBERS}.trace_id)",
        _of(search, before),
    )


def _tag(cursor: Any, search: DuplicateSearch, tag: int, before: int) -> int:
    """How many of the new members are not the ones that are kept. In the order of the indexes of tags."""
    others = f"FROM {_MEMBERS} WHERE {_NEW} AND NOT is_kept"
    cursor.execute(f"SELECT count(*) {others}", _of(search, before))
    [count] = cursor.fetchone()
    cursor.execute(
        f"INSERT INTO {Tagging._meta.db_table} (tag_id, trace_id)"
        f" SELECT %s, trace_id {others} ORDER BY trace_id ON CONFLICT DO NOTHING",
        [tag, *_of(search, before)],
    )
    return int(count)


def _of(search: DuplicateSearch, before: int) -> list[Any]:
    """The parameters of _NEW."""
    return [before, search.pk if connection.features.has_native_uuid_field else search.pk.hex]
