"""A dry run: all of an uploaded file is read as an import would, nothing is stored."""

from functools import partial
from typing import Any

from django.db import transaction

from apps.accounts.models import User
from apps.core.errors import conflict
from apps.core.files import atomic_write
from apps.core.requests import validate
from apps.imports.apart import is_big, prepared
from apps.imports.choose import Terms, opened, rows_of
from apps.imports.duplicates import Seen
from apps.imports.load import Loader, Report, try_traces
from apps.imports.models import Import
from apps.imports.parse import Rejection
from apps.imports.prepare import Chunk, Plan
from apps.imports.receive import no_room
from apps.jobs.handlers import handler
from apps.jobs.models import Job
from apps.jobs.start import start_job
from apps.jobs.work import Cancelled, Work


def start_rehearsal(found: Import, terms: Terms, *, created_by: User | None) -> Job:
    """By a worker; the job's result has the counts. Raises ValidationError, also (conflict) where it is
    started already.
    """
    _plan(found, terms)
    arguments = {"import_id": str(found.pk), "terms": terms.model_dump(mode="json", exclude_defaults=True)}
    with transaction.atomic():
        job = start_job(rehearse_import, arguments, title=f"Dry run of {found}", created_by=created_by)
        if not Import.objects.in_state(Import.State.UPLOADED).filter(pk=found.pk).update(job=job):
            raise conflict(f"{found} was started before: a dry run comes before that.")
    found.refresh_from_db()
    return job


@handler
def rehearse_import(work: Work, *, import_id: str, terms: dict[str, Any]) -> dict[str, Any]:
    """From the beginning, however often it is begun."""
    found = Import.objects.get(pk=import_id)
    wanted = validate(Terms, terms)
    refused: list[Rejection] = []
    try:
        plan = _plan(found, wanted)
        with (
            opened(found) as file,
            prepared(file, plan, is_apart=is_big(found.size, is_packed=found.is_packed)) as groups,
            atomic_write(found.rehearsal_path) as rejections,
        ):

            def reject(rejection: Rejection) -> None:
                refused[:] = [rejection]
                rejections.write(rejection.line())

            loader = Loader(wanted.on_error, wanted.duplicates, None, reject, seen=Seen())
            report = try_traces(groups, loader, partial(_advance, work, found))
    except OSError as error:
        raise no_room(error) from error
    if not Import.objects.in_state(Import.State.UPLOADED).filter(pk=found.pk).exists():
        found.rehearsal_path.unlink(missing_ok=True)
    return {
        "read": report.read,
        "would_store": report.stored,
        "rejected": report.rejected,
        "duplicates": report.duplicates,
        "refusal": _refusal(loader, report, found, refused),
    }


def _plan(found: Import, terms: Terms) -> Plan:
    """Raises ValidationError."""
    with rows_of(found) as rows:
        return terms.plan_for(rows, is_dry_run=True)


def _advance(work: Work, found: Import, report: Report, chunk: Chunk) -> None:
    """Raises Cancelled where another act took its place: they would write to one report."""
    with transaction.atomic():
        if not Import.objects.filter(pk=found.pk, job=work.job.pk).exists():
            raise Cancelled
        work.advance(None, report.read, chunk.estimate(report.read, found.size))


def _refusal(loader: Loader, report: Report, found: Import, refused: list[Rejection]) -> str | None:
    """Why nothing would be stored, or None."""
    if not report.read:
        return "The file holds no rows."
    if not loader.is_refused(report):
        return None
    if loader.on_error == "stop":
        return f"{found.unit.capitalize()} {refused[-1].place}: {refused[-1].sentence.rstrip('.')}."
    return f"{report.rejected:,} of {report.read:,} rows are bad."
