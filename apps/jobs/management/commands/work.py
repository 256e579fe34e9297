from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.core.commands import check_migrations
from apps.jobs.worker import run_worker


class Command(BaseCommand):
    help = "Perform jobs as they come, until it is ended. Any number of workers may do so at once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--parent", type=int, help="end when this process is no longer the parent")

    def handle(self, *, parent: int | None, **_: Any) -> None:
        check_migrations()
        run_worker(parent)
