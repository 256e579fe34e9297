from pathlib import Path
from shutil import copyfileobj
from typing import Any

from django.core.management.base import CommandParser

from apps.core.commands import ActCommand
from apps.core.files import atomic_write
from apps.datasets.export import export_dataset
from apps.datasets.models import Dataset
from apps.formats.records import FORMATS


class Command(ActCommand):
    help = "Write a dataset as JSON Lines."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("key")
        parser.add_argument("--format", choices=FORMATS, default="trace")
        parser.add_argument(
            "--output", default="-", metavar="FILE", help="the file, or - for standard output"
        )

    def act(self, **options: Any) -> None:
        output = options["output"]
        export = export_dataset(Dataset.objects.named(options["key"]), options["format"])
        export.record()
        with export.file as file:
            file.seek(0)
            if output == "-":
                for line in file:
                    self.stdout.write(line.decode(), ending="")
                return
            with atomic_write(Path(output)) as target:
                copyfileobj(file, target)
        self.stderr.write(f"{output}: {export.record_count} records, {export.escaped} control tokens escaped")
