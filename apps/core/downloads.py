"""Sending a file with an exact length, so that a cut shows, and by Range, so that it can go on."""

import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.cache import get_conditional_response

CONTENT_TYPE = "application/x-ndjson"

_CHUNK = 1 << 18
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def send_file(
    request: HttpRequest, file: BinaryIO, size: int, etag: str, headers: Mapping[str, str]
) -> HttpResponseBase:
    """The first `size` bytes of `file`, which the response closes: 200, 206, 304, 412 or 416.

    `etag` is strong: a quoted digest of exactly these bytes (RFC 9110, 8.8.3).
    """
    conditional = get_conditional_response(request, etag=etag)
    if conditional is not None:
        file.close()
        return conditional
    span = _requested_span(request, size, etag)
    if span is not None and span.start >= size:
        file.close()
        return HttpResponse(
            status=416, headers={"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"}
        )
    sent = span or range(size)
    response = StreamingHttpResponse(
        _read(file, sent), status=206 if span else 200, content_type=CONTENT_TYPE, headers=dict(headers)
    )
    if span:
        response["Content-Range"] = f"bytes {sent.start}-{sent.stop - 1}/{size}"
    response["Content-Length"] = str(len(sent))
    response["Accept-Ranges"] = "bytes"
    response["ETag"] = etag
    return response


def _requested_span(request: HttpRequest, size: int, etag: str) -> range | None:
    """The bytes asked for, none for all; starts at `size` when they cannot be had (RFC 9110, 14.2).

    Several ranges at once are answered with the whole, as a server may.
    """
    match = _RANGE.fullmatch(request.headers.get("Range", "").replace(" ", ""))
    if request.method not in ("GET", "HEAD") or match is None or match[0] == "bytes=-":
        return None
    if request.headers.get("If-Range", etag) != etag:
        return None
    first, last = match.groups()
    if not first:
        return range(max(size - int(last), 0) if int(last) else size, size)
    if last and int(last) < int(first):
        return None
    return range(min(int(first), size), min(int(last) + 1, size) if last else size)


def _read(file: BinaryIO, span: range) -> Iterator[bytes]:
    with file:
        file.seek(span.start)
        left = len(span)
        while left and (chunk := file.read(min(left, _CHUNK))):
            left -= len(chunk)
            yield chunk
