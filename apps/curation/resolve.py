"""What a person says of a group: which trace is kept, or that these are no duplicates."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.core.errors import conflict, field_error, not_found
from apps.curation.curate import Change, curate_traces
from apps.curation.models import DuplicateGroup, DuplicateMemberQuerySet, DuplicateSearch
from apps.curation.store import keep_deletions_out
from apps.traces.delete import delete_traces, keep_holders_out
from apps.traces.models import Trace, TraceQuerySet


def find_group(search: DuplicateSearch, id: str) -> DuplicateGroup:
    """Raises ValidationError (not found), also while the search is at work."""
    key = int(id) if id.isascii() and id.isdigit() and len(id) < 19 else 0
    found = DuplicateGroup.objects.of_search(search).with_keys([key] if search.is_done else [])
    group = found.select_related("search", "resolved_by").first()
    if group is None:
        raise not_found("Group", id)
    return group


def keep_trace(group: DuplicateGroup, trace: UUID, *, resolved_by: User | None) -> None:
    """The others get the tag, this one has it not. Raises ValidationError where it is not of the group."""
    with _changed(group) as same:
        members = same.members.all()
        if not members.of_trace(trace).exists():
            raise field_error("keep", f"The trace {trace} is not in this group.")
        _set_kept(members, trace)
        _set_state(same, DuplicateGroup.State.KEPT, resolved_by)
        _tag_others(same, resolved_by)


def dismiss_group(group: DuplicateGroup, *, resolved_by: User | None) -> None:
    """None of them has the tag any more."""
    with _changed(group) as same:
        _set_state(same, DuplicateGroup.State.DISMISSED, resolved_by)
        untag = Change(remove_tags=[same.search.tag])
        curate_traces(_traces_of(same.members.all()), untag, created_by=resolved_by)


def delete_others(group: DuplicateGroup, kept: UUID, *, resolved_by: User | None) -> int:
    """All but `kept`; the number deleted. Raises ValidationError (conflict) that names what holds one, or
    where `kept` is not what is kept (any more): then none is.
    """
    others = group.members.others().beside(kept)
    with transaction.atomic():
        deleted = delete_traces(_traces_of(others))  # which first waits for whoever changes the group
        if not deleted:
            raise conflict("It is not what is kept (any more), or has no others. Look at the group again.")
        _set_state(group, DuplicateGroup.State.KEPT, resolved_by)
    return deleted


def keep_alone(group: DuplicateGroup, kept: UUID, *, resolved_by: User | None) -> None:
    """Keep it and delete the others. Raises ValidationError as both do; then nothing is changed."""
    with transaction.atomic():
        # All that both lock, in the order of deletions: two who took the rest of it later would wait for
        # each other.
        keep_holders_out()
        keep_trace(group, kept, resolved_by=resolved_by)
        delete_others(group, kept, resolved_by=resolved_by)


def promote_another(group: DuplicateGroup) -> None:
    """In place of the kept one, which was deleted: the best that is left, until a person says otherwise.

    Raises ValidationError (not found) where the group is gone meanwhile.
    """
    with _changed(group) as same:
        members = same.members.all()
        best = members.best_first().first()
        if best is None:
            same.delete()
            return
        if not members.kept().exists():
            _set_kept(members, best.trace_id)
            if not same.is_dismissed:
                _set_state(same, DuplicateGroup.State.OPEN, None)
                _tag_others(same, None)
        DuplicateGroup.objects.with_keys([same.pk]).update(has_lost_kept=False)


@contextmanager
def _changed(group: DuplicateGroup) -> Iterator[DuplicateGroup]:
    """The group as it is now: nobody else changes it, and none of its traces is deleted, until the end."""
    with transaction.atomic(), connection.cursor() as cursor:
        keep_deletions_out(cursor)
        found = DuplicateGroup.objects.with_keys([group.pk]).select_related("search")
        same = found.select_for_update(of=("self",)).first()
        if same is None:
            raise not_found("Group", group.pk)
        yield same


def _set_kept(members: DuplicateMemberQuerySet, trace: UUID) -> None:
    members.kept().update(is_kept=False)
    members.of_trace(trace).update(is_kept=True)


def _set_state(group: DuplicateGroup, state: str, resolved_by: User | None) -> None:
    moment = None if state == DuplicateGroup.State.OPEN else timezone.now()
    DuplicateGroup.objects.with_keys([group.pk]).update(
        state=state, resolved_by=resolved_by, resolved_at=moment
    )


def _tag_others(group: DuplicateGroup, created_by: User | None) -> None:
    tag, members = group.search.tag, group.members.all()
    curate_traces(_traces_of(members.others()), Change([tag]), created_by=created_by)
    curate_traces(_traces_of(members.kept()), Change(remove_tags=[tag]), created_by=created_by)


def _traces_of(members: DuplicateMemberQuerySet) -> TraceQuerySet:
    return Trace.objects.filter(pk__in=members.order_by().values("trace"))
