"""Idempotency-Key: what a client sends again because it saw no answer is not done again.

As the IETF draft "The Idempotency-Key HTTP Header Field" says. The answer is stored in the transaction of the
act, so that there are both or neither, whatever is killed when. Only what was done is remembered: a refusal
did nothing and may be tried again. The forms of pages are held to the same, see `once`.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar, cast

import orjson
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from apps.accounts.models import GivenAnswer, account_of
from apps.core.digests import sha256_hex
from apps.core.errors import UNPROCESSABLE, conflict
from apps.core.requests import keep_body

KEPT = timedelta(days=1)
MAX_LENGTH = 255
REPLAYED = "Idempotency-Replayed"
_HEADER = "HTTP_IDEMPOTENCY_KEY"
_TOKEN = "csrfmiddlewaretoken"  # noqa: S105 - the name of the field
_SEE_OTHER = 303
_KEY = re.compile(rf"[!-~]{{1,{MAX_LENGTH}}}")
# So many old answers go with each new one: more than come, and never so many that one has to wait.
_REMOVED_AT_ONCE = 100

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": MAX_LENGTH, "pattern": "^[!-~]+$"},
    OpenApiParameter.HEADER,
    description=(
        "Drawn by the client for one act. Sent again within a day, by the same account to the same path, the"
        f" call is not performed again but answered as the first time, with `{REPLAYED}: true`. 422 when the"
        " body is another one, 409 while the first call is still being processed."
    ),
)

Post = TypeVar("Post", bound=Callable[..., HttpResponse])


def idempotent(body_limit: Callable[[], int]) -> Callable[[Post], Post]:
    """Of a view's method that creates; costs a call without the header nothing."""

    def decorate(post: Post) -> Post:
        @takes_key
        @wraps(post)
        def perform(view: Any, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
            if _HEADER not in request.META:
                return post(view, request, *args, **kwargs)
            digest = sha256_hex(keep_body(request._request, body_limit()))
            return answer_once(request, digest, lambda: post(view, request, *args, **kwargs))

        return cast(Post, perform)

    return decorate


def takes_key(post: Post) -> Post:
    """Of a view's method that calls `answer_once` itself: its body is too long to be kept in memory."""

    @wraps(post)
    def perform(view: Any, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        if not _KEY.fullmatch(request.META.get(_HEADER, "-")):
            raise ValidationError(f"Idempotency-Key must be 1 to {MAX_LENGTH} visible ASCII characters.")
        return post(view, request, *args, **kwargs)

    perform.takes_key = True  # type: ignore[attr-defined]  # a test asks for it of every call
    return cast(Post, perform)


def answer_once(request: Request, body_digest: str, perform: Callable[[], HttpResponse]) -> HttpResponse:
    """What `perform` answers, or answered when this key came the first time; with a key, in a transaction.

    What is asked for is the body, of which this is the sha256, and the query string.
    """
    if _HEADER not in request.META:
        return perform()
    id = _identify(request)
    if query := request.META.get("QUERY_STRING"):
        body_digest = sha256_hex(f"{query}\n{body_digest}".encode())
    with transaction.atomic():
        if not _claim(id):
            raise conflict("This Idempotency-Key is being processed. Send it again in a moment.")
        given = _find_given(id)
        if given is not None:
            return _repeat(given, body_digest)
        response = perform()
        _keep(id, body_digest, response)
        return response


def _identify(request: Request) -> str:
    """A key is the client's own: another account, or the same one elsewhere, may have drawn it too."""
    account = account_of(request.user)
    parts = [str(account.pk if account else ""), request.path, request.META[_HEADER]]
    return sha256_hex("\n".join(parts).encode())


def _claim(id: str, *, waits: bool = False) -> bool:
    """To the end of the transaction; else, unless it `waits`, false. SQLite has one writer at a time: whoever
    comes second has waited for the first to finish, and now finds its answer.
    """
    if connection.vendor != "postgresql":
        return True
    lock = "pg_advisory_xact_lock" if waits else "pg_try_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {lock}(%s)", [int.from_bytes(bytes.fromhex(id[:16]), signed=True)])
        return waits or bool(cursor.fetchone()[0])


def _find_given(id: str) -> GivenAnswer | None:
    return GivenAnswer.objects.filter(pk=id, created_at__gt=timezone.now() - KEPT).first()


def _repeat(given: GivenAnswer, body_digest: str) -> HttpResponse:
    if given.body_digest != body_digest:
        message = "This Idempotency-Key came with another body before. Draw a new key for a new act."
        raise ValidationError(message, code=UNPROCESSABLE)
    headers = {**orjson.loads(given.headers), REPLAYED: "true"}
    return HttpResponse(given.body, status=given.status, headers=headers)


def _keep(id: str, body_digest: str, response: HttpResponse) -> None:
    old = GivenAnswer.objects.filter(created_at__lte=timezone.now() - KEPT)
    # Those that another call is removing are left to it.
    keys = old.select_for_update(skip_locked=True).values_list("pk", flat=True)[:_REMOVED_AT_ONCE]
    GivenAnswer.objects.filter(pk__in=[*keys, id]).delete()
    GivenAnswer.objects.create(
        id=id,
        body_digest=body_digest,
        status=response.status_code,
        headers=orjson.dumps(dict(response.items())).decode(),
        body=response.content.decode(),
        created_at=timezone.now(),
    )


View = TypeVar("View", bound=Callable[..., HttpResponse])


def once(view: View) -> View:
    """Of a page that creates by a form: what comes twice from one form, as by a double click without
    JavaScript, is done once, and both times answered with the way to the result.

    The form's one-time token is the one that Django has against foreign pages, which differs from page to
    page. Where a script sends the form, the script sees to it: its form may stay and be sent again.
    """

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method != "POST" or _TOKEN not in request.POST or "HX-Request" in request.headers:
            return view(request, *args, **kwargs)
        account = account_of(request.user)
        posted = [account and account.pk, request.get_full_path(), [*request.POST.lists()]]
        return _answer_form(sha256_hex(orjson.dumps(posted)), lambda: view(request, *args, **kwargs))

    answer.is_once = True  # type: ignore[attr-defined]  # a test asks for it of every page
    return cast(View, answer)


@transaction.atomic
def _answer_form(id: str, perform: Callable[[], HttpResponse]) -> HttpResponse:
    """Only a way to a result is kept: a form that is shown again was refused, or stored nothing."""
    _claim(id, waits=True)
    given = _find_given(id)
    if given is not None:
        return HttpResponse(status=given.status, headers=orjson.loads(given.headers))
    response = perform()
    if response.status_code == _SEE_OTHER:
        _keep(id, "", response)
    return response
