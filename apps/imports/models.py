from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import models
from django.utils import timezone

from apps.core.ids import new_id
from apps.formats.trace import SOURCE_MAX_LENGTH
from apps.jobs.models import Job
from apps.traces.models import Trace, TraceQuerySet

FILE_NAME_MAX_LENGTH = 255
MAPPING_NAME_MAX_LENGTH = 100
# The file of an import that came to nothing, for another try.
FILE_KEPT = timedelta(days=7)


class ImportQuerySet(models.QuerySet["Import"]):
    def newest_first(self) -> "ImportQuerySet":
        return self.order_by("-pk")

    def with_keys(self, keys: list[UUID]) -> "ImportQuerySet":
        return self.filter(pk__in=keys)

    def with_name_like(self, text: str) -> "ImportQuerySet":
        return self.filter(file_name__icontains=text) if text else self

    def with_people(self) -> "ImportQuerySet":
        return self.select_related("created_by", "job__created_by")

    def name_of(self, ingest_id: UUID) -> str | None:
        """Of the file that this act brought, where it was an import."""
        return self.filter(ingest_id=ingest_id).values_list("file_name", flat=True).first()

    def in_state(self, *states: str) -> "ImportQuerySet":
        return self.filter(state__in=states)

    def running(self) -> "ImportQuerySet":
        """Also those that are being removed: in either case only a part of what they bring is there."""
        return self.filter(state=Import.State.RUNNING)

    def unfinished_since(self, moment: datetime) -> "ImportQuerySet":
        """Those that were running at some time since then."""
        return self.filter(models.Q(state=Import.State.RUNNING) | models.Q(finished_at__gte=moment))

    def wanting_files(self, moment: datetime) -> "ImportQuerySet":
        """Those that are to be read, and those that came to nothing since then."""
        recent = models.Q(state__in=Import.FRUITLESS, finished_at__gte=moment)
        return self.filter(recent | models.Q(state__in=(Import.State.UPLOADED, Import.State.RUNNING)))

    def abandoned(self) -> "ImportQuerySet":
        """Running, but their job has ended without a word to them: killed, or cancelled in the queue."""
        return self.running().exclude(job__state__in=Job.ACTIVE).exclude(job=None)


class Import(models.Model):
    """A file that came in, what was asked to be done with it, and what came of that.

    Every trace that it brought carries its `ingest_id`. While it runs, a `reason` says why it is undone.
    """

    class State(models.TextChoices):
        UPLOADED = "uploaded", "Not started"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"
        REMOVED = "removed", "Removed"

    # Those that came to nothing: their files are kept for a while, to be tried again.
    FRUITLESS = (State.FAILED, State.CANCELLED)

    class OnError(models.TextChoices):
        STOP = "stop", "Stop at the first bad row and store nothing"
        SKIP = "skip", "Skip bad rows, store the others"
        ALL_OR_NOTHING = "all-or-nothing", "Read all rows, store nothing if any is bad"

    class Duplicates(models.TextChoices):
        SKIP = "skip", "Skip and count them"
        KEEP = "keep", "Keep them"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    file_name = models.CharField(max_length=FILE_NAME_MAX_LENGTH)
    size = models.PositiveBigIntegerField(help_text="bytes, as it came")
    sha256 = models.CharField(max_length=64, help_text="of the file as it came")
    container = models.CharField(max_length=32)
    packing = models.CharField(max_length=32, blank=True)
    encoding = models.CharField(max_length=32, blank=True)
    unit = models.CharField(max_length=8, help_text="what a place in the file counts: line or row")
    format = models.CharField(max_length=64, blank=True, help_text="empty where it is not recognised")
    mapping = models.JSONField(null=True, help_text="which column is what, for formats that have columns")
    source = models.CharField(max_length=SOURCE_MAX_LENGTH, blank=True, help_text="for meta.source")
    on_error = models.CharField(max_length=16, choices=OnError, default=OnError.STOP)
    duplicates = models.CharField(max_length=8, choices=Duplicates, default=Duplicates.SKIP)
    state = models.CharField(max_length=16, choices=State, default=State.UPLOADED)
    reason = models.TextField(blank=True, help_text="why it did not end well, or was not started")
    read_count = models.PositiveBigIntegerField(default=0)
    stored_count = models.PositiveBigIntegerField(default=0)
    rejected_count = models.PositiveBigIntegerField(default=0)
    duplicate_count = models.PositiveBigIntegerField(default=0)
    ingest_id = models.UUIDField(unique=True, default=new_id, editable=False)
    job = models.ForeignKey(Job, models.SET_NULL, null=True, related_name="+")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, db_index=False, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = ImportQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["state", "finished_at"], name="imports_by_state")]

    def __str__(self) -> str:
        return self.file_name

    @property
    def path(self) -> Path:
        """Where the file is until it is done with."""
        return import_folder() / str(self.pk)

    @property
    def report_path(self) -> Path:
        return import_folder() / f"{self.pk}.rejected.jsonl"

    @property
    def rehearsal_path(self) -> Path:
        """The rows that its last dry run rejected."""
        return import_folder() / f"{self.pk}.rehearsed.jsonl"

    @property
    def is_packed(self) -> bool:
        """Whether its rows are many times as long as its file."""
        return bool(self.packing or not self.encoding)

    @property
    def traces(self) -> TraceQuerySet:
        return Trace.objects.of_act(self.ingest_id)

    @property
    def is_running(self) -> bool:
        return self.state == self.State.RUNNING

    @property
    def is_waiting(self) -> bool:
        """For somebody to say what is to be done with it."""
        return self.state == self.State.UPLOADED

    @property
    def is_fruitless(self) -> bool:
        return self.state in self.FRUITLESS

    @property
    def can_be_tried_again(self) -> bool:
        return self.is_fruitless and self.path.exists()

    @property
    def kept_until(self) -> datetime | None:
        return self.finished_at and self.finished_at + FILE_KEPT

    @property
    def is_removable(self) -> bool:
        return self.stored_count > 0 and not self.is_running

    @property
    def description(self) -> str:
        return ", ".join(filter(None, (self.container, self.packing, self.encoding)))

    @property
    def state_in_words(self) -> str:
        if self.is_running and self.job is not None and self.job.is_active:
            return "Removing" if self.reason else self.job.state_in_words
        return self.State(self.state).label


def import_folder() -> Path:
    return Path(settings.DATA_DIR) / "imports"


class SavedMapping(models.Model):
    """A mapping under a name, to be used for the next file."""

    name = models.CharField(max_length=MAPPING_NAME_MAX_LENGTH, unique=True)
    mapping = models.JSONField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
