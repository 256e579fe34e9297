import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Count, Exists, F, Max, OuterRef, Q, Window
from django.db.models.functions import RowNumber

from apps.core.errors import field_error, not_found
from apps.core.ids import new_id
from apps.traces.models import Trace, TraceQuerySet

NAME_MAX_LENGTH = 128
VERSION_MAX_LENGTH = 64
KEY_MAX_LENGTH = NAME_MAX_LENGTH + 1 + VERSION_MAX_LENGTH
SESSION_MAX_LENGTH = 128
PARENT_MAX_LENGTH = 256
RUN_MAX_LENGTH = 128
SCHEMA_VERSION = "1.0"

# So many keys complete what is typed.
MAX_COMPLETED = 100

# What no key and no name can be is not for the database to refuse: PostgreSQL takes not every character.
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PART_OF_NAME = re.compile(r"[A-Za-z0-9._ /-]*")
_NUMBER = re.compile(r"[0-9]{1,9}")


def dataset_key(name: str, version: str) -> str:
    """`{name}-{version}`, fit for URLs and file names. Raises ValidationError for what cannot be."""
    key = _safe(f"{name}-{version}")
    if not _KEY.fullmatch(key):
        path = "dataset_version" if _KEY.fullmatch(key[: len(name)]) else "dataset_name"
        raise field_error(path, "Use letters, digits, dots, dashes and underscores, a letter or digit first.")
    return key


def _safe(text: str) -> str:
    return re.sub("[ /]", "_", text)


class Holder(NamedTuple):
    """A build, and how many of the traces asked for it holds."""

    pk: int
    key: str
    build_id: UUID
    superseded_at: datetime | None
    held: int

    def __str__(self) -> str:
        return f"{self.key} (superseded)" if self.superseded_at else self.key


class DatasetQuerySet(models.QuerySet["Dataset"]):
    def current(self) -> "DatasetQuerySet":
        return self.filter(superseded_at=None)

    def newest_first(self) -> "DatasetQuerySet":
        return self.order_by("-pk")

    def holding(self, traces: TraceQuerySet) -> list[Holder]:
        """Every build that holds some of `traces`, by name, the newest of a name first."""
        found = self.filter(entries__trace__in=traces.order_by().values("pk")).order_by("key", "-pk")
        rows = found.values_list("pk", "key", "build_id", "superseded_at").annotate(held=Count("*"))
        return [Holder(*row) for row in rows]

    def largest(self) -> "Dataset | None":
        return self.order_by("-trace_count", "pk").first()

    def older_than(self, pk: int | None) -> "DatasetQuerySet":
        return self if pk is None else self.filter(pk__lt=pk)

    def with_name_like(self, text: str) -> "DatasetQuerySet":
        if not text:
            return self
        return self.filter(name__icontains=text) if _PART_OF_NAME.fullmatch(text) else self.none()

    def heads(self) -> "DatasetQuerySet":
        """The newest of each name."""
        newest = self.order_by().values("name").annotate(newest=Max("pk")).values("newest")
        return self.model.objects.filter(pk__in=newest)

    def newest_of(self, names: Iterable[str], count: int) -> "DatasetQuerySet":
        """Up to `count` of each of these names, newest first, without what only their own page shows."""
        rank = Window(RowNumber(), partition_by="name", order_by=F("pk").desc())
        ranked = self.filter(name__in=[*names]).alias(rank=rank).filter(rank__lte=count)
        return ranked.defer("histograms").select_related("created_by").newest_first()

    def of_name(self, name: str) -> "DatasetQuerySet":
        return self.filter(name=name) if _PART_OF_NAME.fullmatch(name) else self.none()

    def of_key(self, key: str) -> "DatasetQuerySet":
        return self.filter(key=key)

    def children_of(self, key: str) -> "DatasetQuerySet":
        return self.filter(parent_dataset_id=key)

    def except_for(self, dataset: "Dataset") -> "DatasetQuerySet":
        return self.exclude(pk=dataset.pk)

    def newest_keys(self) -> models.QuerySet["Dataset", str]:
        """To complete what is typed."""
        return self.current().newest_first().values_list("key", flat=True)[:MAX_COMPLETED]

    def next_version(self, name: str) -> str:
        """v1, or one above the highest of this name that counts in that way."""
        if not _PART_OF_NAME.fullmatch(name):
            return "v1"
        prefix = f"{_safe(name)}-v"
        taken = self.current().filter(key__startswith=prefix).values_list("key", flat=True)
        numbers = [key.removeprefix(prefix) for key in taken]
        return f"v{max((int(text) for text in numbers if _NUMBER.fullmatch(text)), default=0) + 1}"

    def named(self, key: str, build_id: UUID | None = None) -> "Dataset":
        """The current build of `key`, or the one asked for. Raises ValidationError when there is none."""
        builds = self.filter(key=key)
        found = None
        if _KEY.fullmatch(key):
            found = (builds.filter(build_id=build_id) if build_id else builds.current()).first()
        if found is None:
            raise not_found("Dataset", f"{key} (build {build_id})" if build_id else key)
        return found


class Dataset(models.Model):
    """One build: a frozen, ordered set of traces under a key that a later build may take over."""

    class Strategy(models.TextChoices):
        LATEST = "latest"
        RANDOM = "random"

    build_id = models.UUIDField(unique=True, default=new_id, editable=False)
    key = models.CharField(max_length=KEY_MAX_LENGTH)
    name = models.CharField(max_length=NAME_MAX_LENGTH)
    version = models.CharField(max_length=VERSION_MAX_LENGTH)
    # The recipe
    filters = models.TextField(help_text="JSON text: an object")
    where = models.TextField(default="{}", help_text="JSON text: the rest of what its traces had to match")
    is_of_given_traces = models.BooleanField(help_text="built from trace ids, not by filters")
    limit = models.PositiveIntegerField(null=True)
    selection_strategy = models.CharField(max_length=16, choices=Strategy.choices)
    seed = models.BigIntegerField(null=True)
    # Where it belongs, as its builder said
    session_id = models.CharField(max_length=SESSION_MAX_LENGTH, null=True)
    parent_dataset_id = models.CharField(max_length=PARENT_MAX_LENGTH, null=True)
    training_run_id = models.CharField(max_length=RUN_MAX_LENGTH, null=True)
    # What came of it
    trace_count = models.PositiveIntegerField()
    control_tokens = models.PositiveBigIntegerField(help_text="in the texts of all its traces")
    stats = models.JSONField()
    histograms = models.JSONField(default=dict, help_text="what the pictures of its page show")
    content_digest = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    superseded_at = models.DateTimeField(null=True)

    objects = DatasetQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["key"], name="datasets_of_key")]
        constraints = [
            models.UniqueConstraint(
                fields=["key"], condition=Q(superseded_at=None), name="one_current_build_per_key"
            )
        ]

    def __str__(self) -> str:
        return self.key

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("A dataset is frozen. Build a new version of it.")
        super().save(*args, **kwargs)

    def complete(self) -> None:
        """Write what came of the build, in the transaction that builds."""
        super().save(update_fields=["trace_count", "control_tokens", "content_digest", "stats", "histograms"])

    def members(self, start: int, stop: int) -> TraceQuerySet:
        """The traces at positions `start` to `stop` - 1, in order."""
        return Trace.objects.filter(
            entries__dataset=self, entries__position__gte=start, entries__position__lt=stop
        ).order_by("entries__position")

    def trace_ids(self) -> Iterable[UUID]:
        """The members in order, read as they are asked for."""
        return self.entries.in_order().values_list("trace_id", flat=True).iterator(10_000)

    def newest_outside(self, reach: int) -> list[UUID]:
        """Of the newest `reach` traces, those that are no members."""
        start = next(iter(Trace.objects.newest_ids(reach + 1)[reach - 1 :]), UUID(int=0))
        members = self.entries.filter(trace__gte=start, trace=OuterRef("pk"))
        return [*Trace.objects.filter(~Exists(members), pk__gte=start).values_list("pk", flat=True)]

    def member_excerpts(self, start: int, stop: int) -> list[Trace]:
        """For a table: the traces at positions `start` to `stop` - 1, in order."""
        ids = self.entries.between(start, stop).values_list("trace_id", flat=True)
        return Trace.objects.excerpts([*ids])


class DatasetEntryQuerySet(models.QuerySet["DatasetEntry"]):
    def in_order(self) -> "DatasetEntryQuerySet":
        return self.order_by("position")

    def between(self, start: int, stop: int) -> "DatasetEntryQuerySet":
        """Positions `start` to `stop` - 1, in order: two bounds keep a page at constant cost."""
        return self.filter(position__gte=start, position__lt=stop).in_order()

    def after(self, position: int | None) -> "DatasetEntryQuerySet":
        return self if position is None else self.filter(position__gt=position)

    def absent_from(self, dataset: "Dataset") -> "DatasetEntryQuerySet":
        there = self.model.objects.filter(dataset=dataset, trace=OuterRef("trace"))
        return self.filter(~Exists(there))


class DatasetEntry(models.Model):
    """Which trace stands at which position, from 0.

    The database does not check the two references row by row, which costs PostgreSQL more than all the
    rest of a build. They hold because entries are written only with their dataset, from traces that are
    read in the same statement, and because deleting a trace keeps builds out (apps.traces.delete).
    """

    pk = models.CompositePrimaryKey("dataset_id", "position")
    dataset = models.ForeignKey(
        Dataset, models.CASCADE, related_name="entries", db_index=False, db_constraint=False
    )
    position = models.PositiveIntegerField()
    trace = models.ForeignKey(
        Trace, models.PROTECT, related_name="entries", db_index=False, db_constraint=False
    )

    objects = DatasetEntryQuerySet.as_manager()

    class Meta:
        constraints = [
            # The trace first: so it also finds the datasets that hold a trace.
            models.UniqueConstraint(fields=["trace", "dataset"], name="a_trace_once_per_dataset")
        ]

    def __str__(self) -> str:
        return str(self.dataset)


class Tombstone(models.Model):
    """What is left of a deleted dataset."""

    key = models.CharField(max_length=KEY_MAX_LENGTH)
    build_id = models.UUIDField()
    content_digest = models.CharField(max_length=64)
    deleted_at = models.DateTimeField()
    deleted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    def __str__(self) -> str:
        return self.key
