import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any
from uuid import UUID

import orjson
from django.core.exceptions import EmptyResultSet, ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.record import Verb, record_act
from apps.core.errors import conflict, field_error, join_names, not_found, taken
from apps.core.json import compact_json
from apps.core.sql import expect_quick_reads
from apps.datasets.histograms import COUNTED_COLUMNS, describe_counts
from apps.datasets.models import Dataset, DatasetEntry, dataset_key
from apps.datasets.rank import SeededRank
from apps.datasets.selection import Where, dataset_where, select_traces, settle_selection
from apps.formats.trace import is_source
from apps.imports.models import Import
from apps.traces.models import Trace, TraceQuerySet

_PAGE = 10_000


@dataclass(frozen=True)
class Recipe:
    """What decides the members and their order, and where the dataset belongs.

    Either `trace_ids`, which are taken as they stand, or the rest: those that match `filters` and `where`;
    `limit` None takes all of them.
    """

    name: str
    version: str
    filters: dict[str, Any]
    trace_ids: list[UUID] | None
    limit: int | None
    selection_strategy: str
    seed: int | None
    session_id: str | None = None
    parent_dataset_id: str | None = None
    training_run_id: str | None = None
    where: Where = field(default_factory=Where)

    def is_that_of(self, dataset: Dataset) -> bool:
        """Up to the members, which `trace_ids` name one by one."""
        return (
            (self.name, self.version, self.limit) == (dataset.name, dataset.version, dataset.limit)
            and (self.selection_strategy, self.seed) == (dataset.selection_strategy, dataset.seed)
            and (self.trace_ids is not None) == dataset.is_of_given_traces
            and self.filters == orjson.loads(dataset.filters)
            and self.where == dataset_where(dataset)
        )


def build_dataset(recipe: Recipe, *, created_by: User | None, replace: bool = False) -> tuple[Dataset, bool]:
    """The dataset of this recipe, and whether it was built now.

    An existing key answers with its build when recipe and members are the same. Else it is a conflict,
    or with `replace` the new build takes the key. Raises ValidationError.
    """
    key = dataset_key(recipe.name, recipe.version)
    settle_selection(recipe.where)
    try:
        return _build_once(key, recipe, created_by, replace)
    except IntegrityError:
        # Another build took the key in the meantime: now it is an existing one.
        if not Dataset.objects.current().filter(key=key).exists():
            raise
        return _build_once(key, recipe, created_by, replace)


@transaction.atomic
def _build_once(key: str, recipe: Recipe, created_by: User | None, replace: bool) -> tuple[Dataset, bool]:
    current = Dataset.objects.current().select_for_update().filter(key=key).first()
    if current is not None:
        if recipe.is_that_of(current) and _are_equal(_selected_ids(recipe), current.trace_ids()):
            return current, False
        if not replace:
            message = f"The dataset {key} exists with other content. Choose another version, or replace it."
            raise taken(message)
        if recipe.where.named_dataset == key:
            raise field_error("where.in_dataset", "This names what is replaced. Choose another version.")
        Dataset.objects.filter(pk=current.pk).update(superseded_at=timezone.now())
    return _create(key, recipe, created_by), True


def _create(key: str, recipe: Recipe, created_by: User | None) -> Dataset:
    dataset = Dataset(
        key=key,
        name=recipe.name,
        version=recipe.version,
        filters=compact_json(recipe.filters),
        where=recipe.where.model_dump_json(exclude_defaults=True),
        is_of_given_traces=recipe.trace_ids is not None,
        limit=recipe.limit,
        selection_strategy=recipe.selection_strategy,
        seed=recipe.seed,
        session_id=recipe.session_id,
        parent_dataset_id=recipe.parent_dataset_id,
        training_run_id=recipe.training_run_id,
        created_at=timezone.now(),
        created_by=created_by,
        trace_count=0,
        control_tokens=0,
        stats={},
        content_digest="",
    )
    dataset.save()
    dataset.trace_count = _add_entries(dataset, recipe)
    if not dataset.trace_count:
        raise ValidationError("No trace matches these filters. Nothing was built.")
    if dataset.trace_count < _PAGE:  # which nothing tells PostgreSQL
        expect_quick_reads()
    _check_imports(dataset)
    _summarise(dataset)
    details = {"build_id": str(dataset.build_id)}
    record_act(Verb.BUILT_DATASET, key, rows=dataset.trace_count, details=details)
    return dataset


def select_matching(recipe: Recipe) -> TraceQuerySet:
    """The traces that match `filters` and `where`, in no order."""
    where, filters = recipe.where, recipe.filters
    source = filters.get("source")
    if where.source is None and is_source(source):
        # The same traces, by an index that has them in order.
        where = where.model_copy(update={"source": source})
        filters = {key: value for key, value in filters.items() if key != "source"}
    return select_traces(where).with_meta(filters)


def selection(recipe: Recipe) -> TraceQuerySet:
    """The traces that filters, strategy and limit select, in order."""
    found = select_matching(recipe)
    if recipe.selection_strategy == Dataset.Strategy.RANDOM:
        return found.annotate(rank=SeededRank(recipe.seed)).order_by("rank", "id")[: recipe.limit]
    return found.newest_first()[: recipe.limit]


def _selected_ids(recipe: Recipe) -> Iterable[UUID]:
    if recipe.trace_ids is not None:
        return recipe.trace_ids
    return selection(recipe).values_list("id", flat=True).iterator(_PAGE)


def _are_equal(a: Iterable[UUID], b: Iterable[UUID]) -> bool:
    return all(x == y for x, y in zip_longest(a, b))


def _add_entries(dataset: Dataset, recipe: Recipe) -> int:
    """How many."""
    if recipe.trace_ids is not None:
        entries = [
            DatasetEntry(dataset=dataset, trace_id=id, position=n) for n, id in enumerate(recipe.trace_ids)
        ]
        DatasetEntry.objects.bulk_create(entries)
        # Only now: whoever deletes traces has finished or waits for these entries (apps.traces.delete).
        if missing := Trace.objects.missing(recipe.trace_ids):
            raise not_found("Trace", join_names(map(str, missing), len(missing)))
        return len(entries)
    newest = "+picked.id DESC" if connection.vendor == "sqlite" else "picked.id DESC"
    is_random = recipe.selection_strategy == Dataset.Strategy.RANDOM
    columns, order = (["id", "rank"], "picked.rank, picked.id") if is_random else (["id"], newest)
    try:
        select, params = _found_quickest(recipe).values(*columns).query.sql_with_params()
    except EmptyResultSet:  # a bound that no column reaches: Django asks the database nothing
        return 0
    with connection.cursor() as cursor:
        # The database numbers and copies the ids: none of them passes through Python.
        cursor.execute(
            f"INSERT INTO {DatasetEntry._meta.db_table} (dataset_id, trace_id, position)"
            f" SELECT %s, picked.id, row_number() OVER (ORDER BY {order}) - 1 FROM ({select}) AS picked",
            [dataset.pk, *params],
        )
        return int(cursor.rowcount)


def _found_quickest(recipe: Recipe) -> TraceQuerySet:
    """The selection, for what numbers it in order all the same.

    To take all in order, SQLite would walk from the newest key to the oldest and fetch each row for itself,
    while files are read ahead only towards their end. To take them as they come and sort the keys is quicker;
    the plus before what is sorted by keeps it from that walk.
    """
    found = selection(recipe)
    if recipe.limit is not None or connection.vendor != "sqlite":
        return found
    # In the index of prompts are no keys: by it, each row of a part would be fetched for itself, too.
    return found.order_by("id") if recipe.where.split else found.order_by()


def _check_imports(dataset: Dataset) -> None:
    """No dataset takes a part of what an import brings. Raises ValidationError (conflict).

    Asked when the members are chosen, of all imports that ran at some time since the build began.
    """
    unfinished = {found.ingest_id: found for found in Import.objects.unfinished_since(dataset.created_at)}
    if not unfinished:
        return
    taken = dataset.entries.filter(trace__ingest_id__in=unfinished).order_by()
    for ingest_id in taken.values_list("trace__ingest_id", flat=True)[:1]:
        name = unfinished[ingest_id]
        raise conflict(f"The import of {name} is running. Build when it has ended, or select other traces.")


def _summarise(dataset: Dataset) -> None:
    """Fill in what only the members tell."""
    digest = hashlib.sha256()
    counts: dict[str, Counter[Any]] = {name: Counter() for name in COUNTED_COLUMNS}
    for page in _pages(dataset, "content_digest", "control_tokens", *COUNTED_COLUMNS):
        # Column by column, for a row at a time costs more than all the rest.
        digests, tokens, *values = zip(*page, strict=True)
        digest.update("".join(digests).encode())
        dataset.control_tokens += sum(tokens)
        for name, found in zip(COUNTED_COLUMNS, values, strict=True):
            counts[name].update(found)
    steps = counts["step_count"]
    dataset.content_digest = digest.hexdigest()
    dataset.stats = {
        "trace_count": dataset.trace_count,
        "avg_step_count": _average(steps),
        "min_step_count": min(steps),
        "max_step_count": max(steps),
        "avg_total_chars": _average(counts["char_count"]),
    }
    dataset.histograms = describe_counts(counts)
    dataset.complete()


def _pages(dataset: Dataset, *columns: str) -> Iterator[list[tuple[Any, ...]]]:
    """These columns of the traces in order, as many at a time as may be held."""
    names = [f"trace__{column}" for column in columns]
    for start in range(0, dataset.trace_count, _PAGE):
        # Asked for from the last: the newest stand first, and files are read ahead only towards their end.
        yield [*dataset.entries.between(start, start + _PAGE).reverse().values_list(*names)][::-1]


def _average(counts: Counter[int]) -> float:
    return round(sum(value * count for value, count in counts.items()) / counts.total(), 2)
