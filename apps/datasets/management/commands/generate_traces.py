import time
from functools import partial
from itertools import islice
from typing import Any

from django.core.management.base import CommandParser

from apps.audit.record import Verb, record_act
from apps.core.commands import ActCommand, positive, watched
from apps.core.ids import new_id
from apps.datasets.generate import generate_datasets
from apps.traces.generate import generate_payloads
from apps.traces.ingest import ingest_traces

MAX_COUNT = 100_000_000

# Traces a transaction: an index is cheaper to write by many rows at once.
CHUNK = 20_000


class Command(ActCommand):
    help = (
        "Make up COUNT traces, and datasets of what is stored, to try the place at that size. The texts mean"
        " nothing; lengths, steps, sources and meta vary as real ones do. All of it stays beside what is"
        " there: use a data folder or a database of its own, such as"
        " TUNIXRT_DATA_DIR=/tmp/large manage.py generate_traces 1000000 --datasets 1000 after a migrate."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("count", type=partial(positive, limit=MAX_COUNT), metavar="COUNT")
        parser.add_argument(
            "--datasets",
            type=positive,
            default=0,
            metavar="N",
            help="also so many, from few traces to all, under keys that begin with generated_",
        )
        parser.add_argument("--seed", type=int, default=0, help="the same seed makes up the same texts")

    def act(self, **options: Any) -> None:
        self._store_traces(options["count"], options["seed"])
        if options["datasets"]:
            self._build_datasets(options["datasets"], options["seed"])

    def _store_traces(self, count: int, seed: int) -> None:
        started, act = time.monotonic(), new_id()
        payloads = watched(generate_payloads(count, seed), "traces", self.stderr, count)
        while chunk := [*islice(payloads, CHUNK)]:
            ingest_traces(chunk, created_by=None, ingest_id=act)
        record_act(Verb.MADE_TRACE, act, rows=count)
        self.stdout.write(f"Stored {count} traces in {time.monotonic() - started:.1f} s. Ingest id: {act}")

    def _build_datasets(self, count: int, seed: int) -> None:
        started = time.monotonic()
        built = sum(1 for _ in watched(generate_datasets(count, seed), "datasets", self.stderr, count))
        self.stdout.write(f"Built {built} datasets in {time.monotonic() - started:.1f} s.")
