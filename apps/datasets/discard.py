"""Deleting many traces at once: what no dataset holds goes, the rest stays and is said by whom it is held."""

from typing import NamedTuple

from django.db import transaction

from apps.core.errors import join_names
from apps.core.keyset import Count, count_rows
from apps.datasets.models import Dataset, Holder
from apps.traces.delete import delete_free_traces, free_traces
from apps.traces.models import TraceQuerySet

MAX_NAMED = 10


class Outlook(NamedTuple):
    """What deleting would do; `free` is how many would go."""

    chosen: Count
    free: Count
    holders: list[Holder]


class Discarded(NamedTuple):
    deleted: int
    holders: list[Holder]

    def __str__(self) -> str:
        gone = f"Deleted {self.deleted:,} trace{'' if self.deleted == 1 else 's'}."
        if not self.holders:
            return gone
        names = join_names((f"{holder} holds {holder.held:,}" for holder in self.holders), MAX_NAMED)
        return f"{gone} The rest stays: {names}."


def foresee_discard(traces: TraceQuerySet) -> Outlook:
    return Outlook(count_rows(traces), count_rows(free_traces(traces)), Dataset.objects.holding(traces))


def discard_traces(traces: TraceQuerySet) -> Discarded:
    """Delete the free ones in one go. What is left of `traces` is what datasets hold."""
    with transaction.atomic():
        deleted = delete_free_traces(traces)
        return Discarded(deleted, Dataset.objects.holding(traces))
