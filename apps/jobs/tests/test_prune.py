"""What has ended long ago goes, and nothing that is still to be expected."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from apps.core.ids import lowest_id
from apps.jobs import chores, models, prune
from apps.jobs.engines import database
from apps.jobs.models import KEPT, LEAST_KEPT, Job
from apps.jobs.perform import enqueue_job
from apps.jobs.prune import prune_jobs, prune_tasks
from apps.jobs.tests.factories import make_job

pytestmark = pytest.mark.django_db

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


def make_old(moment: datetime, number: int = 1, **overrides: Any) -> Job:
    """One that was asked for and ended then."""
    ended = {"state": Job.State.DONE, "finished_at": moment, **overrides}
    return make_job(id=lowest_id(moment - number * MINUTE), created_at=moment, **ended)


def left() -> set[Any]:
    return {*Job.objects.values_list("pk", flat=True)}


def task_of(job: Job) -> Any:
    job.refresh_from_db()
    return DBTaskResult.objects.filter(pk=job.task_id)


def test_a_job_goes_when_it_ended_long_ago() -> None:
    now = timezone.now()
    make_old(now - KEPT - MINUTE)
    kept = [
        make_old(now - KEPT + MINUTE),
        make_old(now - 2 * KEPT, finished_at=now),  # it took long
        make_old(now - 2 * KEPT, 2, state=Job.State.RUNNING, finished_at=None),
        make_job(),
    ]
    assert prune_jobs() is False
    assert left() == {job.pk for job in kept}


def test_where_there_are_many_a_day_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "MOST_KEPT", 3)
    moment = timezone.now() - LEAST_KEPT - MINUTE
    jobs = [make_old(moment, number) for number in (5, 4, 3, 2)] + [make_old(timezone.now())]
    prune_jobs()
    assert left() == {job.pk for job in jobs[2:]}
    monkeypatch.setattr(models, "MOST_KEPT", 1)
    Job.objects.update(finished_at=timezone.now())
    prune_jobs()
    assert len(left()) == 3


def test_many_go_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prune, "AT_ONCE", 2)
    for number in range(3):
        make_old(timezone.now() - 2 * KEPT, number)
    assert [prune_jobs(), prune_jobs(), len(left())] == [True, False, 0]


def test_what_the_queue_keeps_of_ended_tasks_goes() -> None:
    alive, dead, done, new = (make_job(state=Job.State.RUNNING) for _ in range(4))
    for job in (alive, dead, done, new):
        enqueue_job(job.pk)
    tasks = {job: DBTaskResult.objects.filter(pk=Job.objects.get(pk=job.pk).task_id) for job in (alive, dead)}
    ended, recent = (
        DBTaskResult.objects.filter(pk=Job.objects.get(pk=job.pk).task_id) for job in (done, new)
    )
    long_ago = timezone.now() - prune.TASK_DAYS * DAY - MINUTE
    for task in tasks.values():
        task.update(status="RUNNING", started_at=long_ago)
    ended.update(status="SUCCESSFUL", finished_at=long_ago)
    recent.update(status="FAILED", finished_at=timezone.now())
    Job.objects.filter(pk=dead.pk).update(state=Job.State.DONE)
    waiting = make_job()
    enqueue_job(waiting.pk)
    assert prune_tasks() is False
    assert [tasks[alive].exists(), tasks[dead].exists(), ended.exists(), recent.exists()] == [
        True,
        False,
        False,
        True,
    ]
    assert database.is_waiting()


def test_it_is_done_when_a_worker_starts_and_then_in_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    known: list[Any] = []
    monkeypatch.setattr(chores, "_chores", known)
    done: list[int] = []

    def act() -> bool:
        done.append(1)
        return len(done) < 2  # there is more to do, once

    assert chores.hourly(act) is act
    [turn] = known
    assert [turn() for _ in range(4)] == [True, False, False, False]
    monkeypatch.setattr(chores, "HOUR", 0.0)
    assert len(done) == 2


def test_a_worker_knows_these_chores() -> None:
    known = {chore.__closure__[0].cell_contents for chore in chores._chores if chore.__closure__}
    assert {prune_jobs, prune_tasks} <= known


def test_the_page_of_a_job_that_went_says_why(api: Client) -> None:
    page = api.get(f"/jobs/{lowest_id(timezone.now())}")
    assert (page.status_code, "Ended jobs are kept for 90 days." in page.text) == (404, True)
    make_job()
    assert "Ended jobs are kept for 90 days" in api.get("/jobs").text
