from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.core.commands import ActCommand
from tunixrt.restore import restore_backup


class Command(ActCommand):
    help = (
        "Put a backup into an empty, migrated place: all of it or nothing. It may come from another kind of"
        " database. Everybody has to sign in again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--replace", action="store_true", help="delete what is here and take the backup")

    def act(self, **options: Any) -> None:
        path: Path = options["file"]
        try:
            rows = restore_backup(path, replace=options["replace"], say=self.stderr.write)
        except OSError as error:
            raise CommandError(
                f"{path} cannot be restored: {error.strerror}. Nothing has changed."
            ) from error
        self.stdout.write(f"{path}: {sum(rows.values()):,} rows restored")
