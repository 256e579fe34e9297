"""Reading what a client sent: its body within a limit, its query string, both against a schema."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any, TypeVar

import pydantic
from django.http import HttpRequest, UnreadablePostError
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request

from apps.core.errors import field_error, from_json_error, from_pydantic, no_length, too_large
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
    """The body as it comes, for what goes to the disk. Raises ValidationError where it has no length: half of
    it would be taken for the whole; and UnreadablePostError where it breaks off.
    """
    if "HTTP_TRANSFER_ENCODING" in request.META:
        raise no_length()
    while part := request.read(_CHUNK):
        yield part


def drain(request: HttpRequest, most: int) -> None:
    """Read on: a client that is still sending would see a broken connection instead of the answer.

    Not one that waits to be told to send, which the answer spares it.
    """
    if "100-continue" in request.META.get("HTTP_EXPECT", "").lower():
        return
    stream = request.META["wsgi.input"] if "HTTP_TRANSFER_ENCODING" in request.META else request
    try:
        while most > 0 and (part := stream.read(min(_CHUNK, most))):
            most -= len(part)
    except UnreadablePostError:  # it has given up
        return


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
    """The query string as `schema`, each parameter once."""
    values = request.query_params.dict()
    try:
        check_domain(values)
    except JSONError as error:
        raise from_json_error(error) from error
    for name, given in request.query_params.lists():
        if len(given) > 1:
            raise field_error(name, "This stands twice in the query.")
    return validate(schema, values)
