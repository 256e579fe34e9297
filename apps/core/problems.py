"""How the API says a refusal: the one translation into the contract's JSON."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.http import UnreadablePostError
from rest_framework.exceptions import ErrorDetail, NotAuthenticated
from rest_framework.views import exception_handler

from apps.core.errors import (
    CONFLICT,
    NO_LENGTH,
    NOT_FOUND,
    TAKEN,
    TOO_LARGE,
    UNPROCESSABLE,
    code_of,
    messages_by_path,
    printable,
    sentence,
)
from apps.core.negotiation import Response

NOT_SIGNED_IN = "Sign in, or send a token: Authorization: Bearer ..."
BROKEN_OFF = "The connection broke before all of the body was here. Nothing was stored. Send it again."

STATUS_OF_CODE = {
    NOT_FOUND: 404,
    CONFLICT: 409,
    TAKEN: 409,
    NO_LENGTH: 411,
    TOO_LARGE: 413,
    UNPROCESSABLE: 422,
}


def handle_exception(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """JSON whatever the view renders else; None lets what nobody expected become a 500."""
    if isinstance(error, ValidationError):
        return Response(_body_of(error), STATUS_OF_CODE.get(code_of(error), 400))
    if isinstance(error, UnreadablePostError):
        return Response({"detail": BROKEN_OFF}, 400)
    if isinstance(error, NotAuthenticated):
        error.detail = ErrorDetail(NOT_SIGNED_IN)
    answer = exception_handler(error, dict(context))
    if answer is None:
        return None
    headers = {name: answer.headers[name] for name in ("WWW-Authenticate", "Retry-After") if name in answer}
    return Response({"detail": str(answer.data["detail"])}, answer.status_code, headers)


def _body_of(error: ValidationError) -> dict[str, Any]:
    body: dict[str, Any] = {"detail": printable(sentence(error))}
    by_path = messages_by_path(error)
    if by_path:
        body["errors"] = {printable(path): [*map(printable, found)] for path, found in by_path.items()}
    return body
