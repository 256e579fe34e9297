"""How an export is sent: whole or in parts, with its length and digest, and never short."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponseBase
from django.test import Client
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from apps.audit.models import Act
from apps.audit.record import Verb
from apps.audit.tests.factories import STATEMENTS_SEEN
from apps.datasets.models import Dataset
from apps.datasets.tests.factories import make_dataset
from apps.traces.models import Trace
from apps.traces.tests.factories import make_traces

pytestmark = pytest.mark.django_db

PATH = "/api/datasets/letters-v1/export.jsonl"


@pytest.fixture
def dataset(api: Client) -> Dataset:
    make_traces(3)
    return make_dataset()


def _get(api: Client, **headers: str) -> Any:
    return api.get(PATH, headers={name.replace("_", "-"): value for name, value in headers.items()})


def _body(response: HttpResponseBase) -> bytes:
    return b"".join(response) if response.streaming else bytes(response.content)  # type: ignore[attr-defined]


def test_the_headers_of_an_export(api: Client, dataset: Dataset) -> None:
    response = _get(api)
    body = _body(response)
    digest = hashlib.sha256(body).hexdigest()
    headers = {name: response.headers[name] for name in response.headers if name.startswith("X-Tunix")}
    assert headers == {
        "X-Tunix-Record-Count": "3",
        "X-Tunix-Total-Count": "3",
        "X-Tunix-Truncated": "false",
        "X-Tunix-Escaped": "0",
    }
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/x-ndjson")
    assert response.headers["Content-Length"] == str(len(body))
    assert response.headers["ETag"] == f'"{digest}"'
    assert response.headers["Content-Disposition"] == 'attachment; filename="letters-v1.jsonl"'
    assert response.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize(
    ("query", "path"),
    [("format=csv", "format"), ("format=", "format"), ("limit=1", "limit"), ("build=1", "build")],
)
def test_a_refused_parameter_is_named(api: Client, dataset: Dataset, query: str, path: str) -> None:
    response = api.get(f"{PATH}?{query}")
    assert (response.status_code, [*response.json()["errors"]]) == (400, [path])


def test_head_answers_the_headers_alone(api: Client, dataset: Dataset) -> None:
    whole = _get(api)
    response = api.head(PATH)
    assert (response.status_code, _body(response)) == (200, b"")
    assert dict(response.headers) == dict(whole.headers)
    _body(whole)


@pytest.mark.parametrize("way", ["{}", "W/{}", '"other", {}', "*"])
def test_what_the_client_has_is_not_sent_again(api: Client, dataset: Dataset, way: str) -> None:
    whole = _get(api)
    _body(whole)
    response = _get(api, if_none_match=way.format(whole.headers["ETag"]))
    assert (response.status_code, _body(response)) == (304, b"")


def test_another_etag_is_answered_with_the_whole(api: Client, dataset: Dataset) -> None:
    response = _get(api, if_none_match='"other"')
    assert (response.status_code, len(_body(response))) == (200, int(response.headers["Content-Length"]))


def test_the_formats_have_etags_of_their_own(api: Client, dataset: Dataset) -> None:
    etags = set()
    for format in ("trace", "tunix_sft", "training_example"):
        response = api.get(f"{PATH}?format={format}")
        etags.add(response.headers["ETag"])
        _body(response)
    assert len(etags) == 3


# --- Ranges ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-", slice(0, None)),
        ("bytes=0-0", slice(0, 1)),
        ("bytes=5-9", slice(5, 10)),
        ("bytes=100-", slice(100, None)),
        ("bytes=100-99999999", slice(100, None)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=-99999999", slice(0, None)),
    ],
)
def test_a_range_is_sent(api: Client, dataset: Dataset, asked: str, part: slice) -> None:
    whole = _get(api)
    body = _body(whole)
    start, stop, _ = part.indices(len(body))
    response = _get(api, range=asked)
    assert (response.status_code, _body(response)) == (206, body[part])
    assert response.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(body)}"
    assert response.headers["Content-Length"] == str(stop - start)
    assert response.headers["ETag"] == whole.headers["ETag"]
    assert response.headers["X-Tunix-Record-Count"] == "3"


def test_a_broken_download_goes_on(api: Client, dataset: Dataset) -> None:
    whole = _get(api)
    body = _body(whole)
    rest = _get(api, range="bytes=100-", if_range=whole.headers["ETag"])
    assert (rest.status_code, body[:100] + _body(rest)) == (206, body)


def test_a_download_of_something_else_begins_anew(api: Client, dataset: Dataset) -> None:
    body = _body(_get(api))
    for other in ('"other"', "Mon, 01 Jan 2024 00:00:00 GMT"):
        response = _get(api, range="bytes=100-", if_range=other)
        assert (response.status_code, _body(response)) == (200, body)


def test_a_weak_etag_does_not_continue(api: Client, dataset: Dataset) -> None:
    whole = _get(api)
    body = _body(whole)
    response = _get(api, range="bytes=100-", if_range="W/" + whole.headers["ETag"])
    assert (response.status_code, _body(response)) == (200, body)


@pytest.mark.parametrize(
    "asked", ["bytes={size}-", "bytes=99999999-", "bytes=99999999-100000000", "bytes=-0"]
)
def test_a_range_beyond_the_end_is_416(api: Client, dataset: Dataset, asked: str) -> None:
    size = len(_body(_get(api)))
    response = _get(api, range=asked.format(size=size))
    assert (response.status_code, _body(response)) == (416, b"")
    assert response.headers["Content-Range"] == f"bytes */{size}"


@pytest.mark.parametrize(
    "asked", ["bytes=0-1,5-6", "bytes=9-5", "bytes=-", "bytes=a-b", "bytes=", "lines=0-1", "0-1", "bytes 0-1"]
)
def test_other_ranges_are_answered_with_the_whole(api: Client, dataset: Dataset, asked: str) -> None:
    body = _body(_get(api))
    response = _get(api, range=asked)
    assert (response.status_code, _body(response)) == (200, body)


@pytest.mark.parametrize("asked", ["bytes={}-", "bytes=0-{}", "bytes=-{}"])
def test_no_number_is_too_long_for_a_range(api: Client, dataset: Dataset, asked: str) -> None:
    api.raise_request_exception = False
    response = _get(api, range=asked.format("9" * 5_000))
    _body(response)
    assert response.status_code in (200, 206, 400, 416)


def test_a_head_with_a_range_says_what_a_get_would(api: Client, dataset: Dataset) -> None:
    response = api.head(PATH, headers={"range": "bytes=5-9"})
    assert (response.status_code, _body(response)) == (206, b"")
    assert response.headers["Content-Length"] == "5"


# --- The rendered file -------------------------------------------------------------------------


def _files(data_dir: Path) -> list[Path]:
    return sorted(path for path in (data_dir / "exports").glob("*") if path.suffix != ".lock")


def test_an_export_is_rendered_once(
    api: Client, dataset: Dataset, data_dir: Path, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    body = _body(_get(api))
    [lines, digest] = _files(data_dir)
    assert (lines.suffix, lines.read_bytes()) == (".jsonl", body)
    before = lines.stat()
    with django_assert_num_queries(1 + STATEMENTS_SEEN):
        assert _body(_get(api)) == body
    assert lines.stat().st_ino == before.st_ino
    assert digest.read_text() == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize("suffixes", [{".jsonl"}, {".sha256"}, {".jsonl", ".sha256", ".lock"}])
def test_a_missing_file_is_made_again(
    api: Client, dataset: Dataset, data_dir: Path, suffixes: set[str]
) -> None:
    first = _get(api)
    body = _body(first)
    for path in (data_dir / "exports").iterdir():
        if path.suffix in suffixes:
            path.unlink()
    second = _get(api)
    assert (_body(second), second.headers["ETag"]) == (body, first.headers["ETag"])


def test_a_deleted_dataset_leaves_no_file(
    api: Client,
    dataset: Dataset,
    data_dir: Path,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    for format in ("trace", "tunix_sft"):
        _body(api.get(f"{PATH}?format={format}"))
    with django_capture_on_commit_callbacks(execute=True):
        assert api.delete("/api/datasets/letters-v1").status_code == 204
    assert [*(data_dir / "exports").iterdir()] == []


def _delete_behind_the_program(prompt: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {Trace._meta.db_table} WHERE prompt = %s", [prompt])


@pytest.mark.parametrize("prompt", ["Question 0", "Question 1", "Question 2"])
def test_a_fault_while_rendering_is_500_and_leaves_no_file(
    api: Client, dataset: Dataset, data_dir: Path, prompt: str
) -> None:
    _delete_behind_the_program(prompt)
    api.raise_request_exception = False
    for _ in range(2):
        response = _get(api)
        assert (response.status_code, response.headers["Content-Type"]) == (500, "application/json")
        assert [*response.json()] == ["detail"]
        assert _files(data_dir) == []


def test_a_fault_after_rendering_does_not_change_what_was_rendered(api: Client, dataset: Dataset) -> None:
    body = _body(_get(api))
    _delete_behind_the_program("Question 1")
    assert _body(_get(api)) == body


def test_a_damaged_text_is_500(api: Client, dataset: Dataset, data_dir: Path) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {Trace._meta.db_table} SET steps = '[' WHERE prompt = 'Question 1'")
    api.raise_request_exception = False
    assert _get(api).status_code == 500
    assert _files(data_dir) == []


def test_it_is_recorded_where_any_of_it_is_sent(api: Client, dataset: Dataset) -> None:
    whole = _get(api)
    etag = whole["ETag"]
    assert len(_body(whole)) == int(whole["Content-Length"])
    assert _get(api, If_None_Match=etag).status_code == 304
    assert _get(api, Range="bytes=99999999-").status_code == 416
    assert api.head(PATH).status_code == 200
    assert _body(_get(api, Range="bytes=5-")) != b""
    acts = Act.objects.filter(verb=Verb.EXPORTED_DATASET).values_list("key", "rows", "details")
    assert [*acts] == [("letters-v1", 3, '{"format":"trace"}')] * 2
