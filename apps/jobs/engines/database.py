"""Jobs waiting in the program's own database, as django-tasks-db keeps them."""

from django.db import InterfaceError, OperationalError
from django_tasks import DEFAULT_TASK_BACKEND_ALIAS, DEFAULT_TASK_QUEUE_NAME
from django_tasks_db.management.commands import db_worker
from django_tasks_db.models import DBTaskResult

UNREACHABLE = (OperationalError, InterfaceError)


def is_waiting() -> bool:
    """By reading alone: the engine's own look takes SQLite's one right to write each time."""
    return DBTaskResult.objects.ready().exists()


def perform_next(worker: str) -> None:
    db_worker.Worker(
        queue_names=[DEFAULT_TASK_QUEUE_NAME],
        interval=0,
        batch=True,
        backend_name=DEFAULT_TASK_BACKEND_ALIAS,
        startup_delay=False,
        max_tasks=1,
        worker_id=worker[:64],
        excluded_queue_names=[],
    ).run()
