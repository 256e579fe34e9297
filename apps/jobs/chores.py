"""What a worker does between jobs, again and again: soon over, and harmless where two do it at once."""

import time
from collections.abc import Callable

HOUR = 3600.0

# Whether there is more to do at once.
Chore = Callable[[], bool]

_chores: list[Chore] = []


def chore(act: Chore) -> Chore:
    """Marks a function for it. Its module must be imported when the program starts (`ready` of its app)."""
    _chores.append(act)
    return act


def do_chores() -> bool:
    """Each once; whether there is more to do at once."""
    has_more = False
    for act in _chores:
        has_more = act() or has_more
    return has_more


def hourly(act: Chore) -> Chore:
    """Marks one that is done when a worker starts and then once an hour, until there is no more to do."""
    next_turn = 0.0

    def act_in_turn() -> bool:
        nonlocal next_turn
        if time.monotonic() < next_turn:
            return False
        has_more = act()
        if not has_more:
            next_turn = time.monotonic() + HOUR
        return has_more

    chore(act_in_turn)
    return act
