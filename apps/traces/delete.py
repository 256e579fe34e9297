from uuid import UUID

from django.db import connection, transaction
from django.db.models import CASCADE, PROTECT, Exists, ForeignObjectRel, OuterRef, ProtectedError

from apps.core.errors import conflict, join_names
from apps.traces.models import Trace, TraceQuerySet


def delete_traces(traces: TraceQuerySet) -> int:
    """Delete all of these or none; the number deleted. Raises ValidationError that names what holds one."""
    with transaction.atomic():
        _keep_holders_out()
        try:
            _, deleted = traces.delete()
        except ProtectedError as error:
            names = join_names(sorted({str(holder) for holder in error.protected_objects}))
            raise conflict(f"The trace is held by {names}. Delete what holds it first.") from error
    return deleted.get(Trace._meta.label, 0)


def delete_free_traces(traces: TraceQuerySet) -> int:
    """Delete those of these that nothing holds, however many, by query; the number deleted.

    What goes with a trace goes after it: whoever scores one of these at this moment has then either finished
    or finds no trace.
    """
    with transaction.atomic():
        _keep_holders_out()
        found = free_traces(traces)
        keys = found.few_keys()
        deleted = (found if keys is None else Trace.objects.with_keys(keys))._raw_delete(traces.db)
        for relation in _relations():
            if relation.on_delete is CASCADE:
                _delete_orphans(relation, keys)
    return deleted


def free_traces(traces: TraceQuerySet) -> TraceQuerySet:
    for relation in _holding_relations():
        held = relation.related_model._base_manager.filter(**{relation.field.name: OuterRef("pk")})
        traces = traces.filter(~Exists(held))
    return traces


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


def _keep_holders_out() -> None:
    """Until the end of the transaction nothing new refers to a trace, where the database would not notice.

    SQLite has one writer at a time anyway.
    """
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        for relation in _relations():
            if getattr(relation.field, "db_constraint", True):
                continue
            table = connection.ops.quote_name(relation.related_model._meta.db_table)
            cursor.execute(f"LOCK TABLE {table} IN SHARE MODE")
