from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponseBase, StreamingHttpResponse
from django.test import RequestFactory

from apps.core.downloads import send_file

BYTES = b"0123456789"
ETAG = '"abc"'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "digits"
    found.write_bytes(BYTES + b"beyond the size")
    return found


def spelled(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def send(path: Path, method: str = "GET", **headers: str) -> HttpResponseBase:
    request = RequestFactory().generic(method, "/", headers=spelled(headers))
    return send_file(request, path.open("rb"), len(BYTES), ETAG, {"X-Own": "1"})


def body(response: HttpResponseBase) -> bytes:
    if isinstance(response, StreamingHttpResponse):
        return response.getvalue()
    return bytes(getattr(response, "content", b""))


def picked(response: HttpResponseBase) -> dict[str, Any]:
    names = ("Content-Length", "Content-Range", "Accept-Ranges", "ETag", "X-Own", "Content-Type")
    return {name: response[name] for name in names if name in response}


def test_the_whole_is_sent_with_its_length(path: Path) -> None:
    response = send(path)
    assert (response.status_code, body(response)) == (200, BYTES)
    assert picked(response) == {
        "Content-Length": "10",
        "Accept-Ranges": "bytes",
        "ETag": ETAG,
        "X-Own": "1",
        "Content-Type": "application/x-ndjson",
    }


@pytest.mark.parametrize(
    ("asked", "sent", "content_range"),
    [
        ("bytes=0-3", b"0123", "bytes 0-3/10"),
        ("bytes=4-", b"456789", "bytes 4-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=9-9", b"9", "bytes 9-9/10"),
        ("bytes=5-99999999999999999999", b"56789", "bytes 5-9/10"),
        ("bytes=-99", BYTES, "bytes 0-9/10"),
        ("bytes = 0 - 3", b"0123", "bytes 0-3/10"),
    ],
)
def test_a_range_is_sent(path: Path, asked: str, sent: bytes, content_range: str) -> None:
    response = send(path, Range=asked)
    assert (response.status_code, body(response)) == (206, sent)
    assert (response["Content-Range"], response["Content-Length"]) == (content_range, str(len(sent)))


@pytest.mark.parametrize(
    "asked", ["bytes=10-", "bytes=10-12", "bytes=99999999999999999999-", "bytes=-0", "bytes=10-10"]
)
def test_a_range_behind_the_end_is_416(path: Path, asked: str) -> None:
    response = send(path, Range=asked)
    assert (response.status_code, body(response)) == (416, b"")
    assert response["Content-Range"] == "bytes */10"


@pytest.mark.parametrize(
    "asked",
    ["", "bytes=", "bytes=-", "bytes=a-b", "items=0-3", "bytes=3-1", "bytes=0-1,3-4", "0-3", "bytes=0-3x"],
)
def test_what_is_no_single_range_gets_the_whole(path: Path, asked: str) -> None:
    response = send(path, Range=asked)
    assert (response.status_code, body(response)) == (200, BYTES)


def test_if_range_of_other_bytes_gets_the_whole(path: Path) -> None:
    response = send(path, Range="bytes=4-", If_Range=ETAG)
    assert (response.status_code, body(response)) == (206, b"456789")
    response = send(path, Range="bytes=4-", If_Range='"other"')
    assert (response.status_code, body(response)) == (200, BYTES)


@pytest.mark.parametrize("known", [ETAG, f'"x", {ETAG}', "*", f"W/{ETAG}"])
def test_what_is_known_is_not_sent_again(path: Path, known: str) -> None:
    response = send(path, If_None_Match=known)
    assert (response.status_code, body(response), response["ETag"]) == (304, b"", ETAG)


def test_what_is_known_is_not_sent_again_by_range(path: Path) -> None:
    assert send(path, If_None_Match=ETAG, Range="bytes=4-").status_code == 304


def test_other_bytes_than_the_known_are_sent(path: Path) -> None:
    response = send(path, If_None_Match='"other"')
    assert (response.status_code, body(response)) == (200, BYTES)


@pytest.mark.parametrize("wanted", [ETAG, "*"])
def test_the_wanted_bytes_are_sent(path: Path, wanted: str) -> None:
    response = send(path, If_Match=wanted)
    assert (response.status_code, body(response)) == (200, BYTES)


@pytest.mark.parametrize("wanted", ['"other"', f"W/{ETAG}"])
def test_other_bytes_than_the_wanted_are_not_sent(path: Path, wanted: str) -> None:
    response = send(path, If_Match=wanted)
    assert (response.status_code, body(response)) == (412, b"")


def test_a_body_by_post_is_whole(path: Path) -> None:
    response = send(path, "POST", Range="bytes=4-")
    assert (response.status_code, body(response)) == (200, BYTES)


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=10-"}, {"If_None_Match": ETAG}])
def test_the_file_is_closed(path: Path, headers: dict[str, str]) -> None:
    request = RequestFactory().get("/", headers=spelled(headers))
    file = path.open("rb")
    body(send_file(request, file, len(BYTES), ETAG, {}))
    assert file.closed


@pytest.mark.django_db
def test_the_file_is_closed_when_the_client_leaves_before_the_end(path: Path) -> None:
    file = path.open("rb")
    response = send_file(RequestFactory().get("/"), file, len(BYTES), ETAG, {})
    next(iter(response))
    response.close()
    assert file.closed
