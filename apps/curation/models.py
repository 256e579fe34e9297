"""What people say of traces. It stands beside them: a trace itself never changes."""

from collections.abc import Iterable
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Count, F, Min, Q, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from apps.core.digests import fold_text
from apps.core.ids import new_id
from apps.jobs.models import Job
from apps.traces.models import Trace

TAG_MAX_LENGTH = 64
NOTE_MAX_LENGTH = 10_000

# In a filter it says that traces must not have the tag, so that no tag begins with it.
NOT = "-"
# Between tags where several are typed.
SEPARATOR = ","

# Before the name of a search: the tag of what is a duplicate of something that is kept.
DUPLICATE_PREFIX = "duplicate:"
SEARCH_NAME_MAX_LENGTH = TAG_MAX_LENGTH - len(DUPLICATE_PREFIX)
MIN_THRESHOLD = 0.5
DEFAULT_THRESHOLD = 0.7

# So many names complete what is typed.
MAX_COMPLETED = 100


def tag_name(text: str) -> str:
    """`text` as tags are named: equal for a reader is equal. Raises ValueError for what is no name."""
    name = fold_text(text)
    if not name or name.startswith(NOT) or SEPARATOR in name:
        raise ValueError(f'A tag is not empty, does not begin with "{NOT}" and has no "{SEPARATOR}" in it')
    return name


class TagQuerySet(models.QuerySet["Tag"]):
    def names(self) -> models.QuerySet["Tag", str]:
        """To complete what is typed."""
        return self.order_by("name").values_list("name", flat=True)[:MAX_COMPLETED]

    def key_of(self, name: str) -> int | None:
        return self.filter(name=name).values_list("pk", flat=True).first()

    def keys_of(self, names: Iterable[str]) -> list[int]:
        return [*self.filter(name__in=[*names]).values_list("pk", flat=True)]

    def ensure(self, names: Iterable[str]) -> list[int]:
        """The keys of all of these, which are made where they are missing."""
        listed = [*names]
        self.bulk_create([self.model(name=name) for name in listed], ignore_conflicts=True)
        return self.keys_of(listed)


class Tag(models.Model):
    name = models.CharField(max_length=TAG_MAX_LENGTH, unique=True)

    objects = TagQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class TaggingQuerySet(models.QuerySet["Tagging"]):
    def of_traces(self, keys: Iterable[UUID]) -> models.QuerySet["Tagging", tuple[UUID, str]]:
        """Pairs of a trace and the name of a tag of it, by name."""
        found = self.filter(trace__in=[*keys]).order_by("tag__name")
        return found.values_list("trace_id", "tag__name")


class Tagging(models.Model):
    """That a trace has a tag.

    As with the entries of datasets, the database does not check the references row by row: a million
    traces are tagged in one statement. They hold because the act keeps deletions of traces out.
    """

    pk = models.CompositePrimaryKey("tag_id", "trace_id")
    tag = models.ForeignKey(Tag, models.CASCADE, related_name="taggings", db_index=False, db_constraint=False)
    trace = models.ForeignKey(
        Trace, models.CASCADE, related_name="taggings", db_index=False, db_constraint=False
    )

    objects = TaggingQuerySet.as_manager()

    class Meta:
        constraints = [
            # The trace first: so it also finds the tags of a trace.
            models.UniqueConstraint(fields=["trace", "tag"], name="a_tag_once_per_trace")
        ]

    def __str__(self) -> str:
        return f"{self.tag} of {self.trace_id}"


class ReviewQuerySet(models.QuerySet["Review"]):
    def current(self) -> "ReviewQuerySet":
        return self.filter(is_current=True)

    def of_traces(self, keys: Iterable[UUID]) -> models.QuerySet["Review", tuple[UUID, str]]:
        """Pairs of a trace and its state, but for those never reviewed."""
        return self.current().filter(trace__in=[*keys]).values_list("trace_id", "state")


class Review(models.Model):
    """One judgement of a trace, appended; the last one is current. A trace without any is new."""

    class State(models.TextChoices):
        NEW = "new"
        APPROVED = "approved"
        REJECTED = "rejected"

    trace = models.ForeignKey(Trace, models.CASCADE, related_name="reviews", db_constraint=False)
    state = models.CharField(max_length=16, choices=State.choices)
    is_current = models.BooleanField()
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, db_index=False, related_name="+"
    )

    objects = ReviewQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["state", "trace"], condition=Q(is_current=True), name="traces_in_review")
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["trace"], condition=Q(is_current=True), name="one_current_review_per_trace"
            )
        ]

    def __str__(self) -> str:
        return f"{self.state}: {self.trace_id}"


class Note(models.Model):
    """What somebody noted about a trace, appended and never changed."""

    trace = models.ForeignKey(Trace, models.CASCADE, related_name="notes")
    text = models.TextField(max_length=NOTE_MAX_LENGTH)
    created_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, db_index=False, related_name="+"
    )

    def __str__(self) -> str:
        return self.text[:80]


class DuplicateSearchQuerySet(models.QuerySet["DuplicateSearch"]):
    def newest_first(self) -> "DuplicateSearchQuerySet":
        return self.order_by("-pk")

    def with_keys(self, keys: Iterable[UUID]) -> "DuplicateSearchQuerySet":
        return self.filter(pk__in=[*keys])

    def with_people(self) -> "DuplicateSearchQuerySet":
        return self.select_related("created_by", "job__created_by")

    def at_work(self) -> "DuplicateSearchQuerySet":
        return self.filter(state__in=DuplicateSearch.AT_WORK)

    def abandoned(self) -> "DuplicateSearchQuerySet":
        """At work, but their job has ended without a word to them: killed, or cancelled in the queue."""
        return self.at_work().exclude(job__state__in=Job.ACTIVE)


class DuplicateSearch(models.Model):
    """What was compared with what, and what came of it: groups, and a tag at what may go."""

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"
        REMOVING = "removing", "Removing"

    class Compared(models.TextChoices):
        PROMPT = "prompt", "The prompt"
        TRACE = "trace", "All of it: prompt, steps and answer"

    AT_WORK = (State.RUNNING, State.REMOVING)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=SEARCH_NAME_MAX_LENGTH, unique=True)
    compared = models.CharField(max_length=16, choices=Compared, default=Compared.PROMPT)
    threshold = models.FloatField(default=DEFAULT_THRESHOLD, help_text="1 for equal ones alone")
    state = models.CharField(max_length=16, choices=State, default=State.RUNNING)
    reason = models.TextField(blank=True, help_text="why it did not end well")
    trace_count = models.PositiveBigIntegerField(default=0, help_text="traces compared")
    group_count = models.PositiveBigIntegerField(default=0, help_text="groups found")
    duplicate_count = models.PositiveBigIntegerField(
        default=0, help_text="found beside the ones that are kept"
    )
    job = models.ForeignKey(Job, models.SET_NULL, null=True, related_name="+")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, db_index=False, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    objects = DuplicateSearchQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "duplicate searches"

    def __str__(self) -> str:
        return self.name

    @property
    def tag(self) -> str:
        return f"{DUPLICATE_PREFIX}{self.name}"

    @property
    def is_exact(self) -> bool:
        return self.threshold >= 1

    @property
    def is_done(self) -> bool:
        return self.state == self.State.DONE

    @property
    def is_running(self) -> bool:
        return self.state == self.State.RUNNING

    @property
    def is_at_work(self) -> bool:
        return self.state in self.AT_WORK

    @property
    def state_in_words(self) -> str:
        if self.is_running and self.job is not None and self.job.is_active:
            return self.job.state_in_words
        return self.State(self.state).label


class DuplicateGroupQuerySet(models.QuerySet["DuplicateGroup"]):
    def of_search(self, search: DuplicateSearch) -> "DuplicateGroupQuerySet":
        return self.filter(search=search)

    def in_state(self, state: str) -> "DuplicateGroupQuerySet":
        return self.filter(state=state)

    def with_keys(self, keys: Iterable[int]) -> "DuplicateGroupQuerySet":
        return self.filter(pk__in=[*keys])

    def largest_first(self) -> "DuplicateGroupQuerySet":
        """As they were found: they are stored from small to large."""
        return self.order_by("-pk")

    def next_open(self) -> "DuplicateGroupQuerySet":
        return self.in_state(DuplicateGroup.State.OPEN).largest_first()

    def headless(self) -> "DuplicateGroupQuerySet":
        """The trace that was kept has been deleted."""
        return self.filter(has_lost_kept=True, search__state=DuplicateSearch.State.DONE)


class DuplicateGroup(models.Model):
    """A trace that is kept and those that it stands for; what a person said of them."""

    class State(models.TextChoices):
        OPEN = "open", "To go through"
        KEPT = "kept", "Kept one"
        DISMISSED = "dismissed", "Not duplicates"

    search = models.ForeignKey(
        DuplicateSearch, models.CASCADE, related_name="groups", db_index=False, db_constraint=False
    )
    state = models.CharField(max_length=16, choices=State, default=State.OPEN)
    has_lost_kept = models.BooleanField(default=False, help_text="set by the database")
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, db_index=False, related_name="+"
    )
    resolved_at = models.DateTimeField(null=True)

    objects = DuplicateGroupQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["search", "id"], name="groups_of_search"),
            models.Index(fields=["search", "state", "id"], name="groups_by_state"),
            models.Index(fields=["id"], condition=Q(has_lost_kept=True), name="headless_groups"),
        ]

    def __str__(self) -> str:
        return f"group {self.pk}"

    @property
    def followers(self) -> DuplicateGroupQuerySet:
        """Those still to go through: behind this one, and then again from the largest."""
        others = DuplicateGroup.objects.filter(search=self.search_id).exclude(pk=self.pk).next_open()
        behind = others.filter(pk__lt=self.pk)
        return behind if behind.exists() else others

    @property
    def is_open(self) -> bool:
        return self.state == self.State.OPEN

    @property
    def is_dismissed(self) -> bool:
        return self.state == self.State.DISMISSED


class DuplicateMemberQuerySet(models.QuerySet["DuplicateMember"]):
    def of_search(self, search: DuplicateSearch) -> "DuplicateMemberQuerySet":
        return self.filter(group__search=search)

    def of_groups(self, keys: Iterable[int]) -> "DuplicateMemberQuerySet":
        return self.filter(group__in=[*keys])

    def sizes(self) -> dict[int, tuple[int, float]]:
        """By group: how many traces it has, and how alike the one is that is least."""
        rows = self.order_by().values_list("group_id").annotate(Count("pk"), Min("similarity"))
        return {group: (size, lowest) for group, size, lowest in rows}

    def leading(self, most: int) -> "DuplicateMemberQuerySet":
        """Of each group so many, the most alike first."""
        place = Window(RowNumber(), partition_by=F("group"), order_by=F("pk").desc())
        return self.annotate(place=place).filter(place__lte=most).order_by("-pk")

    def most_alike_first(self) -> "DuplicateMemberQuerySet":
        """As they were found: the one that is kept is stored last, the others from less to more."""
        return self.order_by("-pk")

    def with_keys(self, keys: Iterable[int]) -> "DuplicateMemberQuerySet":
        return self.filter(pk__in=[*keys])

    def newest_key(self) -> int:
        return self.order_by("-pk").values_list("pk", flat=True).first() or 0

    def kept(self) -> "DuplicateMemberQuerySet":
        return self.filter(is_kept=True)

    def others(self) -> "DuplicateMemberQuerySet":
        return self.filter(is_kept=False)

    def of_trace(self, key: UUID) -> "DuplicateMemberQuerySet":
        return self.filter(trace=key)

    def beside(self, kept: UUID) -> "DuplicateMemberQuerySet":
        """In a group that keeps this trace, and was not said to be none."""
        groups = self.model.objects.kept().of_trace(kept).values("group")
        return self.filter(group__in=groups).exclude(group__state=DuplicateGroup.State.DISMISSED)

    def best_first(self) -> "DuplicateMemberQuerySet":
        return self.order_by("-trace__score", "trace_id")


class DuplicateMember(models.Model):
    """That a trace is in a group. As with taggings, the act that stores them keeps deletions out."""

    group = models.ForeignKey(
        DuplicateGroup, models.CASCADE, related_name="members", db_index=False, db_constraint=False
    )
    trace = models.ForeignKey(Trace, models.CASCADE, related_name="duplicate_members", db_constraint=False)
    similarity = models.FloatField(help_text="to the one that the search kept")
    is_kept = models.BooleanField()

    objects = DuplicateMemberQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["group", "id"], name="members_of_group")]

    def __str__(self) -> str:
        return f"{self.trace_id} in {self.group_id}"
