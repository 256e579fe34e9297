"""Who acts now: known to an act without being handed through every signature on the way to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from apps.accounts.models import ApiToken, LocalOperator, User

COMMAND_LINE = "command line"
LOCAL_OPERATOR = "local operator"
NOBODY = "nobody"


class Caller(NamedTuple):
    account_id: int | None
    name: str
    token: str = ""
    address: str = ""


WORKER = Caller(None, "worker")  # of what it finds to be done, for which nobody asked
# What is outside of a request and of a job is a command.
_COMMAND = Caller(None, COMMAND_LINE)
_current: ContextVar[HttpRequest | Caller] = ContextVar("caller", default=_COMMAND)


@contextmanager
def called_by(source: HttpRequest | Caller) -> Iterator[None]:
    """Threads serve one request after the other: what one set does not outlive it."""
    before = _current.set(source)
    try:
        yield
    finally:
        _current.reset(before)


def current_caller() -> Caller:
    """Looked at only when an act is recorded: by then the request has been told who sent it."""
    source = _current.get()
    return source if isinstance(source, Caller) else _caller_of(source)


def account_caller(user: User, address: str = "") -> Caller:
    return Caller(user.pk, user.get_username(), address=address)


def _caller_of(request: HttpRequest) -> Caller:
    """DRF tells its verdict to the request beneath its own."""
    user: User | AnonymousUser = getattr(request, "user", None) or AnonymousUser()
    token = getattr(request, "auth", None)
    address = request.META.get("REMOTE_ADDR", "")
    if isinstance(user, LocalOperator):
        return Caller(None, LOCAL_OPERATOR, address=address)
    if not user.is_authenticated:
        return Caller(None, NOBODY, address=address)
    return Caller(user.pk, user.get_username(), token.name if isinstance(token, ApiToken) else "", address)
