"""Jobs that ended long ago, and what the queue keeps of them, go.

What they did stays: an import has its own counts, the record of acts its own words.
"""

from importlib import import_module

from django.conf import settings

from apps.jobs.chores import hourly
from apps.jobs.models import Job

AT_ONCE = 500
# Nothing here reads what the queue says of an ended task.
TASK_DAYS = 1


@hourly
def prune_jobs() -> bool:
    keys = [*Job.objects.outlived().order_by("pk").values_list("pk", flat=True)[:AT_ONCE]]
    if keys:
        Job.objects.with_keys(keys).delete()
    return len(keys) == AT_ONCE


@hourly
def prune_tasks() -> bool:
    import_module(settings.JOBS_ENGINE).prune(TASK_DAYS)
    return False
