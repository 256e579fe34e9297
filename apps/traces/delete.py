from uuid import UUID

from django.db import connection, transaction
from django.db.models import CASCADE, PROTECT, Exists, ForeignKey, ForeignObjectRel, OuterRef, ProtectedError

from apps.audit.record import Verb, record_act
from apps.core.errors import conflict, join_names
from apps.core.keyset import few_keys
from apps.traces.models import FEW, Trace, TraceQuerySet

MAX_NAMED = 10


def delete_traces(traces: TraceQuerySet) -> int:
    """Delete all of these or none; the number deleted. Raises ValidationError that names what holds one."""
    with transaction.atomic():
        keep_holders_out()
        first = traces.first_ids(MAX_NAMED)
        try:
            _, deleted = traces.delete()
        except ProtectedError as error:
            names = join_names(sorted({str(holder) for holder in error.protected_objects}))
            raise conflict(f"The trace is held by {names}. Delete what holds it first.") from error
        count = deleted.get(Trace._meta.label, 0)
        _record(first, count)
    return count


def delete_free_traces(traces: TraceQuerySet, *, is_whole: bool = True) -> int:
    """Delete those of these that nothing holds, however many, by query; the number deleted.

    Not `is_whole` is a part of an act, which whoever calls records when it is done.

    What goes with a trace goes after it: whoever scores one of these at this moment has then either finished
    or finds no trace.
    """
    with transaction.atomic():
        keep_holders_out()
        found = free_traces(traces)
        keys = few_keys(found, FEW)
        first = found.first_ids(MAX_NAMED)
        deleted = (found if keys is None else Trace.objects.with_keys(keys))._raw_delete(traces.db)
        for relation in _relations():
            if relation.on_delete is CASCADE:
                _delete_orphans(relation, keys)
        if is_whole:
            _record(first, deleted)
    return deleted


def _record(first: list[UUID], count: int) -> None:
    """`first` are the ids of some of them."""
    if count:
        details = {"ids": [*map(str, first)]} if count > 1 else None
        record_act(Verb.DELETED_TRACE, first[0] if count == 1 else "", rows=count, details=details)


def free_traces(traces: TraceQuerySet) -> TraceQuerySet:
    for relation in _holding_relations():
        held = relation.related_model._base_manager.filter(**{relation.field.name: OuterRef("pk")})
        traces = traces.filter(~Exists(held))
    return traces


def holder_names(traces: TraceQuerySet) -> list[str]:
    """What holds any of these: what the holding rows belong to, MAX_NAMED and one more at most."""
    names: list[str] = []
    for relation in _holding_relations():
        rows = relation.related_model._base_manager.filter(
            **{f"{relation.field.name}__in": traces.order_by().values("pk")}
        )
        for field in rows.model._meta.concrete_fields:
            if isinstance(field, ForeignKey) and field != relation.field:
                holders = field.remote_field.model._base_manager.filter(pk__in=rows.values(field.attname))
                names += map(str, holders.order_by("pk")[: MAX_NAMED + 1])
    return names


def _delete_orphans(relation: ForeignObjectRel, keys: list[UUID] | None) -> None:
    """What referred to one of these; without keys, to any trace that is gone: all of it is looked through."""
    trace = Trace.objects.filter(pk=OuterRef(relation.field.attname))
    orphans = relation.related_model._base_manager.filter(~Exists(trace))
    if keys is not None:
        orphans = orphans.filter(**{f"{relation.field.name}__in": keys or [UUID(int=0)]})
    orphans._raw_delete(orphans.db)


def _relations() -> list[ForeignObjectRel]:
    """From what refers to a trace, also in the apps above this one."""
    return [*Trace._meta.related_objects]


def _holding_relations() -> list[ForeignObjectRel]:
    return [relation for relation in _relations() if relation.on_delete is PROTECT]


def keep_holders_out() -> None:
    """Until the end of the transaction nothing new refers to a trace, where the database would not notice.

    One deletion after the other: two that had both kept all others out would wait for each other. SQLite has
    one writer at a time anyway.
    """
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        for relation in _relations():
            if getattr(relation.field, "db_constraint", True):
                continue
            table = connection.ops.quote_name(relation.related_model._meta.db_table)
            cursor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
