"""What the project's management commands share."""

import errno
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, OutputWrapper
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from tqdm import tqdm

from apps.core.errors import messages_by_path, sentence
from apps.core.sql import is_disk_full

NO_ROOM = "The disk is full. Make room, then run the command again."
MAX_NUMBER = 100_000
PLAIN_EVERY = 10_000

Item = TypeVar("Item")


def positive(text: str, limit: int = MAX_NUMBER) -> int:
    """An argparse type: a whole number from 1 to `limit`."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if not 1 <= value <= limit:
        raise ArgumentTypeError(f"{text} is no whole number from 1 to {limit}")
    return value


def watched(
    items: Iterable[Item],
    unit: str,
    output: OutputWrapper,
    total: int | None = None,
    size: Callable[[Item], int] = lambda item: 1,
) -> Iterator[Item]:
    """A bar on a terminal; in a pipe a plain line now and then. An item counts for its `size`."""
    with tqdm(unit=f" {unit}", total=total, file=output, disable=not output.isatty()) as bar:
        count = 0
        for item in items:
            yield item
            before, count = count, count + size(item)
            bar.update(count - before)
            if bar.disable and before // PLAIN_EVERY < count // PLAIN_EVERY:
                output.write(f"{count} {unit}")


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
        except OperationalError as error:
            if not is_disk_full(error):
                raise
            raise CommandError(NO_ROOM) from error
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise CommandError(NO_ROOM) from error

    def act(self, **options: Any) -> None:
        raise NotImplementedError
