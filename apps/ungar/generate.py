import random
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from apps.accounts.models import User
from apps.formats.trace import TracePayload
from apps.traces.ingest import StoredTrace, ingest_traces
from apps.traces.models import Trace
from apps.ungar.high_card_duel import SOURCE, play_episode

MAX_EPISODES = 100
MAX_DRAWN_SEED = 2**31
# Of an id of a trace, which begins with its milliseconds: what one act stores is not further apart.
_MINUTE = 60_000 << 80


class Episode(NamedTuple):
    """`stored` is None for one that was only played."""

    payload: TracePayload
    stored: StoredTrace | None


def generate_episodes(
    count: int, seed: int | None, *, persist: bool, created_by: User | None
) -> list[Episode]:
    """Play `count` episodes from `seed`; without one, a seed is drawn, and recorded like one given."""
    start = random.SystemRandom().randrange(MAX_DRAWN_SEED) if seed is None else seed
    payloads = [play_episode(start, index) for index in range(count)]
    stored = ingest_traces(payloads, created_by=created_by) if persist else [None] * count
    return [*map(Episode, payloads, stored)]


class Played(NamedTuple):
    """A stored episode as its trace tells of it."""

    id: UUID
    meta: dict[str, Any]


def read_played(first: UUID) -> list[Played]:
    """What was stored in one act, whose first trace this is; empty where there is none."""
    end = UUID(int=min(first.int + _MINUTE, 2**128 - 1))
    found = Trace.objects.of_source(SOURCE).filter(
        pk__gte=first, pk__lt=end, ingest_id__in=Trace.objects.filter(pk=first).values("ingest_id")
    )
    rows = found.order_by("pk").values_list("pk", "meta")
    return [Played(id, orjson.loads(meta)) for id, meta in rows]
