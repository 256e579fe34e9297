import io
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.handlers.wsgi import WSGIRequest
from django.test import RequestFactory
from pydantic import BaseModel, ConfigDict
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request

from apps.core.errors import TOO_LARGE, code_of, messages_by_path, sentence
from apps.core.requests import parse_query, read_body, read_json, validate

LIMIT = 1 << 20
CHUNK = 1 << 16


class CountedInput(io.BytesIO):
    """What a server hands in as wsgi.input; knows how much of it was read."""

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        self.taken = 0

    def read(self, size: int | None = -1) -> bytes:
        part = super().read(size)
        self.taken += len(part)
        return part


def make_request(
    body: bytes, *, is_chunked: bool = False, content_type: str = "application/json"
) -> tuple[WSGIRequest, CountedInput]:
    counted = CountedInput(body)
    environ: dict[str, Any] = {"wsgi.input": counted}
    if is_chunked:
        environ |= {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}
    return RequestFactory().generic("POST", "/", body, content_type, **environ), counted


@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize("size", [0, 1, CHUNK, LIMIT - 1, LIMIT])
def test_a_body_up_to_the_limit_is_read_whole(size: int, is_chunked: bool) -> None:
    body = b"x" * size
    request, _ = make_request(body, is_chunked=is_chunked)
    assert read_body(request, LIMIT) == body


@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize("size", [LIMIT + 1, 2 * LIMIT, 10 * LIMIT])
def test_a_body_above_the_limit_is_refused_after_at_most_one_limit_more(size: int, is_chunked: bool) -> None:
    request, counted = make_request(b"x" * size, is_chunked=is_chunked)
    with pytest.raises(ValidationError) as refusal:
        read_body(request, LIMIT)
    assert code_of(refusal.value) == TOO_LARGE
    assert sentence(refusal.value) == "The request body is larger than the limit of 1048576 bytes."
    assert counted.taken == min(size, 2 * LIMIT)


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_is_json(is_chunked: bool) -> None:
    request, _ = make_request('{"a": "27 × 19"}'.encode(), is_chunked=is_chunked)
    assert read_json(Request(request), LIMIT) == {"a": "27 × 19"}


@pytest.mark.parametrize("type", ["application/json; charset=utf-8", "Application/JSON", "application/json "])
def test_parameters_and_case_of_the_content_type_do_not_count(type: str) -> None:
    request, _ = make_request(b"1", content_type=type)
    assert read_json(Request(request), LIMIT) == 1


@pytest.mark.parametrize(
    "type",
    ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonx"],
)
def test_only_json_is_parsed(type: str) -> None:
    request, _ = make_request(b"1", content_type=type)
    with pytest.raises(UnsupportedMediaType) as refusal:
        read_json(Request(request), LIMIT)
    assert str(refusal.value) == "Send the body as Content-Type: application/json."


def test_a_body_ends_at_its_content_length() -> None:
    request, counted = make_request(b"12")
    counted.write(b"12 and the next request")
    counted.seek(0)
    assert (read_body(request, LIMIT), counted.taken) == (b"12", 2)


def test_a_value_outside_the_domain_is_refused_with_its_path() -> None:
    request, _ = make_request(b'{"a": [1, 1e999]}')
    with pytest.raises(ValidationError) as refusal:
        read_json(Request(request), LIMIT)
    assert messages_by_path(refusal.value) == {"a.1": ["A number must be finite."]}


class Wanted(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    count: int = 1


def parse(query: str) -> Wanted:
    return parse_query(Request(RequestFactory().get(f"/?{query}")), Wanted)


def test_a_query_string_is_parsed_against_its_schema() -> None:
    assert parse("name=%C3%97&count=3") == Wanted(name="×", count=3)


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ("", {"name": ["This field is required."]}),
        ("name=a&page=2", {"page": ["There is no field of this name."]}),
        ("name=a&name=b", {"name": ["This stands twice in the query."]}),
        ("name=%00", {"name": ["Text must not contain the character NUL."]}),
    ],
)
def test_a_refused_query_names_every_parameter(query: str, errors: dict[str, list[str]]) -> None:
    with pytest.raises(ValidationError) as refusal:
        parse(query)
    assert messages_by_path(refusal.value) == errors


@pytest.mark.parametrize("value", [{"count": "x", "other": 1}])
def test_all_refusals_are_named_not_the_first(value: Any) -> None:
    with pytest.raises(ValidationError) as refusal:
        validate(Wanted, value)
    assert [*messages_by_path(refusal.value)] == ["name", "count", "other"]
