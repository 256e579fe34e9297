from datetime import timedelta

from django.db import IntegrityError, transaction

from apps.accounts.models import ApiToken, User
from apps.core.errors import conflict


def create_token(
    user: User, name: str, scope: str = ApiToken.Scope.READ_WRITE, days: int | None = None
) -> str:
    """The new token, which is stored hashed and cannot be shown again; `days` until it expires."""
    expiry = None if days is None else timedelta(days=days)
    candidate = ApiToken(user=user, name=name, scope=scope)
    candidate.clean_fields(exclude=["digest", "token_key"])
    try:
        with transaction.atomic():
            _, token = ApiToken.objects.create(user, expiry=expiry, name=name, scope=scope)
    except IntegrityError as error:
        message = f'{user} has a token named "{name}" already. Choose another name or revoke that one.'
        raise conflict(message) from error
    return str(token)
