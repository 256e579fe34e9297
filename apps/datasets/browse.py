"""A page of the list of traces."""

from dataclasses import dataclass

from apps.core.keyset import Count, Sort, Window, count_rows, read_window
from apps.datasets.selection import Where, select_traces
from apps.formats.search_terms import parse_query
from apps.traces.models import FEW, Trace

NEAR = 500


@dataclass(frozen=True)
class Browsed:
    """`before` and `after` are the cursors of the neighbouring pages, `overlooked` says how many traces the
    search did not look through.
    """

    traces: list[Trace]
    count: Count
    before: str | None
    after: str | None
    overlooked: Count


def browse_traces(where: Where, sort: Sort, *, after: str = "", before: str = "") -> Browsed:
    """Raises ValidationError for an unknown dataset and for what is no cursor.

    Where few match, these few are found first and then sorted. Else the page is read along the index of its
    order, in which a match is never far; but words may all lie at its other end: see `_read_near`.
    """
    count = _count_searched(where)
    keys = None if count and count.number > FEW else select_traces(where).few_keys()
    if keys is not None:
        count = Count(len(keys))
        window = read_window(Trace.objects.with_keys(keys), sort, after=after, before=before)
    elif count:
        window = _read_near(where, sort, after, before) or read_window(
            select_traces(where), sort, after=after, before=before
        )
    else:
        found = select_traces(where, is_walked=True)
        count, window = count_rows(found), read_window(found, sort, after=after, before=before)
    overlooked = Trace.objects.count_overlooked() if where.q else Count(0)
    return Browsed(Trace.objects.excerpts(window.keys), count, window.before, window.after, overlooked)


def _count_searched(where: Where) -> Count | None:
    """The index of search counts fast what has some words; with other filters, all that have the words are
    gathered.
    """
    if not where.q:
        return None
    is_alone = where == Where(q=where.q)
    return Trace.objects.count_found(where.q) if is_alone else count_rows(select_traces(where))


def _read_near(where: Where, sort: Sort, after: str, before: str) -> Window | None:
    """The page, where it is full with what matches among the next NEAR traces in this order: common words
    need no gathering of all that have them. To ask single traces for a prefix is slow.
    """
    if any(sought.is_prefix for sought in parse_query(where.q or "")):
        return None
    near = read_window(Trace.objects.all(), sort, after=after, before=before, size=NEAR).keys
    found = select_traces(where, is_walked=True).with_keys(near)
    window = read_window(found, sort, after=after, before=before)
    has_more = window.before if before else window.after
    return window if has_more else None
