import time
from typing import Any, get_args

from django.core.management.base import CommandError, CommandParser

from apps.core.commands import ActCommand
from apps.core.requests import validate
from apps.curation.duplicates import find_duplicates
from apps.curation.models import DEFAULT_THRESHOLD, DUPLICATE_PREFIX, MIN_THRESHOLD, DuplicateSearch
from apps.curation.serializers import Compared, DuplicateRequest
from apps.jobs.models import Job
from apps.jobs.perform import perform_job

_POLL_SECONDS = 0.5


class Command(ActCommand):
    help = (
        "Search all traces for equal or nearly equal ones, and tag all but one of each group. It is done"
        " here, or by a worker that is quicker; when this is killed, a worker goes on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help=f"of the search, and of its tag behind {DUPLICATE_PREFIX}")
        parser.add_argument("--compared", choices=get_args(Compared), default="prompt", help="default prompt")
        parser.add_argument(
            "--threshold",
            type=float,
            default=DEFAULT_THRESHOLD,
            help=f"from {MIN_THRESHOLD} to 1, which means equal; default {DEFAULT_THRESHOLD}",
        )

    def act(self, **options: Any) -> None:
        terms = {name: options[name] for name in ("name", "compared", "threshold")}
        wanted = validate(DuplicateRequest, terms)
        search = find_duplicates(**wanted.model_dump(), created_by=None)
        perform_job.call(str(search.job_id))
        search.refresh_from_db()
        if search.job and search.job.state == Job.State.QUEUED:  # put back, as by a worker that is stopped
            raise CommandError("Stopped. A worker goes on with it; the page of jobs cancels it.")
        while True:
            search.refresh_from_db()
            if not search.is_at_work or search.job is None or not search.job.is_active:
                break
            time.sleep(_POLL_SECONDS)
        self._say(search)

    def _say(self, search: DuplicateSearch) -> None:
        if not search.is_done:
            raise CommandError(search.reason or "It did not end well. The page of jobs says more.")
        self.stdout.write(
            f"Of {search.trace_count} traces {search.duplicate_count} are duplicates of one that is kept, in"
            f" {search.group_count} groups. They are tagged {search.tag}"
        )
