"""How the API says a refusal: the one translation into the contract's JSON."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from apps.core.errors import CONFLICT, NOT_FOUND, TOO_LARGE, code_of, messages_by_path, sentence

_STATUS = {NOT_FOUND: 404, CONFLICT: 409, TOO_LARGE: 413}


def handle_exception(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """None lets what nobody expected become a 500."""
    if isinstance(error, ValidationError):
        return _as_response(error)
    response = exception_handler(error, dict(context))
    if response is not None:
        response.data = {"detail": str(response.data["detail"])}
    return response


def _as_response(error: ValidationError) -> Response:
    body: dict[str, Any] = {"detail": _printable(sentence(error))}
    by_path = messages_by_path(error)
    if by_path:
        body["errors"] = {_printable(path): [*map(_printable, found)] for path, found in by_path.items()}
    return Response(body, status=_STATUS.get(code_of(error), 400))


def _printable(text: str) -> str:
    """Refused text is quoted in its refusal: a lone surrogate in it must not break the answer."""
    return text.encode("utf-8", "backslashreplace").decode()
