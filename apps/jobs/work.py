"""What a handler is given: where to begin, and how to say how far it is."""

from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.transaction import TransactionManagementError
from django.utils import timezone

from apps.core.storable import storable
from apps.jobs.models import LOG_MAX_LENGTH, Job


class Cancelled(Exception):  # noqa: N818 - somebody asked for it
    """Ends a handler from within `advance`; the transaction around that is undone."""


class ClaimLost(Exception):  # noqa: N818 - the job is in good hands
    """Likewise: this worker was thought dead, and another one goes on with the job."""


class Work:
    """One attempt at a job, and this worker's hold on it."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._log = job.log

    @property
    def checkpoint(self) -> Any:
        """What the last `advance` that was committed said, None at the beginning."""
        return self.job.checkpoint

    def advance(self, checkpoint: Any, done: int, total: int | None = None) -> None:
        """Note where to go on, in the transaction of the rows that are now done: both are there or neither.

        Raises Cancelled, or ClaimLost where another worker has the job: the rows must not be committed then.
        """
        if not connection.in_atomic_block:
            raise TransactionManagementError("`advance` belongs in the transaction of its rows.")
        held = Job.objects.held(self.job)
        is_held = held.filter(cancel_requested_at=None).update(
            checkpoint=checkpoint, done=done, total=total, retries=0, **self._signs
        )
        if not is_held:
            raise Cancelled if held.exists() else ClaimLost

    def hold(self) -> None:
        """Make sure that this worker has the job until the end of the transaction, also where somebody asked
        to cancel it. Raises ClaimLost.
        """
        if not Job.objects.held(self.job).update(**self._signs):
            raise ClaimLost

    def log(self, text: str) -> None:
        """A line for people, seen within a second; only the end of the whole log is kept."""
        self._log = (self._log + f"{timezone.now():%H:%M:%S} {storable(text)}\n")[-LOG_MAX_LENGTH:]

    def beat(self) -> None:
        """Say that the handler is at it, from a thread beside it."""
        Job.objects.held(self.job).update(**self._signs)

    def interrupt(self, reason: str) -> None:
        """Say why nothing more is heard of this attempt; the next one begins without a reason."""
        Job.objects.held(self.job).update(reason=reason, **self._signs)

    def end(self, state: str, **values: Any) -> bool:
        return Job.objects.held(self.job).end(state, **values, **self._signs)

    def put_back(self) -> bool:
        """Let another worker go on; nothing was wrong with the job."""
        return bool(Job.objects.held(self.job).update(state=Job.State.QUEUED, retries=0, **self._signs))

    @property
    def _signs(self) -> dict[str, Any]:
        return {"heartbeat_at": timezone.now(), "log": self._log}


def claim_job(id: UUID) -> Work | None:
    """The job, now this worker's; None where it is not to be performed (any more) or another was quicker."""
    with transaction.atomic():  # so that no later claim comes between it and the reading of its number
        return Work(Job.objects.get(pk=id)) if Job.objects.claim(id) else None
