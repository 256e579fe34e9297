"""Jobs for tests."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from apps.jobs.models import DEAD_AFTER, Job, Worker
from apps.jobs.work import Work, claim_job

LONG_AGO = DEAD_AFTER + timedelta(seconds=1)


def make_job(**overrides: Any) -> Job:
    """One that waits, unless said otherwise."""
    return Job.objects.create(**{"title": "Count", "act": "apps.jobs.tests.handlers.count_rows", **overrides})


def make_worker() -> Worker:
    return Worker.objects.create(name="here 1", seen_at=timezone.now())


def claimed(job: Job) -> Work:
    work = claim_job(job.pk)
    assert work is not None
    return work


def let_die(job: Job) -> None:
    """As if its worker had been killed long ago."""
    Job.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now() - LONG_AGO)
