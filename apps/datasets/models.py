import re
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q

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

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def dataset_key(name: str, version: str) -> str:
    """`{name}-{version}`, fit for URLs and file names. Raises ValidationError for what cannot be."""
    key = re.sub("[ /]", "_", f"{name}-{version}")
    if not _KEY.fullmatch(key):
        path = "dataset_version" if _KEY.fullmatch(key[: len(name)]) else "dataset_name"
        raise field_error(path, "Use letters, digits, dots, dashes and underscores, a letter or digit first.")
    return key


class DatasetQuerySet(models.QuerySet["Dataset"]):
    def current(self) -> "DatasetQuerySet":
        return self.filter(superseded_at=None)

    def newest_first(self) -> "DatasetQuerySet":
        return self.order_by("-pk")

    def holding(self, traces: Iterable[UUID]) -> "DatasetQuerySet":
        """Those of which any of these traces is a member."""
        return self.filter(
            pk__in=DatasetEntry.objects.filter(trace__in=[*traces]).values("dataset")
        ).order_by("key")

    def named(self, key: str, build_id: UUID | None = None) -> "Dataset":
        """The current build of `key`, or the one asked for. Raises ValidationError when there is none."""
        builds = self.filter(key=key)
        found = None
        if _KEY.fullmatch(key):  # what no key can be is not for the database to refuse
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


class DatasetEntryQuerySet(models.QuerySet["DatasetEntry"]):
    def in_order(self) -> "DatasetEntryQuerySet":
        return self.order_by("position")

    def between(self, start: int, stop: int) -> "DatasetEntryQuerySet":
        """Positions `start` to `stop` - 1, in order: two bounds keep a page at constant cost."""
        return self.filter(position__gte=start, position__lt=stop).in_order()


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
