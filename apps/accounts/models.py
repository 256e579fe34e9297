from datetime import timedelta
from typing import Any

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db import models
from django.db.models import Q
from django.utils import timezone
from knox.models import AbstractAuthToken

TOKEN_NAME_MAX_LENGTH = 64
LAST_USE_INTERVAL = timedelta(minutes=1)


class User(AbstractUser):  # type: ignore[django-manager-missing]  # knox has no types
    """Every signed-in user reads and writes; staff also deletes, replaces and administers."""


class LocalOperator(AnonymousUser):
    """Whoever calls an open server from its own machine: may do what staff may, has no account."""

    is_staff = True  # type: ignore[assignment]  # that is the point of it

    @property
    def is_authenticated(self) -> Any:
        return True


def account_of(user: User | AnonymousUser) -> User | None:
    """The account to record as the author of an act, none for the operator of an open server."""
    return user if isinstance(user, User) else None


class ApiToken(AbstractAuthToken):  # type: ignore[misc]  # knox has no types
    """A bearer token; only its hash is stored."""

    class Scope(models.TextChoices):
        READ_ONLY = "read-only"
        READ_WRITE = "read-write"

    name = models.CharField(max_length=TOKEN_NAME_MAX_LENGTH)
    scope = models.CharField(max_length=16, choices=Scope.choices, default=Scope.READ_WRITE)
    last_used_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-created"]
        verbose_name = "API token"
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="one_token_of_a_name_per_user")]

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"

    @property
    def is_expired(self) -> bool:
        return self.expiry is not None and bool(self.expiry <= timezone.now())

    def touch(self) -> None:
        """Note the use, at most once in LAST_USE_INTERVAL so that reading does not become writing."""
        now = timezone.now()
        stale = Q(last_used_at=None) | Q(last_used_at__lt=now - LAST_USE_INTERVAL)
        if self.last_used_at is None or self.last_used_at < now - LAST_USE_INTERVAL:
            ApiToken.objects.filter(stale, pk=self.pk).update(last_used_at=now)


class GivenAnswer(models.Model):
    """What the API answered to an Idempotency-Key, for a day."""

    id = models.CharField(primary_key=True, max_length=64, help_text="sha256 of account, path and key")
    body_digest = models.CharField(max_length=64, help_text="sha256 of what was sent")
    status = models.PositiveSmallIntegerField()
    headers = models.TextField(help_text="JSON text: an object")
    body = models.TextField()
    created_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.status} of {self.created_at}"
