"""Uploads over a socket: those that break off, and those that are refused while they are being sent."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPResponse
from secrets import token_hex
from typing import Any

import pytest

from apps.imports.tests.factories import lines, row
from tunixrt.tests.live import LiveServer

ROWS = lines(*map(row, range(40)))
BIG = b"x" * (30 << 20)
JSONL = "application/jsonl"
BOUNDARY = "7aac0fe3"


@pytest.fixture
def name() -> str:
    """Of a file that no other test sends: all share one server."""
    return f"{token_hex(8)}.jsonl"


def head(path: str, **headers: str) -> bytes:
    said = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{said}\r\n".encode()


def break_off(server: LiveServer, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        client.sendall(sent)


def send(server: LiveServer, sent: bytes) -> int:
    """The status that answers it."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        client.sendall(sent)
        response = HTTPResponse(client)
        response.begin()
        return response.status


def is_known(server: LiveServer, name: str) -> bool:
    records = server.call("GET", "/api/imports?limit=100")[1]["data"]
    return any(record["filename"] == name for record in records)


def is_nowhere(server: LiveServer, name: str) -> bool:
    """Neither a record nor a file, a while after it was sent."""
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        if is_known(server, name):
            return False
        time.sleep(0.1)
    return not [*(server.folder / "imports").glob("*.part")]


def test_half_of_a_file_is_not_taken_for_the_whole(server: LiveServer, name: str) -> None:
    start = head(f"/api/imports?filename={name}", Content_Type=JSONL, Content_Length=str(len(ROWS)))
    break_off(server, start + ROWS[: ROWS.index(b"\n", len(ROWS) // 2) + 1])
    assert is_nowhere(server, name)
    assert send(server, start + ROWS) == 202
    assert is_known(server, name)


def test_without_a_length_half_and_whole_are_the_same_and_neither_is_taken(
    server: LiveServer, name: str
) -> None:
    path = f"/api/imports?filename={name}"
    whole = b"%x\r\n%b\r\n0\r\n\r\n" % (len(ROWS), ROWS)
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        client.sendall(head(path, Content_Type=JSONL, Transfer_Encoding="chunked") + whole)
        status, said = answer(client)
    assert status == 411
    assert said["detail"].startswith("Send the file with a Content-Length, as curl --data-binary @FILE does")
    break_off(server, head(path, Content_Type=JSONL, Transfer_Encoding="chunked") + whole[:-5])
    assert is_nowhere(server, name)


def page_form(server: LiveServer, name: str) -> tuple[bytes, bytes]:
    """Head and body as HTMX sends them: the token stands in a header, too."""
    with closing(server.connect()) as connection:
        connection.request("GET", "/imports/new")
        response = connection.getresponse()
        cookie = response.headers["Set-Cookie"].partition(";")[0]
        response.read()
    disposition = f'Content-Disposition: form-data; name="file"; filename="{name}"'
    body = f"--{BOUNDARY}\r\n{disposition}\r\n\r\n".encode() + ROWS + f"\r\n--{BOUNDARY}--\r\n".encode()
    start = head(
        "/imports/new",
        Content_Type=f"multipart/form-data; boundary={BOUNDARY}",
        Content_Length=str(len(body)),
        Cookie=cookie,
        X_CSRFToken=cookie.partition("=")[2],
    )
    return start, body


def test_half_of_a_file_of_the_page_is_not_taken_either(server: LiveServer, name: str) -> None:
    start, body = page_form(server, name)
    break_off(server, start + body[: body.index(b"\n", len(body) // 2) + 1])
    assert is_nowhere(server, name)
    assert send(server, start + body) == 303
    assert is_known(server, name)


def answer(client: socket.socket) -> tuple[int, Any]:
    response = HTTPResponse(client)
    response.begin()
    return response.status, json.loads(response.read())


@pytest.mark.parametrize(
    ("query", "content_type", "status"), [("", "text/plain", 415), ("?color=red", JSONL, 400)]
)
def test_a_refusal_is_heard_by_who_is_still_sending(
    server: LiveServer, query: str, content_type: str, status: int
) -> None:
    for _ in range(3):
        with closing(server.connect()) as connection:
            connection.request("POST", f"/api/imports{query}", BIG, {"Content-Type": content_type})
            assert connection.getresponse().status == status


def test_that_it_has_no_length_is_heard_by_who_is_still_sending(server: LiveServer) -> None:
    def parts() -> Iterator[bytes]:
        for start in range(0, len(BIG), 1 << 16):
            yield BIG[start : start + (1 << 16)]

    with closing(server.connect()) as connection:
        connection.request("POST", "/api/imports", parts(), {"Content-Type": JSONL}, encode_chunked=True)
        assert connection.getresponse().status == 411


def test_who_asks_first_is_spared_the_sending(server: LiveServer) -> None:
    start = head(
        "/api/imports", Content_Type="text/plain", Content_Length=str(1 << 30), Expect="100-continue"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        client.sendall(start)
        assert answer(client)[0] == 415
