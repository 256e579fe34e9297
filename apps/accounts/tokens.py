from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from apps.accounts.models import ApiToken, User
from apps.core.commands import MAX_NUMBER
from apps.core.errors import conflict, not_found

MAX_DAYS = MAX_NUMBER  # of the lifetime that createtoken takes, too


def create_token(
    user: User, name: str, scope: str = ApiToken.Scope.READ_WRITE, lifetime: timedelta | None = None
) -> tuple[ApiToken, str]:
    """The record and the token itself, which is stored hashed and cannot be shown again.

    Raises ValidationError.
    """
    ApiToken(user=user, name=name, scope=scope).clean_fields(exclude=["digest", "token_key"])
    try:
        with transaction.atomic():
            record, token = ApiToken.objects.create(user, expiry=lifetime, name=name, scope=scope)
    except IntegrityError as error:
        message = f'{user} has a token named "{name}" already. Choose another name or revoke that one.'
        raise conflict(message) from error
    return record, token


def tokens_of(user: User) -> QuerySet[ApiToken]:
    """Newest first."""
    found: QuerySet[ApiToken] = ApiToken.objects.filter(user=user).order_by("-created")
    return found


def find_token(user: User, name: str) -> ApiToken:
    """Of this user's own. Raises ValidationError when there is none of that name."""
    found = tokens_of(user).filter(name=name).first()
    if found is None:
        raise not_found("Token", name)
    return found


def revoke_token(user: User, name: str) -> None:
    """From now on it is refused. Raises ValidationError when there is none of that name."""
    find_token(user, name).delete()
