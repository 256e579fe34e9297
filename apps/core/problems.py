"""How the API says a refusal: the one translation into the contract's JSON."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from rest_framework.views import exception_handler

from apps.core.errors import (
    CONFLICT,
    NOT_FOUND,
    TAKEN,
    TOO_LARGE,
    UNPROCESSABLE,
    code_of,
    messages_by_path,
    sentence,
)
from apps.core.negotiation import Response

STATUS_OF_CODE = {NOT_FOUND: 404, CONFLICT: 409, TAKEN: 409, TOO_LARGE: 413, UNPROCESSABLE: 422}


def handle_exception(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """JSON whatever the view renders else; None lets what nobody expected become a 500."""
    if isinstance(error, ValidationError):
        return Response(_body_of(error), STATUS_OF_CODE.get(code_of(error), 400))
    answer = exception_handler(error, dict(context))
    if answer is None:
        return None
    headers = {name: answer.headers[name] for name in ("WWW-Authenticate", "Retry-After") if name in answer}
    return Response({"detail": str(answer.data["detail"])}, answer.status_code, headers)


def _body_of(error: ValidationError) -> dict[str, Any]:
    body: dict[str, Any] = {"detail": _printable(sentence(error))}
    by_path = messages_by_path(error)
    if by_path:
        body["errors"] = {_printable(path): [*map(_printable, found)] for path, found in by_path.items()}
    return body


def _printable(text: str) -> str:
    """Refused text is quoted in its refusal: a lone surrogate in it must not break the answer."""
    return text.encode("utf-8", "backslashreplace").decode()
