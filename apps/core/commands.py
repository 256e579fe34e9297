"""What the project's management commands share."""

from argparse import ArgumentTypeError
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from apps.core.errors import messages_by_path, sentence

MAX_NUMBER = 100_000


def positive(text: str) -> int:
    """An argparse type: a whole number from 1 to MAX_NUMBER."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if not 1 <= value <= MAX_NUMBER:
        raise ArgumentTypeError(f"{text} is no whole number from 1 to {MAX_NUMBER}")
    return value


def check_migrations() -> None:
    """Raise CommandError where the database lacks a migration that this code needs."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise CommandError("The database is not up to date. Run: manage.py migrate")


class ActCommand(BaseCommand):
    """A command that performs one act: it needs the migrated database, and a refusal is a sentence."""

    def handle(self, *args: Any, **options: Any) -> None:
        check_migrations()
        try:
            self.act(**options)
        except ValidationError as error:
            by_path = messages_by_path(error)
            lines = [f"{path}: {message}" for path, found in by_path.items() for message in found]
            raise CommandError("\n".join(lines) or sentence(error)) from error

    def act(self, **options: Any) -> None:
        raise NotImplementedError
