from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.core.commands import ActCommand
from tunixrt.backup import write_backup


class Command(ActCommand):
    help = (
        "Write all that the place holds into one file: the database as of one moment, and its files. The"
        " server may run. Left out: sessions, counters of failed sign-ins, the cache and the queue."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="ending in .tar.zst or .tar.gz")

    def act(self, **options: Any) -> None:
        path: Path = options["file"]
        try:
            rows = write_backup(path, self.stderr.write)
        except OSError as error:
            raise CommandError(
                f"{path} cannot be written: {error.strerror}. Nothing is left of it."
            ) from error
        self.stdout.write(f"{path}: {sum(rows.values()):,} rows, {path.stat().st_size:,} bytes")
