"""Which functions may be performed as jobs: those marked for it, and no other that a record names."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.utils.module_loading import import_string

Perform = Callable[..., Any]


@dataclass(frozen=True)
class Handler:
    """Called with a `Work` and the job's arguments; what it returns, JSON, is the job's result."""

    perform: Perform

    @property
    def act(self) -> str:
        return f"{self.perform.__module__}.{self.perform.__qualname__}"


def handler(perform: Perform) -> Handler:
    """Marks `perform(work, **arguments)`, a function of a module."""
    return Handler(perform)


def find_handler(act: str) -> Handler:
    found = import_string(act)
    if not isinstance(found, Handler):
        raise SuspiciousOperation(f"{act} is no handler of jobs.")
    return found
