from django.utils import timezone

from apps.core.errors import conflict
from apps.imports.models import Import
from apps.imports.run import CANCELLED
from apps.jobs.cancel import cancel_job
from apps.jobs.models import Job


def cancel_import(found: Import) -> None:
    """All that it has stored is removed again. Raises ValidationError (conflict) where it does not run."""
    if found.job is None or not found.is_running:
        raise conflict(f"{found} is not running.")
    cancel_job(found.job)
    never_begun = Import.objects.running().filter(
        pk=found.pk, job__state=Job.State.CANCELLED, job__attempts=0, reason=""
    )
    never_begun.update(state=Import.State.CANCELLED, reason=CANCELLED, finished_at=timezone.now())
