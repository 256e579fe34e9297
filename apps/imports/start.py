from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.core.errors import conflict
from apps.imports.choose import Terms, rows_of, set_recipe
from apps.imports.models import Import
from apps.imports.run import run_import
from apps.jobs.start import start_job


def start_import(found: Import, terms: Terms, *, created_by: User | None) -> None:
    """Have it run by a worker. Raises ValidationError, also (conflict) where it was started before."""
    with rows_of(found) as rows:
        set_recipe(found, terms.recipe_for(rows))
    with transaction.atomic():
        job = start_job(
            run_import, {"import_id": str(found.pk)}, title=f"Import {found}", created_by=created_by
        )
        waiting = Import.objects.filter(pk=found.pk).in_state(Import.State.UPLOADED)
        is_started = waiting.update(
            format=found.format,
            mapping=found.mapping,
            source=terms.source or "",
            on_error=terms.on_error,
            duplicates=terms.duplicates,
            state=Import.State.RUNNING,
            reason="",
            job=job,
            started_at=timezone.now(),
        )
        if not is_started:
            raise conflict(f"{found} was started before. Upload the file again to import it again.")
    found.refresh_from_db()
