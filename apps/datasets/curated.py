"""What is said of the traces of a dataset, counted: a dataset is frozen, what is said is not."""

from typing import Any, NamedTuple

from django.db.models import Count, Exists, OuterRef, QuerySet

from apps.core.keyset import COUNTED
from apps.curation.models import Review, Tagging
from apps.datasets.models import Dataset, DatasetEntry
from apps.formats.flags import FLAGS

MAX_TAGS = 100


class CurationCounts(NamedTuple):
    """Traces by state of review; names of tags, each with the number of traces that have it, most first.

    `flags` were counted by the build, for traces do not change; None for a build from before that.
    """

    states: dict[str, int]
    tags: list[tuple[str, int]]
    flags: dict[str, int] | None


def count_curation(dataset: Dataset) -> CurationCounts:
    """At the cost of its members where these are few, else of what is said of traces."""
    states = {state.value: 0 for state in Review.State}
    states |= dict(_counted(dataset, Review.objects.current(), "state"))
    states[Review.State.NEW.value] = dataset.trace_count - states["approved"] - states["rejected"]
    tags = _counted(dataset, Tagging.objects.all(), "tag__name").order_by("-count", "tag__name")
    return CurationCounts(states, [*tags[:MAX_TAGS]], _flag_counts(dataset))


def _flag_counts(dataset: Dataset) -> dict[str, int] | None:
    kept: list[tuple[int, int]] | None = dataset.histograms.get("flags")
    if kept is None:
        return None
    return {name: sum(count for value, count in kept if value & flag) for name, flag in FLAGS.items()}


def _counted(dataset: Dataset, said: QuerySet[Any, Any], column: str) -> QuerySet[Any, Any]:
    if dataset.trace_count <= COUNTED:
        members = said.filter(trace__in=dataset.entries.order_by().values("trace"))
    else:
        members = said.filter(
            Exists(DatasetEntry.objects.filter(dataset=dataset, trace=OuterRef("trace_id")))
        )
    found = members.order_by().values_list(column)
    counted: QuerySet[Any, Any] = found.annotate(count=Count("trace_id"))
    return counted
