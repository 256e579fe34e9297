"""Reading what a client sent: its body within a limit, its query string, both against a schema."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any, TypeVar

import pydantic
from django.http import HttpRequest
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request

from apps.core.errors import from_json_error, from_pydantic, too_large
from apps.core.json import JSONError, check_domain, parse_json

Schema = TypeVar("Schema", bound=pydantic.BaseModel)

_CHUNK = 1 << 16


def read_json(request: Request, max_bytes: int) -> Any:
    """The request's JSON body. Raises UnsupportedMediaType or ValidationError."""
    if request.content_type.partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMediaType(request.content_type, "Send the body as Content-Type: application/json.")
    try:
        return parse_json(read_body(request._request, max_bytes))
    except JSONError as error:
        raise from_json_error(error) from error


def read_body(request: HttpRequest, max_bytes: int) -> bytes:
    """The whole body, also one that comes chunked, without a Content-Length, which Django does not read.

    Above `max_bytes` raises ValidationError (too large), having read as much again: a client that is still
    sending then hears the answer instead of a reset connection.
    """
    stream = request.META["wsgi.input"] if "HTTP_TRANSFER_ENCODING" in request.META else request
    parts: list[bytes] = []
    size = 0
    while part := stream.read(min(_CHUNK, 2 * max_bytes - size)):
        size += len(part)
        if size <= max_bytes:
            parts.append(part)
    if size > max_bytes:
        raise too_large("The request body", max_bytes)
    return b"".join(parts)


def read_parts(request: HttpRequest) -> Iterator[bytes]:
    """The body as it comes, also chunked, for what goes to the disk."""
    stream = request.META["wsgi.input"] if "HTTP_TRANSFER_ENCODING" in request.META else request
    while part := stream.read(_CHUNK):
        yield part


def keep_body(request: HttpRequest, max_bytes: int) -> bytes:
    """The whole body, which can then be read once more."""
    body = read_body(request, max_bytes)
    request._stream = request.META["wsgi.input"] = BytesIO(body)
    return body


def validate(schema: type[Schema], value: Any) -> Schema:
    """`value` as `schema`. Raises ValidationError with every refusal, not the first."""
    try:
        return schema.model_validate(value)
    except pydantic.ValidationError as error:
        raise from_pydantic(error) from error


def parse_query(request: Request, schema: type[Schema]) -> Schema:
    """The query string as `schema`; a parameter that stands twice counts as its last."""
    values = request.query_params.dict()
    try:
        check_domain(values)
    except JSONError as error:
        raise from_json_error(error) from error
    return validate(schema, values)
