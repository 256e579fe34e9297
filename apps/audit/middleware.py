from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from apps.audit.caller import called_by


class CallerMiddleware:
    """Lets what a request does be recorded as done by whoever sent it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with called_by(request):
            return self.get_response(request)
