"""One act for many traces, at the same number of statements for any number of them."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import User
from apps.audit.tests.factories import STATEMENTS_SEEN
from apps.core.ranges import Bounds
from apps.curation.curate import Change, curate_traces
from apps.curation.look import marks_of
from apps.curation.models import Review, Tagging
from apps.curation.select import in_review, with_tag
from apps.traces.delete import delete_free_traces
from apps.traces.models import Trace
from apps.traces.tests.factories import make_traces

pytestmark = pytest.mark.django_db

ALL = Change(add_tags=["a", "b"], remove_tags=["c"], review="approved")


def test_it_counts_what_was_not_said_before() -> None:
    make_traces(3)
    first = Trace.objects.newest_first()[:1]
    curate_traces(
        Trace.objects.with_keys([first[0].pk]), Change(["a", "c"], review="approved"), created_by=None
    )
    done = curate_traces(Trace.objects.all(), ALL, created_by=None)
    assert done == (3, 5, 1, 2)
    assert str(done) == "Of 3 traces: added 5 tags, removed 1 tag, reviewed 2 traces."
    again = curate_traces(Trace.objects.all(), ALL, created_by=None)
    assert str(again) == "Of 3 traces: nothing was to be changed."


def test_what_they_were_chosen_by_may_change() -> None:
    traces = make_traces(2)
    curate_traces(Trace.objects.all(), Change(["old"], review="approved"), created_by=None)
    chosen = in_review(with_tag(Trace.objects.all(), "old"), "approved")
    assert curate_traces(chosen, Change(["new"], ["old"], "rejected"), created_by=None) == (2, 2, 2, 2)
    marks = marks_of([trace.pk for trace in traces])
    assert {(tuple(mark.tags), mark.state) for mark in marks.values()} == {(("new",), "rejected")}
    assert Review.objects.count() == 4


def test_a_review_says_by_whom(user: User) -> None:
    make_traces(2)
    curate_traces(Trace.objects.all(), Change(review="rejected"), created_by=user)
    assert [*Review.objects.values_list("state", "created_by__username")] == [("rejected", "reader")] * 2


def test_a_bound_that_no_trace_reaches_chooses_none() -> None:
    make_traces(1)
    none = Trace.objects.matching(within={"step_count": Bounds[int](min=2**62)})
    assert curate_traces(none, ALL, created_by=None) == (0, 0, 0, 0)
    assert curate_traces(none, ALL, created_by=None) == (0, 0, 0, 0)  # and leaves nothing behind


@pytest.mark.parametrize("count", [1, 3, 100])
def test_the_number_of_statements_is_constant(count: int) -> None:
    make_traces(count)
    with CaptureQueriesContext(connection) as queries:
        curate_traces(Trace.objects.all(), ALL, created_by=None)
    locks = 2 if connection.vendor == "postgresql" else 0
    # Savepoint and release; the chosen made, filled, named and dropped; tags made, read and added, those to
    # remove read; the reviewed left out, superseded, appended; the act recorded.
    assert len(queries) - locks == 13 + STATEMENTS_SEEN
    assert Tagging.objects.count() == 2 * count


@pytest.mark.parametrize("is_walked", [False, True])
def test_traces_are_found_by_what_is_said(is_walked: bool) -> None:
    tagged, approved, rejected, _, again = make_traces(5)
    one, every = Trace.objects.with_keys, Trace.objects.all()
    curate_traces(one([tagged.pk, rejected.pk]), Change(["a", "b"]), created_by=None)
    curate_traces(one([approved.pk]), Change(review="approved"), created_by=None)
    curate_traces(one([rejected.pk]), Change(review="rejected"), created_by=None)
    curate_traces(one([again.pk]), Change(review="approved"), created_by=None)
    curate_traces(one([again.pk]), Change(review="new"), created_by=None)
    names = ("a", "-a", "c", "-c")
    found = {name: with_tag(every, name, is_walked=is_walked).count() for name in names}
    assert found == {"a": 2, "-a": 3, "c": 0, "-c": 5}
    states = {state: in_review(every, state, is_walked=is_walked).count() for state in Review.State.values}
    assert states == {"new": 3, "approved": 1, "rejected": 1}


@pytest.mark.parametrize("few", [0, 2_000])
def test_what_is_said_goes_with_many_traces(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.traces.delete.FEW", few)
    kept, *_ = make_traces(4)
    curate_traces(Trace.objects.all(), ALL, created_by=None)
    assert delete_free_traces(Trace.objects.exclude(pk=kept.pk)) == 3
    assert [*Tagging.objects.values_list("trace_id", flat=True)] == [kept.pk] * 2
    assert [*Review.objects.values_list("trace_id", flat=True)] == [kept.pk]
