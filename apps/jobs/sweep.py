"""What no queue sees: jobs whose worker died, and jobs that the queue lost."""

from django.db import transaction
from django.utils import timezone
from django_tasks import TaskResultStatus
from django_tasks.exceptions import TaskResultDoesNotExist

from apps.jobs.models import Job, JobQuerySet, Worker
from apps.jobs.perform import enqueue_job, perform_job

# In a row, without an advance between: such a job is not unlucky, it kills its worker.
MAX_RETRIES = 5
# At one sweep; the rest at the next ones.
MOST = 100

DIED = (
    f"Its worker died {MAX_RETRIES + 1} times before it got any further. Its log may say why; perhaps there "
    "was too little memory."
)
INTERRUPTED = f"It was interrupted {MAX_RETRIES + 1} times before it got any further, the last time by "
LOST = f"The queue lost it {MAX_RETRIES + 1} times. The worker's log may say why."


def sweep_jobs() -> None:
    """Cheap where there is nothing to do, as nearly always; any number of workers may do it at once."""
    for job in Job.objects.dead()[:MOST]:
        reason = f"{INTERRUPTED}{job.reason}" if job.reason else DIED
        _try_again(job, Job.objects.dead().held(job), reason)
    for job in Job.objects.waiting_long().order_by("enqueued_at")[:MOST]:
        if not _is_in_queue(job):
            _try_again(job, Job.objects.waiting_long().filter(pk=job.pk), LOST)
    if Worker.objects.dead().exists():
        Worker.objects.dead().delete()


def _try_again(job: Job, same: JobQuerySet, reason: str) -> None:
    """`same` is the job only as long as it is still as it was found."""
    if job.cancel_requested_at:
        same.end(Job.State.CANCELLED)
    elif job.retries >= MAX_RETRIES:
        same.end(Job.State.FAILED, reason=reason)
    else:
        with transaction.atomic():  # it does not count as tried where the queue cannot be reached
            waiting = {"state": Job.State.QUEUED, "enqueued_at": timezone.now()}
            if same.update(retries=job.retries + 1, **waiting):
                enqueue_job(job.pk)


def _is_in_queue(job: Job) -> bool:
    try:
        return bool(job.task_id) and perform_job.get_result(job.task_id).status == TaskResultStatus.READY
    except TaskResultDoesNotExist:
        return False
