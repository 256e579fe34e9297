"""Two datasets: which traces came, which went. The database compares; no list of members is read."""

from dataclasses import dataclass

from django.db import connection

from apps.datasets.models import Dataset, DatasetEntry
from apps.traces.models import Trace

LISTED = 50

_KEPT = """
SELECT count(*), coalesce(max(CASE WHEN position < previous THEN 1 ELSE 0 END), 0) FROM (
    SELECT theirs.position, lag(theirs.position) OVER (ORDER BY ours.position) AS previous
    FROM {table} AS ours JOIN {table} AS theirs ON theirs.trace_id = ours.trace_id
    WHERE ours.dataset_id = %s AND theirs.dataset_id = %s
) AS kept
"""


@dataclass(frozen=True)
class Part:
    """Some members of one dataset that the other lacks; `after` is the position behind which more stand."""

    count: int
    traces: list[Trace]
    after: int | None


@dataclass(frozen=True)
class Comparison:
    """From `base` to `other`; `is_reordered` is about the traces that both have."""

    kept: int
    is_reordered: bool
    came: Part
    went: Part

    @property
    def is_equal(self) -> bool:
        return not (self.is_reordered or self.came.count or self.went.count)


def compare_datasets(
    base: Dataset, other: Dataset, *, came_after: int | None = None, went_after: int | None = None
) -> Comparison:
    kept, is_reordered = _compare_kept(base, other)
    came = _part(other, base, other.trace_count - kept, came_after)
    went = _part(base, other, base.trace_count - kept, went_after)
    return Comparison(kept, is_reordered, came, went)


def _compare_kept(base: Dataset, other: Dataset) -> tuple[int, bool]:
    """How many traces both have, and whether any of them stands before one that it stood behind."""
    with connection.cursor() as cursor:
        cursor.execute(_KEPT.format(table=DatasetEntry._meta.db_table), [base.pk, other.pk])
        kept, is_reordered = cursor.fetchone()
    return kept, bool(is_reordered)


def _part(dataset: Dataset, without: Dataset, count: int, after: int | None) -> Part:
    if not count:
        return Part(0, [], None)
    entries = dataset.entries.after(after).absent_from(without).in_order()
    rows = [*entries.values_list("trace_id", "position")[: LISTED + 1]]
    page = rows[:LISTED]
    traces = Trace.objects.excerpts([trace_id for trace_id, _ in page])
    return Part(count, traces, page[-1][1] if len(rows) > LISTED else None)
