"""Taking away again what an import brought, in transactions that are short however much it was."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.utils import timezone

from apps.accounts.access import require_staff
from apps.accounts.models import User
from apps.audit.record import Verb, record_act
from apps.core.errors import conflict, join_names, not_found
from apps.imports.models import Import
from apps.jobs.handlers import handler
from apps.jobs.start import start_job
from apps.jobs.work import Work
from apps.traces.delete import MAX_NAMED, delete_free_traces, free_traces, holder_names
from apps.traces.models import Trace

_AT_ONCE = 2_000


def find_import(id: str) -> Import:
    """Raises ValidationError (not found)."""
    try:
        return Import.objects.with_people().get(pk=UUID(id))
    except (ValueError, Import.DoesNotExist) as error:
        raise not_found("Import", id) from error


def may_remove(found: Import, user: User | AnonymousUser) -> bool:
    """Staff; and whoever uploaded a file, as long as nothing came of it."""
    is_own = found.created_by is not None and found.created_by == user
    return user.is_staff or (is_own and not found.stored_count)


def require_may_remove(found: Import, user: User | AnonymousUser) -> None:
    if not may_remove(found, user):
        require_staff(user, "remove imports")


def ask_removal(found: Import, *, created_by: User | None) -> None:
    """By a worker, or at once where it has brought nothing. Raises ValidationError (conflict)."""
    if not found.is_removable:
        discard_upload(found)
        return
    if holders := holder_names(found.traces):
        names = join_names(sorted(holders), MAX_NAMED)
        raise conflict(f"What {found} brought is held by {names}. Delete what holds it first.")
    with transaction.atomic():
        start_removal(found, "Asked to remove what it brought.", Import.State.REMOVED, created_by)


def discard_upload(found: Import) -> None:
    """Of one that is not running and has brought nothing. Raises ValidationError (conflict)."""
    same = Import.objects.filter(pk=found.pk, stored_count=0)
    ended = same.exclude(state__in=(Import.State.RUNNING, Import.State.REMOVED))
    with transaction.atomic():
        if not ended.update(state=Import.State.REMOVED, reason="", finished_at=timezone.now()):
            raise conflict(_why_not(found))
        record_act(Verb.DISCARDED_UPLOAD, found.pk, details={"file": found.file_name})
        transaction.on_commit(lambda: clear_files(found, Import.State.REMOVED))


def _why_not(found: Import) -> str:
    if not found.is_running:
        return f"{found} is {found.state_in_words.lower()} already: there is nothing to remove."
    if found.reason:
        return f"{found} is being removed. Wait for its end, then remove what is left."
    return f"{found} is running. Cancel it, or wait for its end, then remove what it brought."


def start_removal(found: Import, reason: str, state: str, created_by: User | None) -> None:
    """In a transaction. Nothing where the import has another job by now, or runs."""
    arguments = {"import_id": str(found.pk), "state": state, "reason": reason}
    job = start_job(remove_import, arguments, title=f"Remove what {found} brought", created_by=created_by)
    same = Import.objects.filter(pk=found.pk, state=found.state, job=found.job_id)
    if not same.update(state=Import.State.RUNNING, reason=reason, job=job, finished_at=None):
        raise conflict(f"{found} is being worked on already.")


@handler
def remove_import(work: Work, *, import_id: str, state: str, reason: str) -> dict[str, Any]:
    found = Import.objects.get(pk=import_id)
    if not found.is_running:  # the worker died between the end of the removal and that of its job
        return {"removed": work.job.done}
    done, total = work.job.done, work.job.total or found.stored_count
    while keys := _next_keys(found):
        with transaction.atomic():
            done += delete_free_traces(Trace.objects.with_keys(keys), is_whole=False)
            work.advance(None, done, total)
    is_wanted = state == Import.State.REMOVED  # and not the undoing of one that came to nothing
    with transaction.atomic():
        conclude(work, found, state, "" if is_wanted else reason)
        if done and is_wanted:
            details = {"file": found.file_name, "ingest_id": str(found.ingest_id)}
            record_act(Verb.REMOVED_IMPORT, found.pk, rows=done, details=details)
    return {"removed": done}


def remove_brought(work: Work, found: Import) -> None:
    """By the import's own job, which may be asked to be cancelled: that is no reason to stop here."""
    while keys := _next_keys(found):
        with transaction.atomic():
            work.hold()
            delete_free_traces(Trace.objects.with_keys(keys), is_whole=False)


def conclude(work: Work, found: Import, state: str, reason: str) -> None:
    """What is still there is held by a dataset that was built in the last moment."""
    kept = found.traces.count()
    if kept and state == Import.State.REMOVED:
        state = Import.State.DONE
    with transaction.atomic():
        work.hold()
        Import.objects.filter(pk=found.pk).update(
            state=state,
            reason=f"{reason} {kept:,} traces stay: a dataset holds them.".strip() if kept else reason,
            stored_count=kept,
            finished_at=timezone.now(),
        )
        transaction.on_commit(lambda: clear_files(found, state))


def clear_files(found: Import, state: str) -> None:
    """What an import that ended in this `state` leaves: a report that says something, and the file where it
    may be tried again.
    """
    if state not in Import.FRUITLESS:
        found.path.unlink(missing_ok=True)
    found.rehearsal_path.unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        if not found.report_path.stat().st_size:
            found.report_path.unlink()


def _next_keys(found: Import) -> list[Any]:
    return [*free_traces(found.traces).values_list("pk", flat=True)[:_AT_ONCE]]
