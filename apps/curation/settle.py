"""What killed searches and deleted traces leave behind: workers look for it now and then."""

from contextlib import suppress

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from apps.audit.caller import WORKER, called_by
from apps.curation.forget import CANCELLED, start_removal
from apps.curation.models import DuplicateGroup, DuplicateSearch
from apps.curation.resolve import promote_another
from apps.jobs.models import Job

STOPPED = "Removing it was stopped before its end. Remove it again to go on."
LOST = "Its job is gone. What it had stored was removed again."

# Groups at one sweep; the rest at the next ones.
_MOST = 500


def settle_duplicates() -> None:
    """Cheap where there is nothing to do; any number of workers may do it at once."""
    for search in DuplicateSearch.objects.abandoned().with_people():
        _settle(search)
    for group in DuplicateGroup.objects.headless()[:_MOST]:
        # Nobody asked for it. Refused where the group is gone: another worker was quicker.
        with called_by(WORKER), suppress(ValidationError):
            promote_another(group)


def _settle(search: DuplicateSearch) -> None:
    same = DuplicateSearch.objects.filter(pk=search.pk, state=search.state, job=search.job_id)
    if not search.is_running:
        same.update(state=DuplicateSearch.State.FAILED, reason=STOPPED)
        return
    job = search.job
    is_cancelled = job is not None and job.state == Job.State.CANCELLED
    state = DuplicateSearch.State.CANCELLED if is_cancelled else DuplicateSearch.State.FAILED
    reason = CANCELLED if is_cancelled else (job.reason if job else "") or LOST
    # In the name of whoever asked for the search.
    with called_by(job.caller if job else WORKER), transaction.atomic():
        removal = start_removal(search, job.created_by if job else None)
        if not same.update(state=state, reason=reason, finished_at=timezone.now(), job=removal):
            transaction.set_rollback(True)  # another worker was quicker
