from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.audit.record import Verb, record_act
from apps.core.errors import conflict, not_found
from apps.jobs.models import Job


def get_job(id: str | UUID) -> Job:
    """Raises ValidationError (not found)."""
    try:
        return Job.objects.select_related("created_by").get(pk=UUID(str(id)))
    except (ValueError, Job.DoesNotExist) as error:
        raise not_found("Job", id) from error


def cancel_job(job: Job) -> None:
    """One that waits ends now, one that runs where it next advances. Raises ValidationError (conflict)."""
    this = Job.objects.filter(pk=job.pk)
    now = timezone.now()
    with transaction.atomic():
        is_ended = this.in_state(Job.State.QUEUED).end(Job.State.CANCELLED, cancel_requested_at=now)
        if not is_ended and not this.in_state(Job.State.RUNNING).update(cancel_requested_at=now):
            raise conflict("The job has ended already.")
        record_act(Verb.CANCELLED_JOB, job.pk, details={"title": job.title})
