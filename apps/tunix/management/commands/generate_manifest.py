from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from apps.core.commands import ActCommand
from apps.core.files import atomic_write
from apps.core.requests import validate
from apps.tunix.manifest import generate_manifest
from apps.tunix.serializers import ManifestRequest


class Command(ActCommand):
    help = "Generate a training manifest, keep it as a record and write its YAML."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("dataset_key")
        parser.add_argument("--model-id", required=True)
        parser.add_argument("--output-dir", required=True)
        for name, kind in (
            ("learning_rate", float),
            ("num_epochs", int),
            ("batch_size", int),
            ("max_seq_length", int),
        ):
            default = ManifestRequest.model_fields[name].default
            parser.add_argument(
                f"--{name.replace('_', '-')}", type=kind, default=default, help=f"default {default}"
            )
        parser.add_argument(
            "--output", default="-", metavar="FILE", help="the file, or - for standard output"
        )

    def act(self, **options: Any) -> None:
        wanted = validate(ManifestRequest, {name: options[name] for name in ManifestRequest.model_fields})
        manifest = generate_manifest(wanted.dataset_key, wanted.training, created_by=None)
        if options["output"] == "-":
            self.stdout.write(manifest.yaml, ending="")
            return
        with atomic_write(Path(options["output"])) as file:
            file.write(manifest.yaml.encode())
        self.stderr.write(f"{options['output']}: manifest {manifest.pk} of {manifest.dataset_key}")
