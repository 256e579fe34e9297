"""Jobs waiting in Redis, as RQ keeps them."""

from django.db import InterfaceError, OperationalError
from django_rq import get_queue
from django_rq.workers import get_worker
from django_tasks import DEFAULT_TASK_QUEUE_NAME
from django_tasks_rq import Job
from redis.exceptions import RedisError
from rq import SimpleWorker

UNREACHABLE = (OperationalError, InterfaceError, RedisError)


class _Worker(SimpleWorker):
    """In this process, whose signals are ours, and not in a fork of it, which would share its connections."""

    def _install_signal_handlers(self) -> None:
        pass


def is_waiting() -> bool:
    return bool(get_queue(DEFAULT_TASK_QUEUE_NAME).count)


def perform_next(worker: str) -> None:
    engine = get_worker(DEFAULT_TASK_QUEUE_NAME, worker_class=f"{__name__}.{_Worker.__name__}", job_class=Job)
    engine.work(burst=True, max_jobs=1, logging_level="WARNING")


def prune(days: int) -> None:
    """Redis forgets by itself."""
