"""Tagging and reviewing: one act for one trace and for all that match a filter."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.record import Verb, record_act
from apps.core.errors import not_found
from apps.curation.models import Note, Review, Tag, Tagging
from apps.traces.models import Trace, TraceQuerySet

# The traces that are meant, noted before anything changes: what changes may be what they were chosen by.
_CHOSEN = "curation_chosen"
# So many of them are named in the record of the act.
MAX_NAMED = 10


@dataclass(frozen=True)
class Change:
    add_tags: Sequence[str] = ()
    remove_tags: Sequence[str] = ()
    review: str | None = None


class Curated(NamedTuple):
    """How many traces were meant, and what was said of them that was not said before."""

    traces: int
    tags_added: int
    tags_removed: int
    reviewed: int

    @property
    def changes(self) -> int:
        """Rows that came or went."""
        return self.tags_added + self.tags_removed + self.reviewed

    def __str__(self) -> str:
        done = [
            f"added {_many(self.tags_added, 'tag')}" if self.tags_added else "",
            f"removed {_many(self.tags_removed, 'tag')}" if self.tags_removed else "",
            f"reviewed {_many(self.reviewed, 'trace')}" if self.reviewed else "",
        ]
        said = ", ".join(filter(None, done)) or "nothing was to be changed"
        return f"Of {_many(self.traces, 'trace')}: {said}."


def _many(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def curate_traces(
    traces: TraceQuerySet, change: Change, *, created_by: User | None, is_whole: bool = True
) -> Curated:
    """Change what is said of all of these, by query. A state that a trace has already is not noted again.

    Not `is_whole` is a part of an act, which whoever calls records when it is done.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        _keep_others_out(cursor)
        count = _choose(cursor, traces)
        first = _first_ids(cursor) if is_whole else []
        added = _add(cursor, change.add_tags)
        removed = _remove(cursor, change.remove_tags)
        reviewed = _review(cursor, change.review, created_by) if change.review else 0
        cursor.execute(f"DROP TABLE {_CHOSEN}")
        done = Curated(count, added, removed, reviewed)
        if is_whole and done.changes:
            _record(done, change, first)
    return done


def add_note(trace: Trace, text: str, *, created_by: User | None) -> Note:
    """Raises ValidationError where the trace has been deleted since it was read."""
    with transaction.atomic():
        if not Trace.objects.with_keys([trace.pk]).select_for_update().exists():
            raise not_found("Trace", trace.pk)
        record_act(Verb.NOTED_TRACE, trace.pk)
        return Note.objects.create(trace=trace, text=text, created_by=created_by)


def _record(done: Curated, change: Change, first: list[UUID]) -> None:
    """`first` are the ids of some of the traces that were meant."""
    said = {
        "added": [*change.add_tags] if done.tags_added else None,
        "removed": [*change.remove_tags] if done.tags_removed else None,
        "review": change.review if done.reviewed else None,
        "traces": done.traces if done.traces > 1 else None,
        "ids": [*map(str, first)] if done.traces > 1 else None,
    }
    details = {name: value for name, value in said.items() if value is not None}
    record_act(Verb.CURATED_TRACE, first[0] if done.traces == 1 else "", rows=done.changes, details=details)


def check_known(keys: Sequence[Any]) -> None:
    """Raise ValidationError (not found) that names the first of these that is no trace."""
    if missing := Trace.objects.missing(keys):
        raise not_found("Trace", missing[0])


def _keep_others_out(cursor: Any) -> None:
    """Until the end of the transaction no trace is deleted, and nobody else reviews.

    SQLite has one writer at a time anyway.
    """
    if connection.vendor == "postgresql":
        cursor.execute(f"LOCK TABLE {_table(Tagging)} IN ROW EXCLUSIVE MODE")
        cursor.execute(f"LOCK TABLE {_table(Review)} IN SHARE ROW EXCLUSIVE MODE")


def _choose(cursor: Any, traces: TraceQuerySet) -> int:
    kind = Trace._meta.pk.db_type(connection)
    cursor.execute(f"CREATE TEMPORARY TABLE {_CHOSEN} (trace_id {kind} PRIMARY KEY)")
    try:
        select, params = traces.order_by().values("pk").query.sql_with_params()
    except EmptyResultSet:  # a bound that no column reaches: Django asks the database nothing
        return 0
    cursor.execute(f"INSERT INTO {_CHOSEN} {select}", params)
    return int(cursor.rowcount)


def _first_ids(cursor: Any) -> list[UUID]:
    cursor.execute(f"SELECT trace_id FROM {_CHOSEN} ORDER BY trace_id LIMIT {MAX_NAMED}")
    return [UUID(str(id)) for (id,) in cursor.fetchall()]


def _add(cursor: Any, names: Sequence[str]) -> int:
    if not names:
        return 0
    keys = Tag.objects.ensure(names)
    cursor.execute(
        f"INSERT INTO {_table(Tagging)} (tag_id, trace_id)"
        f" SELECT tag.id, chosen.trace_id FROM {_table(Tag)} AS tag, {_CHOSEN} AS chosen"
        f" WHERE tag.id IN ({_marks(keys)}) ON CONFLICT DO NOTHING",
        keys,
    )
    return int(cursor.rowcount)


def _remove(cursor: Any, names: Sequence[str]) -> int:
    if not (keys := Tag.objects.keys_of(names) if names else []):
        return 0
    cursor.execute(
        f"DELETE FROM {_table(Tagging)} WHERE tag_id IN ({_marks(keys)})"
        f" AND trace_id IN (SELECT trace_id FROM {_CHOSEN})",
        keys,
    )
    return int(cursor.rowcount)


def _review(cursor: Any, state: str, created_by: User | None) -> int:
    """Those that have the state already are taken from the chosen first."""
    reviews = _table(Review)
    if state == Review.State.NEW:
        other = f"trace_id NOT IN (SELECT trace_id FROM {reviews} WHERE is_current AND state <> %s)"
    else:
        other = f"trace_id IN (SELECT trace_id FROM {reviews} WHERE is_current AND state = %s)"
    cursor.execute(f"DELETE FROM {_CHOSEN} WHERE {other}", [state])
    cursor.execute(
        f"UPDATE {reviews} SET is_current = FALSE"
        f" WHERE is_current AND trace_id IN (SELECT trace_id FROM {_CHOSEN})"
    )
    moment = Review._meta.get_field("created_at").get_db_prep_save(timezone.now(), connection)
    cursor.execute(
        f"INSERT INTO {reviews} (trace_id, state, is_current, created_at, created_by_id)"
        f" SELECT trace_id, %s, TRUE, %s, %s FROM {_CHOSEN}",
        [state, moment, created_by.pk if created_by else None],
    )
    return int(cursor.rowcount)


def _table(model: Any) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _marks(values: Iterable[Any]) -> str:
    return ", ".join("%s" for _ in values)
