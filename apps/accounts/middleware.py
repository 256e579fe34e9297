from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import resolve_url
from django_htmx.middleware import HtmxDetails

from apps.accounts.access import is_open_to
from apps.accounts.models import LocalOperator
from apps.core.pages import leave


class MemberMiddleware(LoginRequiredMiddleware):
    """Pages need a signed-in user; the own machine of an open server is one without an account."""

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        # A view that needs no account does not ask whose it is.
        return super().process_view(request, view, args, kwargs) if _needs_login(view) else None

    def handle_no_permission(  # type: ignore[override]  # to HTMX the redirect is a header
        self, request: HttpRequest, view: Callable[..., Any]
    ) -> HttpResponseBase | None:
        """A script is sent to the login page as a whole, and from there back to the page it is on."""
        if is_open_to(request):
            request.user = LocalOperator()
            return None
        htmx: HtmxDetails = getattr(request, "htmx")  # noqa: B009 - HtmxMiddleware has set it
        if not htmx:
            return super().handle_no_permission(request, view)
        query = urlencode({REDIRECT_FIELD_NAME: htmx.current_url_abs_path or "/"})
        return leave(request, f"{resolve_url(self.get_login_url(view))}?{query}")


class PageMessageMiddleware(MessageMiddleware):
    """Messages are for people: a call of the API neither shows nor leaves any."""

    def process_request(self, request: HttpRequest) -> None:
        if not request.path_info.startswith("/api/"):
            super().process_request(request)


def _needs_login(view: Callable[..., Any]) -> bool:
    return getattr(view, "login_required", True)
