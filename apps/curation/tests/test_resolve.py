"""What a person says of a group of duplicates."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from apps.accounts.models import User
from apps.audit.models import Act
from apps.curation.curate import Change, curate_traces
from apps.curation.models import DuplicateGroup, DuplicateGroupQuerySet, DuplicateSearch
from apps.curation.resolve import (
    delete_others,
    dismiss_group,
    find_group,
    keep_alone,
    keep_trace,
    promote_another,
)
from apps.curation.settle import settle_duplicates
from apps.curation.tests.factories import (
    WORDS,
    groups_of,
    kept_of,
    make_alike,
    make_groups,
    run_search,
    tagged,
)
from apps.datasets.tests.factories import make_dataset
from apps.traces.delete import delete_free_traces, delete_traces
from apps.traces.models import Trace
from apps.traces.tests.factories import make_trace

pytestmark = pytest.mark.django_db

FIRST, SECOND, THIRD = ALIKE = [f"{WORDS} {n}" for n in range(3)]


def make_group() -> tuple[DuplicateSearch, DuplicateGroup, list[Trace]]:
    traces = make_alike(*ALIKE)
    search = run_search()
    group = DuplicateGroup.objects.of_search(search).get()
    return search, find_group(search, str(group.pk)), traces


def test_another_one_is_kept(user: User) -> None:
    search, group, traces = make_group()
    keep_trace(group, traces[1].pk, resolved_by=user)
    group.refresh_from_db()
    assert (group.state, group.resolved_by, kept_of(group)) == ("kept", user, [traces[1].pk])
    assert group.resolved_at is not None
    assert tagged(search) == [FIRST, THIRD]
    keep_trace(group, traces[0].pk, resolved_by=None)
    assert tagged(search) == [SECOND, THIRD]


def test_no_duplicates_have_no_tags(user: User) -> None:
    search, group, traces = make_group()
    dismiss_group(group, resolved_by=user)
    group.refresh_from_db()
    assert (group.state, group.resolved_by, tagged(search)) == ("dismissed", user, [])
    with pytest.raises(ValidationError, match="It is not what is kept"):
        delete_others(group, traces[0].pk, resolved_by=user)
    keep_trace(group, traces[0].pk, resolved_by=user)  # said in error, it is said again
    group.refresh_from_db()
    assert (group.state, tagged(search)) == ("kept", [SECOND, THIRD])


def test_the_others_are_deleted(user: User) -> None:
    search, group, traces = make_group()
    other = make_trace(prompt="Something else")
    assert delete_others(group, traces[0].pk, resolved_by=user) == 2
    assert {*Trace.objects.values_list("pk", flat=True)} == {traces[0].pk, other.pk}
    group.refresh_from_db()
    assert (group.state, group.has_lost_kept, groups_of(search)) == ("kept", False, [[FIRST]])
    with pytest.raises(ValidationError, match="has no others"):
        delete_others(group, traces[0].pk, resolved_by=user)


def test_what_a_dataset_holds_is_not_deleted_nor_what_is_beside_it(user: User) -> None:
    _, group, traces = make_group()
    make_dataset(dataset_name="holder", trace_ids=[str(traces[2].pk)])
    with pytest.raises(ValidationError, match=r"The trace is held by holder-v1\."):
        delete_others(group, traces[0].pk, resolved_by=user)
    group.refresh_from_db()
    assert (group.state, Trace.objects.count()) == ("open", 3)


def test_only_the_others_of_what_is_kept_are_deleted(user: User) -> None:
    _, group, traces = make_group()
    with pytest.raises(ValidationError, match="It is not what is kept"):
        delete_others(group, traces[1].pk, resolved_by=user)
    assert Trace.objects.count() == 3


def test_a_trace_of_another_group_is_not_kept() -> None:
    _, group, _ = make_group()
    with pytest.raises(ValidationError, match="is not in this group"):
        keep_trace(group, make_trace(prompt="Something else").pk, resolved_by=None)
    group.refresh_from_db()
    assert group.state == "open"


@pytest.mark.parametrize("id", ["0", "x", "²", "9" * 30, "-1", ""])
def test_what_is_no_group_is_not_found(id: str) -> None:
    search, _, _ = make_group()
    with pytest.raises(ValidationError, match="Group not found"):
        find_group(search, id)


def test_a_group_is_found_in_its_own_search_once_that_is_done() -> None:
    search, group, _ = make_group()
    other = run_search("other")
    with pytest.raises(ValidationError, match="Group not found"):
        find_group(other, str(group.pk))
    search.state = DuplicateSearch.State.REMOVING
    with pytest.raises(ValidationError, match="Group not found"):
        find_group(search, str(group.pk))


@pytest.mark.parametrize("deleted_by", ["query", "one by one"])
def test_where_the_kept_one_is_deleted_the_next_best_is_kept(deleted_by: str, user: User) -> None:
    search, group, traces = make_group()
    keep_trace(group, traces[0].pk, resolved_by=user)
    found = Trace.objects.with_keys([traces[0].pk])
    delete_traces(found) if deleted_by == "one by one" else delete_free_traces(found)
    assert tagged(search) == [SECOND, THIRD]
    settle_duplicates()
    group.refresh_from_db()
    assert (group.state, group.has_lost_kept, group.resolved_by) == ("open", False, None)
    assert (kept_of(group), tagged(search)) == ([traces[1].pk], [THIRD])
    promote_another(group)  # a second worker, a moment later
    assert kept_of(group) == [traces[1].pk]
    done = Act.objects.filter(verb=Act.Verb.CURATED_TRACE).order_by("-id").first()
    assert done is not None
    assert done.actor_name == "worker"


def test_what_a_person_says_in_the_meantime_holds(user: User) -> None:
    search, group, traces = make_group()
    delete_free_traces(Trace.objects.with_keys([traces[0].pk]))
    [listed] = DuplicateGroup.objects.headless()
    dismiss_group(group, resolved_by=user)
    promote_another(listed)
    group.refresh_from_db()
    assert (group.state, kept_of(group), tagged(search)) == ("dismissed", [traces[1].pk], [])


def test_a_worker_that_is_slower_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one has removed the first group since they were listed."""
    search = make_groups([2, 2])
    delete_free_traces(Trace.objects.with_keys([*search_kept(search)]))
    listed = [*DuplicateGroup.objects.headless()]
    assert len(listed) == 2
    DuplicateGroup.objects.with_keys([listed[0].pk]).delete()
    monkeypatch.setattr(DuplicateGroupQuerySet, "headless", lambda found: listed)
    settle_duplicates()
    monkeypatch.undo()
    assert not DuplicateGroup.objects.headless().exists()


def search_kept(search: DuplicateSearch) -> list[UUID]:
    return [trace for group in DuplicateGroup.objects.of_search(search) for trace in kept_of(group)]


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer, and a test one connection")
@pytest.mark.django_db(transaction=True)
def test_two_that_delete_and_one_that_tags_do_not_wait_for_each_other() -> None:
    search = make_groups([6] * 8)
    groups = [find_group(search, str(group.pk)) for group in DuplicateGroup.objects.of_search(search)]
    together = Barrier(4)

    def resolve(mine: list[DuplicateGroup]) -> None:
        together.wait()
        for group in mine:
            keep_alone(group, kept_of(group)[0], resolved_by=None)
        connection.close()

    def tag(name: str) -> None:
        together.wait()
        for _ in range(10):
            curate_traces(Trace.objects.all(), Change([name]), created_by=None)
            curate_traces(Trace.objects.all(), Change(remove_tags=[name]), created_by=None)
        connection.close()

    with ThreadPoolExecutor(4) as threads:
        acts = [threads.submit(resolve, groups[:4]), threads.submit(resolve, groups[4:])]
        acts += [threads.submit(tag, name) for name in "ab"]
        for act in acts:
            act.result(60)
    assert [len(group) for group in groups_of(search)] == [1] * 8
    assert tagged(search) == []


def test_a_dismissed_group_stays_so(user: User) -> None:
    search, group, traces = make_group()
    dismiss_group(group, resolved_by=user)
    delete_free_traces(Trace.objects.with_keys([traces[0].pk]))
    settle_duplicates()
    group.refresh_from_db()
    assert (group.state, kept_of(group), tagged(search)) == ("dismissed", [traces[1].pk], [])


def test_a_group_without_traces_goes() -> None:
    search, _, _ = make_group()
    delete_free_traces(Trace.objects.all())
    settle_duplicates()
    assert groups_of(search) == []


def test_the_next_one_to_go_through() -> None:
    search = make_groups([4, 3, 2])
    first, second, third = DuplicateGroup.objects.of_search(search).largest_first()
    assert [group.followers.first() for group in (first, second, third)] == [second, third, first]
    [key] = kept_of(first)
    keep_trace(first, UUID(str(key)), resolved_by=None)
    assert [group.followers.first() for group in (first, second, third)] == [second, third, second]
    dismiss_group(second, resolved_by=None)
    dismiss_group(third, resolved_by=None)
    assert first.followers.first() is None
