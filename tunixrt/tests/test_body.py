"""Bodies that break off: what is answered, and that nothing was done."""

import io
from typing import Any

import pytest
from django.test import Client

from apps.imports.models import Import, import_folder
from apps.traces.models import Trace
from tunixrt.body import WholeBody, expecting_whole_bodies

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("size", [-1, 3, 100])
def test_an_early_end_is_an_error_and_no_end(size: int) -> None:
    def read_all(body: Any) -> list[bytes]:
        return [*iter(lambda: body.read(size), b"")]

    assert b"".join(read_all(WholeBody(io.BytesIO(b"12345"), 5))) == b"12345"
    with pytest.raises(ConnectionResetError):
        read_all(WholeBody(io.BytesIO(b"12345"), 6))
    with pytest.raises(ConnectionResetError):
        [*iter(WholeBody(io.BytesIO(b"1\n2"), 6).readline, b"")]


@pytest.mark.parametrize(
    ("more", "is_wrapped"),
    [
        ({"CONTENT_LENGTH": "5"}, True),
        ({"CONTENT_LENGTH": ""}, False),
        ({}, False),
        ({"CONTENT_LENGTH": "5", "HTTP_TRANSFER_ENCODING": "chunked"}, False),
    ],
)
def test_only_what_says_its_length_is_expected_whole(more: dict[str, str], is_wrapped: bool) -> None:
    environ: dict[str, Any] = {"wsgi.input": io.BytesIO(), **more}
    expecting_whole_bodies(lambda environ, _: environ)(environ, None)
    assert isinstance(environ["wsgi.input"], WholeBody) == is_wrapped


SENTENCE = "The connection broke before all of the body was here. Nothing was stored. Send it again."


def post_half(client: Client, path: str, body: bytes, type: str, **headers: str) -> tuple[int, bool]:
    """The status, and whether what happened is said."""
    half = WholeBody(io.BytesIO(body), 1000)
    environ: dict[str, Any] = {"wsgi.input": half, "CONTENT_LENGTH": "1000", "CONTENT_TYPE": type}
    response = client.generic("POST", path, headers=headers, **environ)
    return response.status_code, SENTENCE in response.text


@pytest.mark.parametrize(
    ("path", "body", "type"),
    [
        ("/api/imports", b'{"question": "Q", "answer": "x #### 1"}\n', "application/jsonl"),
        ("/api/traces", b'{"trace_version": "1", "prompt": "p", "final_answer": "a"', "application/json"),
        ("/traces/new", b"prompt=only+half+of+it", "application/x-www-form-urlencoded"),
    ],
)
def test_half_of_a_body_is_a_sentence_and_does_nothing(
    api: Client, path: str, body: bytes, type: str
) -> None:
    assert post_half(api, path, body, type) == (400, True)
    assert (Trace.objects.count(), Import.objects.count(), [*import_folder().glob("*")]) == (0, 0, [])


def test_half_of_a_form_is_no_empty_form_where_the_token_comes_in_a_header(api: Client) -> None:
    strict = Client(enforce_csrf_checks=True, headers={"host": "localhost"})
    token = strict.get("/traces/new").cookies["csrftoken"].value
    form = "application/x-www-form-urlencoded"
    answer = post_half(strict, "/traces/new", b"prompt=half", form, host="localhost", x_csrftoken=token)
    assert answer == (400, True)
