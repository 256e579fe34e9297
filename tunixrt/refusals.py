"""Pages that refuse: what happened and what to do next. Below /api the same sentence as JSON."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from django.conf import settings
from django.core.exceptions import (
    BadRequest,
    DisallowedHost,
    PermissionDenied,
    RequestDataTooBig,
    TooManyFieldsSent,
    ValidationError,
)
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.urls import Resolver404, reverse
from django.utils.http import urlencode

from apps.accounts.access import is_open_to
from apps.core.errors import code_of, sentence
from apps.core.problems import STATUS_OF_CODE
from apps.core.requests import drain

TITLES = {
    400: "Bad request",
    403: "Not allowed",
    404: "Not found",
    405: "Not possible here",
    409: "Not possible now",
    413: "Too large",
    429: "Too many attempts",
    500: "Server error",
    503: "Not available",
}


class Way(NamedTuple):
    """A link to where one can go on from here."""

    text: str
    url: str


def refuse(
    request: HttpRequest, status: int, detail: str, ways: Sequence[Way] = (), *, is_bare: bool = False
) -> HttpResponse:
    """In the form that the path speaks. A bare page asks neither the database nor the request."""
    if request.path.startswith("/api/"):
        return JsonResponse({"detail": detail}, status=status)
    has_side = not is_bare and _may_look_around(request)
    context = {
        "title": TITLES[status],
        "detail": detail,
        "ways": [*ways, Way("Overview", reverse("overview"))],
        "has_side": has_side,
    }
    page = render_to_string("tunixrt/refusal.html", context, None if is_bare else request)
    return HttpResponse(page, status=status)


def refuse_act(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """What an act refused and no form of the page shows."""
    return refuse(request, STATUS_OF_CODE.get(code_of(error), 400), sentence(error))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig | TooManyFieldsSent):
        return _too_large(request)
    detail = "The server cannot read this request."
    if isinstance(exception, BadRequest):
        detail = str(exception) or detail
    elif isinstance(exception, DisallowedHost):
        detail = "The server does not answer under this name, only under those in TUNIXRT_ALLOWED_HOSTS."
    return refuse(request, 400, detail, is_bare=True)


def forbidden(request: HttpRequest, exception: PermissionDenied) -> HttpResponse:
    detail = str(exception) or "Your account may not do this."
    return refuse(request, 403, detail, [_sign_in(request, "Sign in as someone else")])


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    detail = "This form is no longer valid. Go back, load the page again and send it once more."
    return refuse(request, 403, detail)


def not_found(request: HttpRequest, exception: Http404) -> HttpResponse:
    said = exception.args[0] if exception.args and not isinstance(exception, Resolver404) else ""
    detail = said if said and isinstance(said, str) else f"There is nothing at {request.path}."
    ways = [Way("Traces", reverse("datasets:traces")), Way("Datasets", reverse("datasets:list"))]
    return refuse(request, 404, detail, ways if _may_look_around(request) else [_sign_in(request, "Sign in")])


def wrong_method(request: HttpRequest, allowed: str) -> HttpResponse:
    detail = f"{request.method} is not possible at {request.path}, only {allowed}. Go on by a link."
    response = refuse(request, 405, detail)
    response["Allow"] = allowed
    return response


def locked(request: HttpRequest, response: HttpResponse, credentials: Mapping[str, str]) -> HttpResponse:
    seconds = int(settings.AXES_COOLOFF_TIME.total_seconds())
    detail = f"Signing in as this user is locked from your address for {seconds // 60} minutes."
    ways = [Way("Sign in", reverse("accounts:login"))]
    response = refuse(request, 429, f"{detail} Wait, then try again.", ways)
    response["Retry-After"] = str(seconds)
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    detail = "The server met an error that it did not expect. Its log says more."
    return refuse(request, 500, detail, is_bare=True)


def _too_large(request: HttpRequest) -> HttpResponse:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    drain(request, limit)
    detail = (
        f"A form may have up to {limit:,} bytes in {settings.DATA_UPLOAD_MAX_NUMBER_FIELDS:,} fields."
        " This one has more. Nothing was stored. Go back and send less at a time."
    )
    return refuse(request, 413, detail)


def _may_look_around(request: HttpRequest) -> bool:
    """Whether the navigation, which has counts, may be shown to this caller."""
    user = getattr(request, "user", None)
    return bool(user and user.is_authenticated) or is_open_to(request)


def _sign_in(request: HttpRequest, text: str) -> Way:
    return Way(text, f"{reverse('accounts:login')}?{urlencode({'next': request.path})}")
