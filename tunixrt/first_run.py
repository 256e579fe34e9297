"""What a new place gets, so that there is something to look at: sample data and an admin."""

import secrets
from pathlib import Path

from django.core.management import call_command
from django.core.management.base import OutputWrapper
from django.db import transaction

from apps.accounts.models import User
from apps.core.json import parse_json
from apps.datasets.build import Recipe, build_dataset
from apps.datasets.models import Dataset
from apps.traces.ingest import ingest_traces, parse_batch
from apps.traces.models import Trace
from apps.tunix.manifest import Training, generate_manifest
from apps.ungar.generate import generate_episodes
from apps.ungar.high_card_duel import SOURCE

ADMIN = "admin"

_EXAMPLES = Path(__file__).parent / "sample_data" / "worked_examples.jsonl"


def prepare_first_run(output: OutputWrapper) -> None:
    call_command("migrate", verbosity=0)
    if not Trace.objects.exists() and not Dataset.objects.exists():
        load_sample_data()
        output.write("Sample data loaded: 140 traces, two datasets, one manifest.")
    if not User.objects.filter(is_superuser=True).exists():
        password = secrets.token_urlsafe(12)
        User.objects.create_superuser(ADMIN, password=password)
        output.write(f"Admin user: {ADMIN}, password: {password} (shown only now)")


@transaction.atomic
def load_sample_data() -> None:
    lines = _EXAMPLES.read_text(encoding="utf-8").splitlines()
    ingest_traces(parse_batch([parse_json(line) for line in lines]), created_by=None)
    worked, _ = build_dataset(_recipe("worked_examples", {}), created_by=None)
    generate_episodes(100, 42, persist=True, created_by=None)
    build_dataset(_recipe("ungar_hcd", {"source": SOURCE}), created_by=None)
    training = Training(model_id="google/gemma-2b-it", output_dir="./output/tunix_run")
    generate_manifest(worked.key, training, created_by=None)


def _recipe(name: str, filters: dict[str, str]) -> Recipe:
    return Recipe(
        name=name,
        version="v1",
        filters=filters,
        trace_ids=None,
        limit=None,
        selection_strategy=Dataset.Strategy.LATEST,
        seed=None,
    )
