"""Acts of the floor below: accounts and tokens, which know nothing of the record of acts.

Whoever signs in or makes a token does so through Django, by page, admin and command alike; so it is Django
that tells of it.
"""

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models.signals import post_delete, post_save
from django.http import HttpRequest

from apps.accounts.models import ApiToken, User
from apps.audit.caller import account_caller
from apps.audit.record import Verb, record_act
from apps.core.storable import storable


def connect_signals() -> None:
    user_logged_in.connect(_signed_in)
    user_logged_out.connect(_signed_out)
    user_login_failed.connect(_sign_in_failed)
    post_save.connect(_saved_account, sender=User)
    post_delete.connect(_deleted_account, sender=User)
    post_save.connect(_saved_token, sender=ApiToken)
    post_delete.connect(_revoked_token, sender=ApiToken)


def _signed_in(request: HttpRequest, user: User, **_: Any) -> None:
    caller = account_caller(user, request.META.get("REMOTE_ADDR", ""))
    record_act(Verb.SIGNED_IN, user.get_username(), caller=caller)


def _signed_out(request: HttpRequest, user: User | None, **_: Any) -> None:
    if user is not None:
        record_act(Verb.SIGNED_OUT, user.get_username())


def _sign_in_failed(credentials: dict[str, Any], **_: Any) -> None:
    """By nobody, as long as it is not known to be that user."""
    record_act(Verb.SIGN_IN_FAILED, storable(str(credentials.get("username", ""))))


def _saved_account(instance: User, created: bool, update_fields: Any, raw: bool, **_: Any) -> None:
    if raw or update_fields == {"last_login"}:  # the latter is part of signing in
        return
    rights = {"is_staff": instance.is_staff, "is_superuser": instance.is_superuser}
    details = {**rights, "is_active": instance.is_active}
    record_act(
        Verb.MADE_ACCOUNT if created else Verb.CHANGED_ACCOUNT,
        instance.get_username(),
        details=details,
    )


def _deleted_account(instance: User, **_: Any) -> None:
    record_act(Verb.DELETED_ACCOUNT, instance.get_username())


def _saved_token(instance: ApiToken, created: bool, **_: Any) -> None:
    if created:
        details = {"of": instance.user.get_username(), "scope": instance.scope}
        record_act(Verb.MADE_TOKEN, instance.name, details=details)


def _revoked_token(instance: ApiToken, **_: Any) -> None:
    details = {"of": instance.user.get_username(), "scope": instance.scope}
    record_act(Verb.REVOKED_TOKEN, instance.name, details=details)
