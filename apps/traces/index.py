"""Search's index, filled behind the traces: to do it while they come in would double what that costs.

Any number may index at the same time. A trace is either in the line of the unindexed or indexed, never both
and never neither, whatever is killed.
"""

import time
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import QuerySet

from apps.core.errors import conflict
from apps.core.keyset import COUNTED, count_rows
from apps.formats.search_terms import search_body
from apps.jobs.chores import chore
from apps.traces.models import TEXTS, SearchText, Trace, UnindexedTrace, texts_of

# One transaction: on SQLite others wait so long with what they write.
BATCH = 500
CHORE_SECONDS = 1.0
# Before another look at what somebody else indexes or deletes.
WAIT_SECONDS = 0.05


@chore
def index_some() -> bool:
    """For about a second; whether there is more to do."""
    end = time.monotonic() + CHORE_SECONDS
    while is_more := bool(_index_batch(UnindexedTrace.objects.all())):
        if time.monotonic() >= end:
            break
    return is_more


def index_new_traces() -> int:
    """All that came before now; the number indexed here, for another may index some of them meanwhile."""
    newest = UnindexedTrace.objects.order_by("-trace_id").first()
    line = UnindexedTrace.objects.filter(trace_id__lte=newest.pk) if newest else UnindexedTrace.objects.none()
    count = 0
    while line.exists():
        indexed = _index_batch(line)
        count += indexed
        if not indexed:
            time.sleep(WAIT_SECONDS)
    return count


def settle_search() -> None:
    """Before an act on all that a search finds: so that it is exact. Raises ValidationError where that would
    take long.
    """
    if not count_rows(UnindexedTrace.objects.all()).is_exact:
        raise conflict(
            f"More than {COUNTED:,} traces are not indexed for search yet. A worker does that beside the "
            "server; try again when it is done, or run: manage.py index_traces"
        )
    index_new_traces()


def _index_batch(line: QuerySet[UnindexedTrace]) -> int:
    """The oldest of the line, which then come out of it. The words are made before anything is locked."""
    ids = [*line.order_by("trace_id").values_list("trace_id", flat=True)[:BATCH]]
    if not ids:
        return 0
    rows = Trace.objects.with_keys(ids).values_list("pk", *TEXTS)
    bodies = {id: search_body(texts_of(*texts)) for id, *texts in rows}
    return _store(ids, bodies)


@transaction.atomic
def _store(ids: list[UUID], bodies: dict[UUID, str]) -> int:
    """Of those that are still in the line, and in nobody else's hands: who deletes one at this moment waits
    for this transaction, and this one waits for nobody, so that there is no deadlock.
    """
    line = UnindexedTrace.objects.filter(trace_id__in=ids)
    held = {*line.select_for_update(skip_locked=True).values_list("trace_id", flat=True)}
    found = [SearchText(trace_id=id, body=bodies[id]) for id in ids if id in held and id in bodies]
    SearchText.objects.bulk_create(found)
    UnindexedTrace.objects.filter(trace_id__in=held)._raw_delete(DEFAULT_DB_ALIAS)
    return len(held)
