"""Searching for duplicates: what is found, kept and tagged, and what becomes of an interrupted search."""

from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.models import Act
from apps.curation import duplicates, store
from apps.curation.curate import Change, curate_traces
from apps.curation.forget import CANCELLED, ask_removal, cancel_search, remove_search
from apps.curation.group import Equal
from apps.curation.models import DuplicateGroup, DuplicateMember, DuplicateSearch, Tag, Tagging
from apps.curation.settle import LOST, STOPPED, settle_duplicates
from apps.curation.tests.factories import (
    WORDS,
    groups_of,
    make_alike,
    make_groups,
    make_search,
    perform,
    run_search,
    tagged,
)
from apps.jobs.models import Job, JobQuerySet
from apps.jobs.tests.factories import claimed
from apps.jobs.work import Cancelled, ClaimLost, Work
from apps.traces.delete import delete_free_traces
from apps.traces.models import Trace
from apps.traces.tests.factories import make_trace, make_traces

pytestmark = pytest.mark.django_db

ALIKE = (f"{WORDS} a", f"{WORDS.upper()}, a", f"{WORDS} b")


def left() -> tuple[int, int, int]:
    return DuplicateGroup.objects.count(), DuplicateMember.objects.count(), Tagging.objects.count()


def acts() -> list[tuple[str, str, int]]:
    return [
        *Act.objects.filter(verb__endswith="-duplicates").order_by("pk").values_list("verb", "key", "rows")
    ]


def job_of(search: DuplicateSearch) -> JobQuerySet:
    assert search.job is not None
    return Job.objects.with_keys([search.job.pk])


def test_the_best_is_kept_and_the_others_are_tagged() -> None:
    make_alike("Something else entirely", *ALIKE)
    search = run_search()
    assert (search.state, search.trace_count, search.group_count, search.duplicate_count) == ("done", 4, 1, 2)
    assert search.job is not None
    search.job.refresh_from_db()
    assert (search.job.done, search.job.total) == (8, 8)
    assert groups_of(search) == [[*ALIKE]]
    assert tagged(search) == [*ALIKE[1:]]
    similarities = DuplicateMember.objects.most_alike_first().values_list("similarity", flat=True)
    assert [*similarities] == [1, 1, pytest.approx(14 / 16)]
    assert acts() == [("found-duplicates", "duplicate:near", 2)]


def test_of_equal_scores_the_oldest_is_kept() -> None:
    make_trace(prompt=f"{WORDS} low", steps=[{"i": 0, "type": "t", "content": "x"}])
    for prompt in (f"{WORDS} first", f"{WORDS} second"):
        make_trace(prompt=prompt)
    assert groups_of(run_search())[0][0] == f"{WORDS} first"


def test_exact_ones_are_equal_but_for_white_space() -> None:
    make_alike("caf\u00e9  au lait", "cafe\u0301 au lait ", "Caf\u00e9 au lait")
    search = run_search("exact", threshold=1)
    assert groups_of(search) == [["caf\u00e9  au lait", "cafe\u0301 au lait "]]
    assert search.tag == "duplicate:exact"


@pytest.mark.parametrize("threshold", [0.9, 1])
def test_the_whole_trace_may_be_compared(threshold: float) -> None:
    steps = [{"i": 0, "type": "t", "content": WORDS}, {"i": 1, "type": "t", "content": "and so on and on"}]
    make_trace(prompt="The same", steps=steps, final_answer="one")
    make_trace(prompt="The same", steps=steps, final_answer="one")
    make_trace(prompt="The same", steps=steps[::-1][:1], final_answer="one")
    search = run_search("all", compared="trace", threshold=threshold)
    assert [len(group) for group in groups_of(search)] == [2]
    assert [len(group) for group in groups_of(run_search("prompts", threshold=threshold))] == [3]


def test_the_largest_group_comes_first() -> None:
    search = make_groups([2, 4, 3, 2])
    assert [len(group) for group in groups_of(search)] == [4, 3, 2, 2]
    assert (search.group_count, search.duplicate_count) == (4, 7)
    equal_sizes = [group[0] for group in groups_of(search)[2:]]
    assert equal_sizes == sorted(equal_sizes)


def test_nothing_to_find() -> None:
    assert groups_of(run_search()) == []
    make_traces(3)
    search = run_search("again")
    assert (search.state, search.trace_count, search.group_count) == ("done", 3, 0)
    assert left() == (0, 0, 0)


def test_a_group_is_stored_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_CHUNK", 2)
    monkeypatch.setattr(store, "_GROUPS", 2)
    monkeypatch.setattr(duplicates, "_PAGE", 3)
    monkeypatch.setattr(duplicates, "_PAGES", 1)
    search = make_groups([5, 2, 3])
    assert [len(group) for group in groups_of(search)] == [5, 3, 2]
    assert (search.duplicate_count, len(tagged(search))) == (7, 7)


def test_two_searches_do_not_mix() -> None:
    make_alike(*ALIKE)
    first, second = run_search("first"), run_search("second", threshold=1)
    assert (len(tagged(first)), len(tagged(second))) == (2, 0)
    ask_removal(first, created_by=None)
    finish_removal(first)
    third = run_search("third")
    assert [search.name for search in DuplicateSearch.objects.newest_first()] == ["third", "second"]
    assert (left(), len(tagged(third))) == ((1, 3, 2), 2)


def test_a_name_is_taken_once() -> None:
    make_search("taken")
    with pytest.raises(ValidationError, match="There is a search taken") as refused:
        make_search("taken")
    assert [*refused.value.message_dict] == ["name"]
    assert Job.objects.count() == 1


class _Killed(BaseException):
    """What leaves no handler time to do anything."""


def kill_at(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """The worker, when it notes for the `count`-th time how far it is."""
    advance, calls = Work.advance, iter(range(1, 1_000))

    def die(work: Work, *arguments: Any) -> None:
        advance(work, *arguments)
        if next(calls) == count:
            raise _Killed

    monkeypatch.setattr(Work, "advance", die)


@pytest.mark.parametrize("count", range(1, 12))
def test_killed_anywhere_it_finds_the_same(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_CHUNK", 2)
    monkeypatch.setattr(duplicates, "_PAGE", 2)
    monkeypatch.setattr(duplicates, "_PAGES", 1)
    search = make_groups([2, 3], "before")
    expected = groups_of(search)
    search = make_search("killed", threshold=1)
    assert search.job is not None
    with monkeypatch.context() as patch:
        kill_at(patch, count)
        try:
            perform(search)
        except _Killed:
            job_of(search).update(state=Job.State.QUEUED)
            perform(search)
    search.refresh_from_db()
    assert (groups_of(search), search.state) == (expected, "done")
    assert (search.group_count, search.duplicate_count, len(tagged(search))) == (2, 3, 3)
    assert left() == (4, 10, 6)


def test_what_was_done_is_not_done_again() -> None:
    search = make_groups([2])
    assert search.job is not None
    job_of(search).update(state=Job.State.QUEUED)
    assert perform(search)["groups"] == 1
    assert left() == (1, 2, 1)


def test_cancelled_it_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_CHUNK", 2)
    make_groups([3, 3], "other")
    before = left()
    search = make_search("cancelled", threshold=1)
    assert search.job is not None
    insert = store._insert

    def ask(cursor: Any, rows: Any) -> bool:
        if DuplicateMember.objects.of_search(search).count() > 2:
            job_of(search).update(cancel_requested_at=timezone.now())
        return insert(cursor, rows)

    monkeypatch.setattr(store, "_insert", ask)
    with pytest.raises(Cancelled):
        perform(search)
    search.refresh_from_db()
    assert (search.state, search.reason, left()) == ("cancelled", CANCELLED, before)


def test_another_worker_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    make_alike(*ALIKE)
    search = make_search()
    assert search.job is not None
    work = claimed(search.job)
    job_of(search).update(attempts=2)
    with pytest.raises(ClaimLost):
        duplicates.search_duplicates.perform(work, search_id=str(search.pk))
    search.refresh_from_db()
    assert (search.state, left()) == ("running", (0, 0, 0))


def test_without_room_for_its_file_it_fails(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.DATA_DIR = settings.DATA_DIR / "gone"
    search = make_search()
    with pytest.raises(ValidationError, match="There is no room to compare so much"):
        perform(search)
    search.refresh_from_db()
    assert search.state == "failed"
    assert search.reason.startswith("There is no room")


def test_traces_that_went_in_the_meantime_are_in_no_group(monkeypatch: pytest.MonkeyPatch) -> None:
    first, _, third = make_alike(*ALIKE)
    groups = duplicates._groups

    def lose(*arguments: Any) -> Any:
        found = groups(*arguments)
        delete_free_traces(Trace.objects.with_keys([first.pk, third.pk]))
        return found

    monkeypatch.setattr(duplicates, "_groups", lose)
    search = run_search()
    assert (groups_of(search), search.duplicate_count, tagged(search)) == ([[ALIKE[1]]], 1, [ALIKE[1]])
    settle_duplicates()
    assert (tagged(search), [*kept()]) == ([], [ALIKE[1]])


def kept() -> Any:
    return DuplicateMember.objects.kept().values_list("trace__prompt", flat=True)


def test_one_that_is_never_begun_is_cancelled_at_once() -> None:
    search = make_search()
    cancel_search(search)
    search.refresh_from_db()
    assert (search.state, search.reason) == ("cancelled", CANCELLED)
    with pytest.raises(ValidationError, match="is not at work"):
        cancel_search(search)


@pytest.mark.parametrize(
    ("state", "reason", "expected"),
    [
        (Job.State.FAILED, "Its worker died.", ("failed", "Its worker died.")),
        (Job.State.FAILED, "", ("failed", LOST)),
        (Job.State.CANCELLED, "", ("cancelled", CANCELLED)),
    ],
)
def test_an_abandoned_search_is_cleared_away(state: str, reason: str, expected: tuple[str, str]) -> None:
    search = make_groups([3])
    make_groups([2], "other")
    DuplicateSearch.objects.filter(pk=search.pk).update(state=DuplicateSearch.State.RUNNING)
    settle_duplicates()
    assert DuplicateSearch.objects.get(pk=search.pk).state == "running"  # its job still waits
    job_of(search).update(state=state, reason=reason)
    settle_duplicates()
    search.refresh_from_db()
    assert (search.state, search.reason) == expected
    finish_removal(search)
    settle_duplicates()
    assert (left(), DuplicateSearch.objects.count()) == ((1, 5, 4), 2)


def finish_removal(search: DuplicateSearch) -> None:
    search.refresh_from_db()
    work = claimed(job_of(search).get())
    remove_search.perform(work, search_id=str(search.pk))
    work.end(Job.State.DONE)


def test_a_search_is_removed_with_its_tags(monkeypatch: pytest.MonkeyPatch, user: User) -> None:
    search = make_groups([3, 2])
    curate_traces(Trace.objects.all(), Change(["mine"]), created_by=None)
    ask_removal(search, created_by=user)
    search.refresh_from_db()
    assert search.state == "removing"
    with pytest.raises(ValidationError, match="near is removing"):
        ask_removal(search, created_by=user)
    finish_removal(search)
    assert left() == (0, 0, 5)
    assert (DuplicateSearch.objects.count(), Trace.objects.count()) == (0, 5)
    assert [*Tag.objects.filter(taggings__isnull=False).distinct().values_list("name", flat=True)] == ["mine"]
    make_groups([2], "near")  # its name is free again
    assert acts()[1] == ("removed-duplicates", "duplicate:near", 5)


def test_a_removal_that_was_stopped_can_be_asked_for_again() -> None:
    search = make_groups([3])
    ask_removal(search, created_by=None)
    search.refresh_from_db()
    job_of(search).update(state=Job.State.CANCELLED)
    settle_duplicates()
    search.refresh_from_db()
    assert (search.state, search.reason) == ("failed", STOPPED)
    ask_removal(search, created_by=None)
    finish_removal(search)
    assert left() == (0, 0, 0)


def test_one_that_runs_is_not_removed() -> None:
    with pytest.raises(ValidationError, match=r"near is waiting\. Cancel it, or wait for its end\."):
        ask_removal(make_search(), created_by=None)


def test_settling_costs_next_to_nothing(django_assert_num_queries: Any) -> None:
    make_groups([3, 2])
    with django_assert_num_queries(2):
        settle_duplicates()


def test_an_unknown_trace_has_no_place_in_the_read() -> None:
    read = duplicates._Read(Equal(), 0)
    key = UUID(int=7)
    read.keys += key.bytes
    assert read.key(0) == key
