"""The steps of a trace that is being written: added, removed and moved, one act at a time."""

import re
from typing import NamedTuple

from apps.formats.trace import MAX_STEPS

StepValues = dict[str, str]

_ACT = re.compile(r"(add)|(remove|up|down)-(\d{1,4})", re.ASCII)


class Focus(NamedTuple):
    """Where one goes on: at this step, in its field "type" or on its button "up", "down" or "remove"."""

    step: int
    on: str


def change_steps(steps: list[StepValues], act: str) -> tuple[list[StepValues], Focus | None]:
    """`act` is "add", "remove-3", "up-3" or "down-3", counted from 0. Else nothing changes."""
    match = _ACT.fullmatch(act)
    if match is None:
        return steps, None
    if match[1]:
        return _add(steps)
    name, n = match[2], int(match[3])
    if n >= len(steps):
        return steps, None
    return _remove(steps, n) if name == "remove" else _move(steps, n, name)


def _add(steps: list[StepValues]) -> tuple[list[StepValues], Focus | None]:
    added = [*steps, {}] if len(steps) < MAX_STEPS else steps
    return added, Focus(len(added) - 1, "type")


def _remove(steps: list[StepValues], n: int) -> tuple[list[StepValues], Focus | None]:
    """A trace has at least one step: in place of the last there is an empty one."""
    left = [*steps[:n], *steps[n + 1 :]]
    return (left, Focus(min(n, len(left) - 1), "remove")) if left else ([{}], Focus(0, "type"))


def _move(steps: list[StepValues], n: int, name: str) -> tuple[list[StepValues], Focus | None]:
    to = n - 1 if name == "up" else n + 1
    if not 0 <= to < len(steps):
        return steps, None
    moved = [*steps]
    moved[n], moved[to] = moved[to], moved[n]
    # At an end its button is off: the other one is next to it.
    on = {0: "down", len(steps) - 1: "up"}.get(to, name)
    return moved, Focus(to, on)
