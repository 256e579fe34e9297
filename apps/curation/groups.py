"""The groups of a search, as a list shows them and as a person compares them."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from apps.core.keyset import Sort, Window, read_window
from apps.curation.duplicates import columns_compared, texts_compared
from apps.curation.likeness import jaccard, shingles
from apps.curation.models import DuplicateGroup, DuplicateMember, DuplicateSearch
from apps.traces.compare import Compared, Marker, Row, compare_traces
from apps.traces.models import Trace

# Members of each group in a list.
MAX_LISTED = 20
# Of the others on the page of a group.
COMPARED = 10

LARGEST_FIRST = Sort("pk", is_descending=True)


class Summary(NamedTuple):
    """`kept` is None until another is kept in place of a deleted one; `lowest` is the least similarity."""

    group: DuplicateGroup
    size: int
    lowest: float
    kept: UUID | None


class Beside(NamedTuple):
    """One of the others, compared with the trace that is kept."""

    trace: Trace
    similarity: float
    compared: Compared

    @property
    def changed_rows(self) -> list[tuple[str, Row]]:
        rows = [("Prompt", self.compared.prompt)]
        rows += [("Step", row) for row in self.compared.steps]
        rows += [("Answer", self.compared.answer)]
        return [(label, row) for label, row in rows if not row.is_same]


class Shown(NamedTuple):
    size: int
    kept: Trace | None
    others: list[Beside]
    window: Window


def summaries(keys: Sequence[int]) -> list[Summary]:
    """Of these groups, in a number of queries that does not go with theirs."""
    groups = DuplicateGroup.objects.with_keys(keys).select_related("resolved_by").largest_first()
    members = DuplicateMember.objects.of_groups(keys)
    sizes = members.sizes()
    kept = dict(members.kept().values_list("group_id", "trace_id"))
    return [Summary(group, *sizes.get(group.pk, (0, 1.0)), kept.get(group.pk)) for group in groups]


def members_listed(keys: Sequence[int]) -> dict[int, list[DuplicateMember]]:
    found: dict[int, list[DuplicateMember]] = {key: [] for key in keys}
    for member in DuplicateMember.objects.of_groups(keys).leading(MAX_LISTED):
        found[member.group_id].append(member)
    return found


class Listed(NamedTuple):
    """A row of a list of groups."""

    summary: Summary
    kept: Trace | None


def listed_groups(keys: Sequence[int]) -> list[Listed]:
    rows = summaries(keys)
    traces = {trace.pk: trace for trace in Trace.objects.excerpts([row.kept for row in rows if row.kept])}
    return [Listed(row, traces.get(row.kept) if row.kept else None) for row in rows]


def compare_group(group: DuplicateGroup, *, after: str, before: str) -> Shown:
    """Raises ValidationError for a text that is no cursor."""
    window = read_window(group.members.others(), LARGEST_FIRST, after=after, before=before, size=COMPARED)
    members = group.members.with_keys(window.keys).most_alike_first()
    keys = [member.trace_id for member in members]
    kept_key = group.members.kept().values_list("trace_id", flat=True).first()
    traces = Trace.objects.with_keys([*keys, *filter(None, [kept_key])]).in_bulk()
    kept = traces.get(kept_key) if kept_key else None
    size = group.members.count()
    if kept is None:
        return Shown(size, None, [], window)
    marker = Marker()
    others = [
        Beside(
            traces[key], likeness(group.search, kept, traces[key]), compare_traces(kept, traces[key], marker)
        )
        for key in keys
        if key in traces
    ]
    return Shown(size, kept, others, window)


def likeness(search: DuplicateSearch, a: Trace, b: Trace) -> float:
    if search.is_exact:
        return 1.0
    columns = columns_compared(search)
    said = [texts_compared(search, [getattr(trace, name) for name in columns]) for trace in (a, b)]
    return jaccard(*map(shingles, said))
