from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from apps.audit.caller import Caller
from apps.audit.models import ADDRESS_MAX_LENGTH, NAME_MAX_LENGTH, TOKEN_MAX_LENGTH
from apps.core.ids import lowest_id, new_id

ACT_MAX_LENGTH = 200
TITLE_MAX_LENGTH = 200
LOG_MAX_LENGTH = 16_384
# Asked for before it was noted by whom.
_UNKNOWN = "worker"

# A worker that was not heard of for so long is dead. Every sign of life is a write: on SQLite none can be
# made while another transaction writes, so that this is also the longest transaction a handler should hold.
DEAD_AFTER = timedelta(seconds=15)
# What waits longer than this is looked for in the queue.
LOST_AFTER = timedelta(seconds=10)

# How long the record of an ended job is kept; where there are more than MOST_KEPT, a day.
KEPT = timedelta(days=90)
MOST_KEPT = 10_000
LEAST_KEPT = timedelta(days=1)


class JobQuerySet(models.QuerySet["Job"]):
    def newest_first(self) -> "JobQuerySet":
        return self.order_by("-pk")

    def in_state(self, state: str) -> "JobQuerySet":
        return self.filter(state=state)

    def active(self) -> "JobQuerySet":
        """Queued or running: those of which something is still to be expected."""
        return self.filter(state__in=Job.ACTIVE)

    def listed(self) -> "JobQuerySet":
        """Without what only a single job's page shows, which may be long."""
        return self.select_related("created_by").defer("log", "arguments", "checkpoint", "result")

    def with_keys(self, keys: list[UUID]) -> "JobQuerySet":
        return self.filter(pk__in=keys)

    def held(self, job: "Job") -> "JobQuerySet":
        """This job, as long as nobody claimed it after `job` was read: the condition of every write of a
        worker, for a worker that was thought dead may come back.
        """
        return self.filter(pk=job.pk, state=Job.State.RUNNING, attempts=job.attempts)

    def dead(self) -> "JobQuerySet":
        """Running, as far as their workers could still say so."""
        return self.filter(state=Job.State.RUNNING, heartbeat_at__lt=timezone.now() - DEAD_AFTER)

    def waiting_long(self) -> "JobQuerySet":
        return self.filter(state=Job.State.QUEUED, enqueued_at__lt=timezone.now() - LOST_AFTER)

    def ended_before(self, moment: datetime) -> "JobQuerySet":
        """By the time in the key, too: so those that came later are not looked at."""
        return self.filter(pk__lt=lowest_id(moment), finished_at__lt=moment)

    def outlived(self) -> "JobQuerySet":
        """Those whose record is no longer kept."""
        now = timezone.now()
        newest = self.order_by("-pk").values_list("pk", flat=True)
        last = newest[MOST_KEPT - 1 : MOST_KEPT].first()
        old = self.ended_before(now - KEPT)
        return old if last is None else old | self.ended_before(now - LEAST_KEPT).filter(pk__lt=last)

    def claim(self, id: UUID) -> bool:
        """Make a queued job this worker's; false where another one was quicker. For `apps.jobs.work`."""
        now = timezone.now()
        claimed = self.filter(pk=id, state=Job.State.QUEUED).update(
            state=Job.State.RUNNING,
            attempts=F("attempts") + 1,
            started_at=Coalesce("started_at", now),
            resumed_at=now,
            resumed_done=F("done"),
            heartbeat_at=now,
            reason="",
        )
        return bool(claimed)

    def end(self, state: str, **values: object) -> bool:
        """Whether there was something to end."""
        return bool(self.update(state=state, finished_at=timezone.now(), **values))


class Job(models.Model):
    """The record of a long act: who asked for it, how far it is, what came of it.

    Written with conditions (see `JobQuerySet.held`), never by `save`: several processes write it at once.
    """

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    ACTIVE = (State.QUEUED, State.RUNNING)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    title = models.CharField(max_length=TITLE_MAX_LENGTH, help_text="what is done, for people")
    act = models.CharField(max_length=ACT_MAX_LENGTH, help_text="dotted path of the handler")
    arguments = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=16, choices=State.choices, default=State.QUEUED)
    done = models.PositiveBigIntegerField(default=0, help_text="rows")
    total = models.PositiveBigIntegerField(null=True, help_text="rows, where it is known")
    checkpoint = models.JSONField(null=True, help_text="where an interrupted handler goes on")
    attempts = models.PositiveIntegerField(default=0, help_text="how often it was begun; the last holds it")
    retries = models.PositiveIntegerField(
        default=0, help_text="how often the sweep enqueued it since it last advanced"
    )
    task_id = models.CharField(max_length=64, blank=True, help_text="the task in the queue")
    log = models.TextField(blank=True, help_text="its end")
    result = models.JSONField(null=True)
    reason = models.TextField(blank=True, help_text="why it failed")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, db_index=False, related_name="+"
    )
    # Who that was, also without an account, for the record of what the job does.
    asked_by = models.CharField(max_length=NAME_MAX_LENGTH, blank=True)
    token_name = models.CharField(max_length=TOKEN_MAX_LENGTH, blank=True)
    address = models.CharField(max_length=ADDRESS_MAX_LENGTH, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    enqueued_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    resumed_at = models.DateTimeField(null=True, help_text="start of the last attempt")
    resumed_done = models.PositiveBigIntegerField(default=0, help_text="rows done before the last attempt")
    heartbeat_at = models.DateTimeField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["state", "id"], name="jobs_by_state"),
            # Few are active: to look for them, which is done every few seconds, costs nothing.
            models.Index(fields=["state"], condition=Q(state__in=["queued", "running"]), name="active_jobs"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def caller(self) -> Caller:
        """Whoever asked for it: what a worker does for them is their act."""
        return Caller(self.created_by_id, self.asked_by or _UNKNOWN, self.token_name, self.address)

    @property
    def is_active(self) -> bool:
        return self.state in self.ACTIVE

    @property
    def is_running(self) -> bool:
        return self.state == self.State.RUNNING

    @property
    def state_in_words(self) -> str:
        is_ending = self.is_active and self.cancel_requested_at
        return "Cancelling" if is_ending else self.State(self.state).label

    @property
    def seconds(self) -> float | None:
        """From the first start to the end, or to now."""
        return self._since(self.started_at)

    @property
    def rate(self) -> float | None:
        """Rows a second of the last attempt."""
        seconds, rows = self._since(self.resumed_at), self.done - self.resumed_done
        return rows / seconds if seconds and rows else None

    @property
    def seconds_left(self) -> float | None:
        if self.rate is None or self.total is None or not self.is_running:
            return None
        return max(self.total - self.done, 0) / self.rate

    def _since(self, start: datetime | None) -> float | None:
        return None if start is None else ((self.finished_at or timezone.now()) - start).total_seconds()


class WorkerQuerySet(models.QuerySet["Worker"]):
    def alive(self) -> "WorkerQuerySet":
        return self.filter(seen_at__gte=timezone.now() - DEAD_AFTER)

    def dead(self) -> "WorkerQuerySet":
        return self.filter(seen_at__lt=timezone.now() - DEAD_AFTER)


class Worker(models.Model):
    """A process that performs jobs, as long as it says that it lives."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=128, help_text="machine and process")
    seen_at = models.DateTimeField()

    objects = WorkerQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name
