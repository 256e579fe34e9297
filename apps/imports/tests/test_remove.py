"""Taking away what an import brought: as a whole, or not at all."""

import pytest
from django.core.exceptions import ValidationError

from apps.audit.models import Act
from apps.datasets.tests.factories import make_dataset
from apps.imports.models import Import
from apps.imports.remove import ask_removal, remove_import
from apps.imports.settle import STOPPED
from apps.imports.tests.factories import imported, lines, perform, row, start
from apps.jobs.cancel import cancel_job
from apps.jobs.models import Job
from apps.jobs.tests.factories import claimed
from apps.traces.models import Trace
from apps.traces.tests.factories import make_trace

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_it_brought_is_removed_as_a_whole() -> None:
    other = make_trace()
    found = imported(lines(*map(row, range(3))))
    ask_removal(found, created_by=None)
    found.refresh_from_db()
    assert (found.state, found.finished_at) == ("running", None)
    with pytest.raises(ValidationError, match=r"is being removed\. Wait for its end, then remove"):
        ask_removal(found, created_by=None)
    perform(found)
    assert (found.state, found.reason, found.stored_count) == ("removed", "", 0)
    assert found.finished_at is not None
    assert [*Trace.objects.all()] == [other]
    with pytest.raises(ValidationError, match="is removed already: there is nothing to remove"):
        ask_removal(found, created_by=None)


def test_what_runs_is_not_removed() -> None:
    found = start(lines(row(1)))
    with pytest.raises(ValidationError, match=r"is running\. Cancel it, or wait for its end, then remove"):
        ask_removal(found, created_by=None)


def test_a_removal_whose_worker_dies_right_after_its_end_is_one_act() -> None:
    found = imported(lines(row(1)))
    ask_removal(found, created_by=None)
    found.refresh_from_db()
    assert found.job is not None
    for _ in range(2):
        remove_import.perform(claimed(found.job), **found.job.arguments)
        Job.objects.update(state=Job.State.QUEUED)
    assert Act.objects.filter(verb=Act.Verb.REMOVED_IMPORT).count() == 1


def test_what_a_dataset_holds_is_not_removed() -> None:
    found = imported(lines(*map(row, range(3))))
    held = str(found.traces.newest_ids(1).get())
    make_dataset(dataset_name="b", trace_ids=[held])
    make_dataset(dataset_name="a", trace_ids=[held])
    with pytest.raises(ValidationError) as refused:
        ask_removal(found, created_by=None)
    assert refused.value.messages == [
        "What rows.jsonl brought is held by a-v1, b-v1. Delete what holds it first."
    ]
    found.refresh_from_db()
    assert (found.state, Trace.objects.count(), Job.objects.count()) == ("done", 3, 1)


def test_what_a_dataset_took_in_the_last_moment_stays() -> None:
    found = imported(lines(*map(row, range(3))))
    ask_removal(found, created_by=None)
    Import.objects.update(state="done")  # as a build sees it that began before
    Import.objects.update(finished_at="2020-01-01 00:00Z")
    make_dataset(trace_ids=[str(found.traces.newest_ids(1).get())])
    Import.objects.update(state="running")
    perform(found)
    assert (found.state, found.stored_count, Trace.objects.count()) == ("done", 1, 1)
    assert found.reason == "1 traces stay: a dataset holds them."


def test_a_removal_that_is_stopped_can_be_asked_for_again() -> None:
    found = imported(lines(*map(row, range(3))))
    ask_removal(found, created_by=None)
    found.refresh_from_db()
    assert found.job is not None
    cancel_job(found.job)
    perform(found)
    assert (found.state, found.reason, found.stored_count) == ("failed", STOPPED, 3)
    assert found.finished_at is not None
    ask_removal(found, created_by=None)
    assert perform(found).state == "removed"
