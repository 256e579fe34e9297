"""A page of the list of traces."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from apps.core.keyset import Count, Sort, count_rows, read_window
from apps.curation.look import Marks, marks_of
from apps.datasets.selection import Where, select_traces
from apps.traces.models import Trace


@dataclass(frozen=True)
class Browsed:
    """`before` and `after` are the cursors of the neighbouring pages."""

    traces: list[Trace]
    count: Count
    before: str | None
    after: str | None
    marks: dict[UUID, Marks]

    @property
    def rows(self) -> Iterator[tuple[Trace, Marks]]:
        """Each trace with what was said of it."""
        return ((trace, self.marks[trace.pk]) for trace in self.traces)


def browse_traces(where: Where, sort: Sort, *, after: str = "", before: str = "") -> Browsed:
    """Raises ValidationError for an unknown dataset and for what is no cursor.

    Where few match, these few are found first and then sorted. Else the page is read along the index of its
    order, in which a match is never far.
    """
    keys = select_traces(where).few_keys()
    if keys is None:
        found = select_traces(where, is_walked=True)
        count = count_rows(found)
    else:
        found = Trace.objects.with_keys(keys)
        count = Count(len(keys))
    window = read_window(found, sort, after=after, before=before)
    traces = Trace.objects.excerpts(window.keys)
    return Browsed(traces, count, window.before, window.after, marks_of(window.keys))
