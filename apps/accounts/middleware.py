from collections.abc import Callable
from typing import Any

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.http import HttpRequest, HttpResponseBase

from apps.accounts.access import is_open_to


class MemberMiddleware(LoginRequiredMiddleware):
    """Pages need a signed-in user, but not from the own machine of an open server."""

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        if not getattr(view, "login_required", True):  # before asking who it is
            return None
        refusal = super().process_view(request, view, args, kwargs)
        return None if refusal is None or is_open_to(request) else refusal


class PageMessageMiddleware(MessageMiddleware):
    """Messages are for people: a call of the API neither shows nor leaves any."""

    def process_request(self, request: HttpRequest) -> None:
        if not request.path_info.startswith("/api/"):
            super().process_request(request)
