from datetime import timedelta

from django.db import IntegrityError, transaction

from apps.accounts.models import ApiToken, User
from apps.core.errors import conflict


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
