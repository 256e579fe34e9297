"""A page of the list of traces."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from apps.core.keyset import FAR_REACH, REACH, Count, Page, Sort, Window, count_rows
from apps.curation.look import Marks, marks_of
from apps.datasets.selection import Where, few_outside, look_up, select_traces
from apps.traces.models import FEW, Hits, Trace


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
    marks: dict[UUID, Marks]

    @property
    def rows(self) -> Iterator[tuple[Trace, Marks]]:
        """Each trace with what was said of it."""
        return ((trace, self.marks[trace.pk]) for trace in self.traces)


def browse_traces(where: Where, sort: Sort, *, after: str = "", before: str = "") -> Browsed:
    """Raises ValidationError for an unknown dataset and for what is no cursor."""
    page = Page(sort._replace(within=where.bounds(sort.field)), after, before)
    hits = look_up(where)
    count, window = _find(where, hits, page)
    overlooked = hits.overlooked if hits else Count(0)
    traces = Trace.objects.excerpts(window.keys)
    return Browsed(traces, count, window.before, window.after, overlooked, marks_of(window.keys))


def _find(where: Where, hits: Hits | None, page: Page) -> tuple[Count, Window]:
    """What an index finds in the order of the page is read from it. Else few are gathered by what they have
    in common, and sorted; many are met along the order, unless all of them are far away in it.
    """
    if (outside := few_outside(where)) is None:
        found = select_traces(where, hits=hits)
    else:
        found = select_traces(where, among=Trace.objects.with_keys(outside), hits=hits, is_walked=True)
    indexed = where.indexed_by(page.sort.field)
    along = Trace.objects.all() if indexed.source is None else Trace.objects.of_source(indexed.source)
    if where == indexed:
        return count_rows(found), page.read(select_traces(where, among=along, is_walked=True))
    count = hits.count if hits and where == Where(q=where.q) else None
    if count is None or count.is_exact:
        count, window = page.gather_few(found, FEW)
        if window is not None:
            return count, window
    walked = select_traces(where, among=along, hits=hits, is_walked=True)
    reaches = [REACH] if page.sort.field == "pk" else [REACH, FAR_REACH]
    walks = (page.walk(walked, along, reach) for reach in reaches)
    return count, next(filter(None, walks), None) or page.gather(found)


def find_beside(where: Where, sort: Sort, cursor: str) -> tuple[UUID | None, UUID | None]:
    """The traces before and behind a cursor in the list. Raises ValidationError as `browse_traces` does."""
    sort = sort._replace(within=where.bounds(sort.field))
    hits = look_up(where)
    _, behind = _find(where, hits, Page(sort, after=cursor, size=1))
    _, ahead = _find(where, hits, Page(sort, before=cursor, size=1))
    return next(iter(ahead.keys), None), next(iter(behind.keys), None)
