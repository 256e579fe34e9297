"""The one task that the queue knows: perform the job of this id."""

import logging
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import Error, InterfaceError, OperationalError, connection
from django.utils import timezone
from django_tasks import task

from apps.audit.caller import called_by
from apps.core.errors import sentence
from apps.core.sql import is_disk_full, is_in_the_way
from apps.core.storable import storable
from apps.jobs.handlers import find_handler
from apps.jobs.models import Job
from apps.jobs.repeat import repeating
from apps.jobs.work import Cancelled, ClaimLost, Work, claim_job

logger = logging.getLogger(__name__)

BEAT_SECONDS = 1.0


@task
def perform_job(id: str) -> None:
    """Nothing where the job is not waiting: a queue may hold it twice."""
    work = claim_job(UUID(id))
    if work is None:
        return
    with _Settling(work), repeating(BEAT_SECONDS, work.beat), called_by(work.job.caller):
        handler = find_handler(work.job.act)
        result = handler.perform(work, **work.job.arguments)
        work.end(Job.State.DONE, result=result)


def enqueue_job(id: UUID) -> None:
    result = perform_job.enqueue(str(id))
    Job.objects.filter(pk=id).update(task_id=result.id, enqueued_at=timezone.now())


class _Settling:
    """Records every end that is not the good one; what it cannot record goes on as an exception."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: Any, error: BaseException | None, __: Any) -> bool:
        if error is None:
            return False
        if _is_passing(error):
            self._note(error)
            return False  # the sweep has the job go on when nothing was heard of it for a while
        self._settle(error)
        return True

    def _note(self, error: BaseException) -> None:
        """For who looks, and for the sweep, where the job gets no further; if the database can be used."""
        said = f"{type(error).__name__}: {' '.join(str(error).split())}"
        logger.warning("Job %s was interrupted: %s", self._work.job.pk, said)
        self._work.log(f"Interrupted. {said}")
        if not connection.is_usable():
            connection.close()
        with suppress(Error):
            self._work.interrupt(storable(said))

    def _settle(self, error: BaseException) -> None:
        work = self._work
        match error:
            case ClaimLost():
                logger.warning("Another worker goes on with job %s", work.job.pk)
            case Cancelled():
                work.end(Job.State.CANCELLED)
            case ValidationError():
                work.end(Job.State.FAILED, reason=storable(sentence(error)))
            case KeyboardInterrupt():  # this worker is to end; see there how that goes on
                if work.put_back():
                    enqueue_job(work.job.pk)
            case _:
                logger.error("Job %s failed", work.job.pk, exc_info=error)
                work.end(Job.State.FAILED, reason=_describe(error))


def _is_passing(error: BaseException) -> bool:
    """Whether it may go well another time: the database went away or found no room, or others were in the way
    for too long.
    """
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    if isinstance(error, OperationalError) and (is_disk_full(error) or is_in_the_way(error)):
        return True
    return not connection.is_usable()


def _describe(error: BaseException) -> str:
    said = storable(" ".join(str(error).split())) or "no more is known"
    return f"It met an unexpected error, {type(error).__name__}: {said}. The worker's log says where."
