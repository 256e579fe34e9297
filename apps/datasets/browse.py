"""A page of the list of traces."""

from dataclasses import dataclass

from apps.core.keyset import Count, Sort, count_rows, read_window
from apps.datasets.selection import Where, select_traces
from apps.traces.models import FEW, Trace


@dataclass(frozen=True)
class Browsed:
    """`before` and `after` are the cursors of the neighbouring pages, `unsearched` says how many traces the
    search did not look through.
    """

    traces: list[Trace]
    count: Count
    before: str | None
    after: str | None
    unsearched: Count


def browse_traces(where: Where, sort: Sort, *, after: str = "", before: str = "") -> Browsed:
    """Raises ValidationError for an unknown dataset and for what is no cursor.

    Where few match, these few are found first and then sorted. Else the page is read along the index of its
    order, in which a match is never far; unless words are sought that are neither rare nor common.
    """
    count = _count_searched(where)
    keys = None if count and count.number > FEW else select_traces(where).few_keys()
    if keys is None:
        found = select_traces(where, is_walked=not count or not count.is_exact)
        count = count or count_rows(found)
    else:
        found = Trace.objects.with_keys(keys)
        count = Count(len(keys))
    window = read_window(found, sort, after=after, before=before)
    unsearched = Trace.objects.count_overlooked() if where.q else Count(0)
    return Browsed(Trace.objects.excerpts(window.keys), count, window.before, window.after, unsearched)


def _count_searched(where: Where) -> Count | None:
    """The index of search counts fast what has some words; with other filters, all that have the words are
    gathered.
    """
    if not where.q:
        return None
    is_alone = where == Where(q=where.q)
    return Trace.objects.count_found(where.q) if is_alone else count_rows(select_traces(where))
