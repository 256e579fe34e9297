"""Searches for duplicates for tests."""

from collections.abc import Sequence
from typing import Any

from apps.curation.duplicates import find_duplicates, search_duplicates
from apps.curation.models import DuplicateGroup, DuplicateMember, DuplicateSearch, Tagging
from apps.jobs.tests.factories import claimed
from apps.traces.models import Trace
from apps.traces.tests.factories import make_trace

WORDS = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"


def make_alike(*prompts: str, steps: int = 1) -> list[Trace]:
    """The earlier the longer they reason, and the higher they score."""
    more = [{"i": i, "type": "t", "content": f"step {i}"} for i in range(steps + len(prompts))]
    return [make_trace(prompt=prompt, steps=more[: len(more) - n]) for n, prompt in enumerate(prompts)]


def make_search(name: str = "near", **overrides: Any) -> DuplicateSearch:
    """One that waits for its worker."""
    terms: dict[str, Any] = {"compared": "prompt", "threshold": 0.7, "created_by": None, **overrides}
    return find_duplicates(name, **terms)


def run_search(name: str = "near", **overrides: Any) -> DuplicateSearch:
    """Done, or whatever becomes of it."""
    search = make_search(name, **overrides)
    assert search.job is not None
    perform(search)
    search.refresh_from_db()
    return search


def perform(search: DuplicateSearch) -> dict[str, Any]:
    assert search.job is not None
    result: dict[str, Any] = search_duplicates.perform(claimed(search.job), search_id=str(search.pk))
    return result


def make_groups(sizes: Sequence[int], name: str = "near") -> DuplicateSearch:
    """One search whose groups have so many equal prompts."""
    for n, size in enumerate(sizes):
        for _ in range(size):
            make_trace(prompt=f"{WORDS} of group {n}")
    return run_search(name, threshold=1)


def groups_of(search: DuplicateSearch) -> list[list[str]]:
    """The prompts of each group, largest first, each with the one that is kept at its head."""
    return [
        [member.trace.prompt for member in group.members.select_related("trace").most_alike_first()]
        for group in DuplicateGroup.objects.of_search(search).largest_first()
    ]


def tagged(search: DuplicateSearch) -> list[str]:
    found = Tagging.objects.filter(tag__name=search.tag).order_by("trace_id")
    return [*found.values_list("trace__prompt", flat=True)]


def kept_of(group: DuplicateGroup) -> list[Any]:
    return [*DuplicateMember.objects.of_groups([group.pk]).kept().values_list("trace_id", flat=True)]
