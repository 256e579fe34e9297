from collections.abc import Mapping
from typing import Any

from django.db import transaction

from apps.accounts.models import User
from apps.audit.caller import current_caller
from apps.audit.models import NAME_MAX_LENGTH
from apps.core.storable import storable
from apps.jobs.handlers import Handler
from apps.jobs.models import TITLE_MAX_LENGTH, Job
from apps.jobs.perform import enqueue_job


def start_job(handler: Handler, arguments: Mapping[str, Any], *, title: str, created_by: User | None) -> Job:
    """Have `handler.perform(work, **arguments)` done by a worker, once this transaction is committed.

    `arguments` is JSON. What the job does is the act of whoever asks now. Where the queue cannot be reached,
    the sweep enqueues the job later.
    """
    job = record_job(handler, arguments, title=title, created_by=created_by)
    transaction.on_commit(lambda: enqueue_job(job.pk), robust=True)
    return job


def record_job(handler: Handler, arguments: Mapping[str, Any], *, title: str, created_by: User | None) -> Job:
    """For whoever claims it in the same transaction: it waits in no queue."""
    caller = current_caller()
    return Job.objects.create(
        act=handler.act,
        arguments=dict(arguments),
        title=storable(title)[:TITLE_MAX_LENGTH],
        created_by=created_by,
        asked_by=caller.name[:NAME_MAX_LENGTH],
        token_name=caller.token,
        address=caller.address,
    )
