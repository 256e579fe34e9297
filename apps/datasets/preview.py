"""What a build would take, before it is built."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from apps.core.errors import join_names, not_found
from apps.core.keyset import COUNTED, Count, count_rows
from apps.datasets.build import Recipe, select_matching, selection
from apps.datasets.histograms import Histogram, histogram
from apps.traces.models import Trace

SHOWN = 5
MEASURED = COUNTED


@dataclass(frozen=True)
class Preview:
    """`steps` and `characters` are those of the first `measured` traces; none where nothing matches."""

    matching: Count
    taken: Count
    first: list[Trace]
    measured: int
    steps: Histogram | None
    characters: Histogram | None

    @property
    def is_partly_measured(self) -> bool:
        return self.taken.number > self.measured


def preview_build(recipe: Recipe) -> Preview:
    """Raises ValidationError for an unknown dataset or trace."""
    if recipe.trace_ids is not None:
        rows = _given_rows(recipe.trace_ids)
        matching = taken = Count(len(rows))
    else:
        rows = [*selection(recipe)[:MEASURED].values_list("pk", "step_count", "char_count")]
        matching = count_rows(select_matching(recipe))
        taken = matching if recipe.limit is None else Count(min(matching.number, recipe.limit))
    first = Trace.objects.excerpts([row[0] for row in rows[:SHOWN]])
    steps, characters = _spread(row[1] for row in rows), _spread(row[2] for row in rows)
    return Preview(matching, taken, first, len(rows), steps, characters)


def _given_rows(ids: list[UUID]) -> list[tuple[UUID, int, int]]:
    found = Trace.objects.with_keys(ids).values_list("pk", "step_count", "char_count")
    rows = {row[0]: row for row in found}
    if missing := [str(id) for id in ids if id not in rows]:
        raise not_found("Trace", join_names(missing))
    return [rows[id] for id in ids]


def _spread(values: Iterable[int]) -> Histogram | None:
    counts = Counter(values)
    return histogram(counts) if counts else None
