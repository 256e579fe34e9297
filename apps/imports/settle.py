"""What killed imports leave behind: workers look for it now and then."""

from contextlib import suppress

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from apps.audit.caller import called_by
from apps.imports.models import Import
from apps.imports.remove import remove_import, start_removal
from apps.imports.run import CANCELLED
from apps.jobs.models import Job

STOPPED = "Removing it was stopped before its end. Remove it again to go on."


def settle_imports() -> None:
    """Cheap where there is nothing to do; any number of workers may do it at once."""
    for found in Import.objects.abandoned().select_related("job__created_by"):
        job = found.job
        if job is None:
            continue
        if job.act == remove_import.act:
            _give_up(found)
            continue
        is_cancelled = job.state == Job.State.CANCELLED
        state = Import.State.CANCELLED if is_cancelled else Import.State.FAILED
        # In the name of whoever asked for the import. Refused where another worker was quicker.
        with called_by(job.caller), suppress(ValidationError), transaction.atomic():
            start_removal(found, CANCELLED if is_cancelled else job.reason, state, job.created_by)


def _give_up(found: Import) -> None:
    same = Import.objects.running().filter(pk=found.pk, job=found.job_id)
    same.update(
        state=Import.State.FAILED,
        reason=STOPPED,
        stored_count=found.traces.count(),
        finished_at=timezone.now(),
    )
