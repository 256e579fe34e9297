from collections.abc import Callable
from typing import Any

from csp.middleware import CSPMiddleware
from django.conf import settings
from django.core.exceptions import BadRequest, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, UnreadablePostError
from django.http.response import HttpResponseBase

from apps.core.problems import BROKEN_OFF
from tunixrt.refusals import refuse, refuse_act, wrong_method

# Fewer than the fields that a form may have: each may become a condition, and databases take only so many.
MAX_PARAMETERS = 500


class RefusalMiddleware:
    """Pages for what Django has none: a wrong method, an endless query, what an act refuses."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.META.get("QUERY_STRING", "").count("&") >= MAX_PARAMETERS:
            raise BadRequest(f"A query string may have up to {MAX_PARAMETERS} parameters.")
        response = self.get_response(request)
        if isinstance(response, HttpResponseNotAllowed):
            return wrong_method(request, response["Allow"])
        return response

    def process_view(self, request: HttpRequest, *_: Any) -> HttpResponse | None:
        """The look for the CSRF token passes over a form that broke off: the view would find an empty one."""
        is_broken = getattr(request.META.get("wsgi.input"), "is_broken", False)
        return refuse(request, 400, BROKEN_OFF) if is_broken else None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, UnreadablePostError):
            return refuse(request, 400, BROKEN_OFF)
        return refuse_act(request, exception) if isinstance(exception, ValidationError) else None


class PagePolicyMiddleware(CSPMiddleware):
    """Does not put together the policy of a response that gets none, as the library does before it looks."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if request.path_info.startswith(settings.PATHS_OF_JSON):
            return response
        return super().process_response(request, response)
