import random
from typing import NamedTuple

from apps.accounts.models import User
from apps.formats.trace import TracePayload
from apps.traces.ingest import StoredTrace, ingest_traces
from apps.ungar.high_card_duel import play_episode

MAX_EPISODES = 100
MAX_DRAWN_SEED = 2**31


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
