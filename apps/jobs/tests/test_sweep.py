from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from pytest_django import DjangoAssertNumQueries

from apps.jobs.engines.database import is_waiting, perform_next
from apps.jobs.models import Job, Worker
from apps.jobs.perform import enqueue_job, perform_job
from apps.jobs.sweep import DIED, INTERRUPTED, LOST, MAX_RETRIES, sweep_jobs
from apps.jobs.tests.factories import LONG_AGO, claimed, let_die, make_job, make_worker
from apps.jobs.tests.handlers import wait_in_vain

pytestmark = pytest.mark.django_db


def make_waiting(**overrides: Any) -> Job:
    """One that has waited for long."""
    arguments = {"rows": 3, "chunk": 1, "source": "swept"}
    return make_job(arguments=arguments, enqueued_at=timezone.now() - LONG_AGO, **overrides)


def swept(job: Job) -> Job:
    sweep_jobs()
    job.refresh_from_db()
    return job


@pytest.mark.django_db(transaction=True)
def test_a_dead_job_is_enqueued_again_and_done() -> None:
    job = make_job(arguments={"rows": 3, "chunk": 1, "source": "swept"})
    claimed(job)
    assert swept(job).state == "running"  # its worker was heard of a moment ago
    let_die(job)
    assert (swept(job).state, job.retries) == ("queued", 1)
    perform_next("here")
    job.refresh_from_db()
    assert (job.state, job.done, job.attempts, job.retries) == ("done", 3, 2, 0)


def test_a_job_that_kills_its_workers_fails() -> None:
    job = make_job()
    for _ in range(MAX_RETRIES + 1):
        assert swept(job).state == "queued"
        claimed(job)
        let_die(job)
    assert (swept(job).state, job.reason) == ("failed", DIED)


def test_a_job_that_is_interrupted_again_and_again_says_by_what() -> None:
    job = make_job(act=wait_in_vain.act, retries=MAX_RETRIES)
    with pytest.raises(OperationalError):
        perform_job.call(str(job.pk))
    let_die(job)
    said = f"{INTERRUPTED}OperationalError: the words do not matter"
    assert (swept(job).state, job.reason) == ("failed", said)


def test_a_dead_job_that_was_to_be_cancelled_is() -> None:
    job = make_job(cancel_requested_at=timezone.now())
    claimed(job)
    let_die(job)
    assert swept(job).state == "cancelled"


def test_a_job_that_was_never_enqueued_is() -> None:
    job = make_waiting()
    assert (swept(job).state, job.retries, is_waiting()) == ("queued", 1, True)
    assert DBTaskResult.objects.count() == 1
    sweep_jobs()
    assert DBTaskResult.objects.count() == 1


@pytest.mark.parametrize("state", ["RUNNING", "FAILED", "SUCCESSFUL", None])
def test_a_job_that_the_queue_lost_is_enqueued_again(state: str | None) -> None:
    job = make_waiting()
    enqueue_job(job.pk)
    if state:
        DBTaskResult.objects.update(status=state)
    else:
        DBTaskResult.objects.all().delete()
    Job.objects.update(enqueued_at=timezone.now() - LONG_AGO)
    assert (swept(job).retries, is_waiting()) == (1, True)


def test_a_job_that_waits_long_in_the_queue_is_left_there() -> None:
    job = make_waiting()
    enqueue_job(job.pk)
    Job.objects.update(enqueued_at=timezone.now() - LONG_AGO)
    assert (swept(job).retries, DBTaskResult.objects.count()) == (0, 1)


def test_a_job_that_is_lost_again_and_again_fails() -> None:
    job = make_waiting(retries=MAX_RETRIES)
    assert (swept(job).state, job.reason, is_waiting()) == ("failed", LOST, False)


def test_a_worker_that_died_is_forgotten() -> None:
    alive = make_worker()
    Worker.objects.create(name="there 2", seen_at=timezone.now() - LONG_AGO)
    sweep_jobs()
    assert [*Worker.objects.all()] == [alive]


def test_nothing_to_sweep_costs_three_questions(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    make_job(state=Job.State.DONE)
    make_job()
    claimed(make_job())
    with django_assert_num_queries(3) as asked:
        sweep_jobs()
    assert [query["sql"].split()[0] for query in asked.captured_queries] == ["SELECT"] * 3
