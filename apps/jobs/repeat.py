"""A small act that is done again and again beside a long one."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from django.db import Error, connection

logger = logging.getLogger(__name__)

# A repetition may wait for the database; the end of what it goes beside does not wait for it any longer.
JOIN_SECONDS = 0.5


@contextmanager
def repeating(seconds: float, act: Callable[[], object]) -> Iterator[None]:
    """`act` every so many seconds while the block runs, in a thread with a database connection of its own.

    Where the database refuses it, the next turn tries again.
    """
    is_over = Event()
    thread = Thread(target=_repeat, args=(seconds, act, is_over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join(JOIN_SECONDS)


def _repeat(seconds: float, act: Callable[[], object], is_over: Event) -> None:
    try:
        while not is_over.wait(seconds):
            try:
                act()
            except Error as error:
                logger.warning("A sign of life could not be written: %s", error)
                connection.close()
    finally:
        connection.close()
