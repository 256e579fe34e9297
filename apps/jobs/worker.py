"""A worker: performs what waits, sweeps, does the chores, and says that it lives."""

import logging
import os
import signal
import socket
import time
from contextlib import suppress
from functools import partial
from importlib import import_module
from types import FrameType
from typing import Any

from django.conf import settings
from django.db import Error, connection
from django.utils import timezone
from django.utils.module_loading import import_string

from apps.jobs.chores import do_chores
from apps.jobs.models import Worker
from apps.jobs.repeat import repeating
from apps.jobs.sweep import sweep_jobs

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.5
SEEN_SECONDS = 3.0
SWEEP_SECONDS = 5.0


class _Ending:
    """Ctrl-C and SIGTERM interrupt what is being done, once: what then puts it back is left alone."""

    def __init__(self) -> None:
        self.is_asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        for ending in (signal.SIGINT, signal.SIGTERM):
            signal.signal(ending, signal.SIG_IGN)
        self.is_asked = True
        raise KeyboardInterrupt


def run_worker(parent: int | None = None) -> None:
    """Until a signal ends it, or `parent` is no longer its parent."""
    ending = _Ending()
    worker = Worker(name=f"{socket.gethostname()} {os.getpid()}"[:128])
    try:
        _say_alive(worker, parent)
        with repeating(SEEN_SECONDS, partial(_say_alive, worker, parent)):
            _work(ending, worker.name)
    except KeyboardInterrupt:
        pass
    finally:
        connection.close_if_unusable_or_obsolete()
        with suppress(Error):  # else it is forgotten when it was not heard of for long enough
            Worker.objects.filter(pk=worker.pk).delete()


def _work(ending: _Ending, name: str) -> None:
    engine = import_module(settings.JOBS_ENGINE)
    sweeps = [*map(import_string, settings.JOBS_SWEEPS)]
    next_sweep = 0.0
    while not ending.is_asked:
        try:
            if time.monotonic() >= next_sweep:
                sweep_jobs()
                for sweep in sweeps:
                    sweep()
                next_sweep = time.monotonic() + SWEEP_SECONDS
            if is_waiting := engine.is_waiting():
                engine.perform_next(name)
            if not do_chores() and not is_waiting:
                time.sleep(POLL_SECONDS)
        except engine.UNREACHABLE as error:
            logger.warning("Database or queue cannot be used, a moment later again: %s", error)
            connection.close_if_unusable_or_obsolete()
            time.sleep(SEEN_SECONDS)


def _say_alive(worker: Worker, parent: int | None) -> None:
    if parent and os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)
        return
    worker.seen_at = timezone.now()
    seen: dict[str, Any] = {"name": worker.name, "seen_at": worker.seen_at}
    Worker.objects.update_or_create(pk=worker.pk, defaults=seen)
