"""What people say of traces. It stands beside them: a trace itself never changes."""

from collections.abc import Iterable
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from apps.core.digests import fold_text
from apps.traces.models import Trace

TAG_MAX_LENGTH = 64
NOTE_MAX_LENGTH = 10_000

# In a filter it says that traces must not have the tag, so that no tag begins with it.
NOT = "-"
# Between tags where several are typed.
SEPARATOR = ","

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
