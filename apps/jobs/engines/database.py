"""Jobs waiting in the program's own database, as django-tasks-db keeps them."""

from datetime import timedelta
from uuid import UUID

from django.core.management import call_command
from django.db import InterfaceError, OperationalError
from django.utils import timezone
from django_tasks import DEFAULT_TASK_BACKEND_ALIAS, DEFAULT_TASK_QUEUE_NAME
from django_tasks_db.management.commands import db_worker
from django_tasks_db.models import DBTaskResult

from apps.jobs.models import Job

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


def prune(days: int) -> None:
    """Forget tasks that ended so long ago, and those that a killed worker left running for ever."""
    call_command("prune_db_task_results", min_age_days=days, verbosity=0)
    alive = [UUID(id) for id in Job.objects.active().exclude(task_id="").values_list("task_id", flat=True)]
    left = DBTaskResult.objects.running().filter(started_at__lt=timezone.now() - timedelta(days=days))
    left.exclude(pk__in=alive).delete()
