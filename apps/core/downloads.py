"""Sending a file with an exact length, so that a cut shows, and by Range, so that it can go on."""

import re
from collections.abc import Mapping
from typing import BinaryIO, Self

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
        conditional["ETag"] = etag
        return conditional
    span = _requested_span(request, size, etag)
    if span is not None and span.start >= size:
        file.close()
        return HttpResponse(
            status=416, headers={"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"}
        )
    sent = span or range(size)
    response = _answer(request, file, sent)
    response.status_code = 206 if span else 200
    for name, value in headers.items():
        response[name] = value
    if span:
        response["Content-Range"] = f"bytes {sent.start}-{sent.stop - 1}/{size}"
    response["Content-Length"] = str(len(sent))
    response["Accept-Ranges"] = "bytes"
    response["ETag"] = etag
    return response


def _answer(request: HttpRequest, file: BinaryIO, span: range) -> HttpResponseBase:
    if request.method == "HEAD":
        file.close()
        return HttpResponse(content_type=CONTENT_TYPE)
    return StreamingHttpResponse(_Part(file, span), content_type=CONTENT_TYPE)


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
        wanted = _bounded(last, size)
        return range(size - wanted, size)
    start = _bounded(first, size)
    if not last:
        return range(start, size)
    stop = _bounded(last, size)
    return None if stop < start else range(start, min(stop + 1, size))


def _bounded(digits: str, size: int) -> int:
    """The number or `size`, whichever is lower; there may be more digits than Python converts."""
    significant = digits.lstrip("0")
    return size if len(significant) > len(str(size)) else min(int(significant or "0"), size)


class _Part:
    """The bytes of `span`. Closed at its end, or by the server when the client is gone before."""

    def __init__(self, file: BinaryIO, span: range) -> None:
        file.seek(span.start)
        self._file, self._left = file, len(span)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        chunk = self._file.read(min(self._left, _CHUNK)) if self._left else b""
        if not chunk:
            self.close()
            raise StopIteration
        self._left -= len(chunk)
        return chunk

    def close(self) -> None:
        self._file.close()
