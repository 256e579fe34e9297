import json
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NoReturn

from django.conf import settings
from django.db import models
from django.db.models import QuerySet

from apps.core.expressions import Unindexed
from apps.core.ids import lowest_id, new_id, time_of

NAME_MAX_LENGTH = 150  # as the names of accounts
KEY_MAX_LENGTH = 256
TOKEN_MAX_LENGTH = ADDRESS_MAX_LENGTH = 64


class ActQuerySet(QuerySet["Act"]):
    def newest_first(self) -> "ActQuerySet":
        return self.order_by("-pk")

    def matching(
        self,
        *,
        actor: str | None = None,
        verb: str | None = None,
        thing: str | None = None,
        since: date | None = None,
        until: date | None = None,
    ) -> "ActQuerySet":
        """All of these; both days, which are in UTC, are included."""
        found = self
        if since:
            found = found.filter(pk__gte=lowest_id(_midnight(since)))
        if until and until < date.max:
            found = found.filter(pk__lt=lowest_id(_midnight(until + timedelta(days=1))))
        given = {"key": thing, "actor_name": actor, "verb": verb}
        return found._narrowed({name: value for name, value in given.items() if value})

    def _narrowed(self, wanted: dict[str, str]) -> "ActQuerySet":
        """The first of them, which is likely the rarest, is looked up; the others are seen on the way."""
        if not wanted:
            return self
        first, *rest = wanted
        found = self.filter(**{first: wanted[first]}).alias(
            **{f"walked_{name}": Unindexed(name) for name in rest}
        )
        return found.filter(**{f"walked_{name}": wanted[name] for name in rest})

    def with_keys(self, keys: list[Any]) -> "ActQuerySet":
        return self.filter(pk__in=keys)

    def update(self, **_: Any) -> NoReturn:
        raise TypeError("What was done stays as it was recorded.")

    def delete(self) -> NoReturn:
        raise TypeError("What was done stays recorded.")


def verb_choices() -> list[tuple[str, str]]:
    """By a function: one more is no change of the database."""
    return Act.Verb.choices


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


class Act(models.Model):
    """Who did what, and when: one row an act, however many rows it touched.

    Appended by apps.audit.record, never changed and never deleted; triggers of the database refuse that too.
    The time is in the key.
    """

    class Verb(models.TextChoices):
        MADE_TRACE = "made-trace", "Made trace"
        IMPORTED_TRACE = "imported-trace", "Imported trace"
        SCORED_TRACE = "scored-trace", "Scored trace"
        EXPORTED_TRACE = "exported-trace", "Exported trace"
        DELETED_TRACE = "deleted-trace", "Deleted trace"
        REMOVED_IMPORT = "removed-import", "Removed import"
        DISCARDED_UPLOAD = "discarded-upload", "Discarded upload"
        SAVED_MAPPING = "saved-mapping", "Saved mapping"
        CURATED_TRACE = "curated-trace", "Tagged or reviewed trace"
        NOTED_TRACE = "noted-trace", "Noted on trace"
        FOUND_OVERLAPS = "found-overlaps", "Found overlaps"
        FOUND_DUPLICATES = "found-duplicates", "Found duplicates"
        REMOVED_DUPLICATES = "removed-duplicates", "Removed search for duplicates"
        BUILT_DATASET = "built-dataset", "Built dataset"
        EXPORTED_DATASET = "exported-dataset", "Exported dataset"
        DELETED_DATASET = "deleted-dataset", "Deleted dataset"
        GENERATED_MANIFEST = "generated-manifest", "Generated manifest"
        DELETED_RECORD = "deleted-record", "Deleted record"
        CANCELLED_JOB = "cancelled-job", "Cancelled job"
        MADE_TOKEN = "made-token", "Made token"
        REVOKED_TOKEN = "revoked-token", "Revoked token"
        MADE_ACCOUNT = "made-account", "Made account"
        CHANGED_ACCOUNT = "changed-account", "Changed account"
        DELETED_ACCOUNT = "deleted-account", "Deleted account"
        SIGNED_IN = "signed-in", "Signed in"
        SIGNED_OUT = "signed-out", "Signed out"
        SIGN_IN_FAILED = "sign-in-failed", "Sign-in failed"
        BACKED_UP = "backed-up", "Backed up"
        RESTORED = "restored", "Restored"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # Without a constraint: the row outlives the account, with the number it had.
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    actor_name = models.CharField(max_length=NAME_MAX_LENGTH, help_text="as it was then")
    token_name = models.CharField(
        max_length=TOKEN_MAX_LENGTH, blank=True, help_text="of the API token it came by"
    )
    address = models.CharField(max_length=ADDRESS_MAX_LENGTH, blank=True, help_text="of the client")
    verb = models.CharField(max_length=24, choices=verb_choices)
    key = models.CharField(max_length=KEY_MAX_LENGTH, blank=True, help_text="of the thing: its id or name")
    rows = models.PositiveBigIntegerField(default=1, help_text="how many it touched")
    details = models.TextField(blank=True, help_text="JSON text: an object")

    objects = ActQuerySet.as_manager()

    class Meta:
        # An act is written with each request that writes: what is looked for seldom shares an index.
        indexes = [
            models.Index(fields=["actor_name", "id", "verb"], name="acts_by_actor"),
            models.Index(fields=["verb", "id"], name="acts_by_verb"),
            models.Index(fields=["key", "id"], name="acts_by_thing"),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name}: {self.verb} {self.key}"

    def save(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("An act is recorded by apps.audit.record and never changed.")

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("What was done stays recorded.")

    @property
    def at(self) -> datetime:
        return time_of(self.pk)

    @property
    def detail(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.details) if self.details else {}
        return found

    @property
    def detail_words(self) -> str:
        """For people, on one line."""
        return "; ".join(f"{name.replace('_', ' ')}: {_words(value)}" for name, value in self.detail.items())


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_words, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} = {_words(item)}" for name, item in value.items())
    return str(value)
