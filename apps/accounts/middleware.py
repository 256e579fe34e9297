from collections.abc import Callable
from typing import Any

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponseBase

from apps.accounts.access import is_open_to


class MemberMiddleware(LoginRequiredMiddleware):
    """Pages need a signed-in user, but not from the own machine of an open server."""

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        refusal = super().process_view(request, view, args, kwargs)
        return None if refusal is None or is_open_to(request) else refusal
