"""Taking away what a search stored, in transactions that are short however much it was."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.utils import timezone

from apps.accounts.access import require_staff
from apps.accounts.models import User
from apps.audit.record import Verb, record_act
from apps.core.errors import conflict, not_found
from apps.curation.models import DuplicateGroup, DuplicateMember, DuplicateSearch, Tag, Tagging
from apps.jobs.cancel import cancel_job
from apps.jobs.handlers import handler
from apps.jobs.models import Job
from apps.jobs.start import start_job
from apps.jobs.work import Work

CANCELLED = "Cancelled. What it had stored was removed again."

_AT_ONCE = 10_000


def find_search(id: str) -> DuplicateSearch:
    """Raises ValidationError (not found)."""
    try:
        return DuplicateSearch.objects.with_people().get(pk=UUID(id))
    except (ValueError, DuplicateSearch.DoesNotExist) as error:
        raise not_found("Search for duplicates", id) from error


def require_may_remove(search: DuplicateSearch, user: User | AnonymousUser) -> None:
    """Staff, and whoever asked for the search: with it goes what was said of its groups."""
    if search.created_by is None or search.created_by != user:
        require_staff(user, "remove the searches of others")


def ask_removal(search: DuplicateSearch, *, created_by: User | None) -> None:
    """By a worker. Raises ValidationError (conflict) while it is at work."""
    ended = DuplicateSearch.objects.filter(pk=search.pk).exclude(state__in=DuplicateSearch.AT_WORK)
    with transaction.atomic():
        job = start_removal(search, created_by)
        if not ended.update(state=DuplicateSearch.State.REMOVING, job=job):
            raise conflict(f"{search} is {search.state_in_words.lower()}. Cancel it, or wait for its end.")


def start_removal(search: DuplicateSearch, created_by: User | None) -> Job:
    title = f"Remove the search for duplicates {search}"
    return start_job(remove_search, {"search_id": str(search.pk)}, title=title, created_by=created_by)


def cancel_search(search: DuplicateSearch) -> None:
    """Raises ValidationError (conflict) where it is not at work."""
    if search.job is None or not search.is_at_work:
        raise conflict(f"{search} is not at work.")
    cancel_job(search.job)
    never_begun = DuplicateSearch.objects.filter(
        pk=search.pk,
        state=DuplicateSearch.State.RUNNING,
        job__state=Job.State.CANCELLED,
        job__attempts=0,
    )
    never_begun.update(state=DuplicateSearch.State.CANCELLED, reason=CANCELLED, finished_at=timezone.now())


@handler
def remove_search(work: Work, *, search_id: str) -> dict[str, Any]:
    """With its groups and tags; of one that did not end well these alone."""
    search = DuplicateSearch.objects.filter(pk=search_id).first()
    if search is None:  # the worker died between the end of the search and that of its job
        return {"removed": work.job.done}
    done = work.job.done

    def advance(count: int) -> None:
        nonlocal done
        done += count
        work.advance(None, done)

    forget_found(search, advance)
    with transaction.atomic():
        work.hold()
        removed, _ = DuplicateSearch.objects.filter(
            pk=search.pk, state=DuplicateSearch.State.REMOVING
        ).delete()
        if removed:
            record_act(Verb.REMOVED_DUPLICATES, search.tag, rows=done)
    return {"removed": done}


def forget_found(search: DuplicateSearch, advance: Callable[[int], None]) -> None:
    """`advance` is called in each transaction with the number of members that go, and may refuse it."""
    tag = Tag.objects.key_of(search.tag)
    members = DuplicateMember.objects.of_search(search).order_by("group_id", "pk")
    while keys := [*members.values_list("pk", "trace_id")[:_AT_ONCE]]:
        with transaction.atomic():
            Tagging.objects.filter(tag=tag, trace__in=[trace for _, trace in keys]).delete()
            DuplicateMember.objects.filter(pk__in=[key for key, _ in keys]).delete()
            advance(len(keys))
    groups = DuplicateGroup.objects.of_search(search)
    groups._raw_delete(groups.db)
