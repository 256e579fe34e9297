from django.db import connection, transaction
from django.db.models import PROTECT, ProtectedError

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


def _keep_holders_out() -> None:
    """Until the end of the transaction nothing new refers to a trace: what is not held stays so.

    SQLite has one writer at a time anyway.
    """
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        for relation in Trace._meta.related_objects:
            if relation.on_delete is PROTECT:
                table = connection.ops.quote_name(relation.related_model._meta.db_table)
                cursor.execute(f"LOCK TABLE {table} IN SHARE MODE")
