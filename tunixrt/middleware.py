from collections.abc import Callable

from django.core.exceptions import BadRequest, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase

from tunixrt.refusals import refuse_act, wrong_method

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

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return refuse_act(request, exception) if isinstance(exception, ValidationError) else None
