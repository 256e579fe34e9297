"""What a worker does between jobs, again and again: soon over, and harmless where two do it at once."""

from collections.abc import Callable

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
