"""The calls about imports: what comes in as a body, what is said of it, who may undo it."""

import gzip
import json
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from apps.accounts.models import User
from apps.imports.api import CONTENT_TYPES
from apps.imports.models import Import, import_folder
from apps.imports.tests.factories import BAD, counts, imported, lines, make_upload, perform, row
from apps.jobs.models import Job
from apps.traces.models import Trace
from tunixrt.tests.live import LiveServer

pytestmark = pytest.mark.django_db(transaction=True)

ROWS = lines(row(1), BAD, row(2))
JSONL = "application/jsonl"


def post(api: Client, body: bytes = ROWS, content_type: str = JSONL, **query: str) -> Any:
    return api.post("/api/imports", body, content_type, query_params=query)


def test_a_file_is_taken_and_done_in_the_background(api: Client) -> None:
    response = post(api, filename="../rows.jsonl", on_error="skip", source="mine")
    assert response.status_code == 202
    said = response.json()
    assert said["state"] == "running"
    assert said["job_id"] == str(Job.objects.get().pk)
    perform(Import.objects.get())
    done = api.get(f"/api/imports/{said['id']}").json()
    assert done["finished_at"] is not None
    wanted = {
        "filename": "rows.jsonl",
        "size": len(ROWS),
        "container": "JSON Lines",
        "packing": None,
        "encoding": "UTF-8",
        "format": "gsm8k",
        "mapping": None,
        "source": "mine",
        "on_error": "skip",
        "duplicates": "skip",
        "state": "done",
        "reason": None,
        "read": 3,
        "stored": 2,
        "rejected": 1,
        "duplicates_skipped": 0,
    }
    assert {name: done[name] for name in wanted} == wanted
    assert {*Trace.objects.values_list("source", flat=True)} == {"mine"}
    assert [item["id"] for item in api.get("/api/imports?state=done").json()["data"]] == [said["id"]]
    assert api.get("/api/imports?state=failed").json()["data"] == []


@pytest.mark.parametrize("content_type", [*CONTENT_TYPES, "application/JSON; charset=utf-8"])
def test_these_types_are_taken(api: Client, content_type: str) -> None:
    assert post(api, content_type=content_type).status_code == 202


@pytest.mark.parametrize("content_type", ["text/plain", "multipart/form-data; boundary=x", ""])
def test_what_a_page_of_another_site_can_send_is_refused(api: Client, content_type: str) -> None:
    assert post(api, content_type=content_type).status_code == 415
    assert not import_folder().exists()


def test_a_page_of_another_site_is_refused(api: Client) -> None:
    response = api.post("/api/imports", ROWS, JSONL, headers={"origin": "https://elsewhere.example"})
    assert (response.status_code, Import.objects.count()) == (403, 0)


def test_without_an_account_nothing_is_taken(client: Client, db: None) -> None:
    assert post(client).status_code == 401
    assert not import_folder().exists()


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ({"format": "xml"}, "There is no format of this name"),
        ({"mapping": "{"}, "mapping: "),
        ({"mapping": '{"prompt": "q"}'}, "Name the column of the prompt and that of the answer"),
        ({"mapping": '{"prompt": "q", "answer": "a"}', "format": "gsm8k"}, "A mapping says itself"),
        ({"on_error": "perhaps"}, "on_error: This must be"),
        ({"filename": ""}, "filename: "),
        ({"color": "red"}, "color: There is no field"),
    ],
)
def test_a_wish_that_is_none_is_refused(api: Client, query: dict[str, str], reason: str) -> None:
    response = api.post("/api/imports", ROWS, JSONL, query_params=query)
    assert response.status_code == 400
    assert reason in response.json()["detail"]
    assert not import_folder().exists()


def test_all_that_is_wrong_with_the_query_is_said_by_path(api: Client) -> None:
    query = {"format": "bogus", "mapping": "{}", "on_error": "perhaps", "filename": "", "color": "red"}
    errors = api.post("/api/imports", ROWS, JSONL, query_params=query).json()["errors"]
    assert sorted(errors) == ["color", "filename", "format", "mapping", "on_error"]
    assert errors["format"][0].startswith("There is no format of this name. Choose one of auto, trace,")
    assert errors["on_error"] == ["This must be 'stop', 'skip' or 'all-or-nothing'."]
    both = {"format": "gsm8k", "mapping": '{"prompt": "q", "answer": "a", "x": 1}', "cut": "{said}"}
    errors = api.post("/api/imports", ROWS, JSONL, query_params=both).json()["errors"]
    assert sorted(errors) == ["cut", "mapping.x"]
    torn = api.post("/api/imports", ROWS, JSONL, query_params={"mapping": "{", "source": ""})
    assert sorted(torn.json()["errors"]) == ["mapping", "source"]


def test_a_wish_that_the_file_does_not_fit_leaves_it_waiting(api: Client) -> None:
    response = post(api, cut="lines", on_error="skip")
    said = response.json()
    assert (response.status_code, said["state"], said["job_id"]) == (202, "uploaded", None)
    assert said["reason"] == "The format gsm8k says itself where its steps begin: it is not cut."
    found = Import.objects.get()
    assert (said["id"], found.reason, found.on_error) == (str(found.pk), said["reason"], "skip")
    started = api.post(f"/api/imports/{said['id']}/start", {"on_error": "skip"}, "application/json")
    assert (started.status_code, started.json()["reason"]) == (202, None)
    assert counts(perform(found)) == ("done", 3, 2, 1, 0)


def test_a_source_alone_does_not_make_an_unknown_format_an_error(api: Client) -> None:
    said = post(api, lines({"q": "Q"}), source="mine").json()
    assert (said["state"], said["source"]) == ("uploaded", "mine")
    assert said["reason"].startswith("The format is not recognised: line 1 has q.")


def test_too_large_is_refused(api: Client, settings: Settings) -> None:
    settings.IMPORT_MAX_BYTES = len(ROWS) - 1
    assert post(api).status_code == 413
    assert [*import_folder().iterdir()] == []
    settings.IMPORT_MAX_BYTES = len(ROWS)
    assert post(api).status_code == 202


@pytest.mark.parametrize("body", [b" ", b"\x89PNG\r\n\x1a\n", gzip.compress(ROWS)[:20]])
def test_no_file_of_rows_is_refused(api: Client, body: bytes) -> None:
    assert post(api, body).status_code == 400
    assert ([*import_folder().iterdir()], Import.objects.count()) == ([], 0)


def test_one_that_is_not_recognised_waits_for_a_mapping(api: Client) -> None:
    said = post(api, lines({"q": "Q", "a": "x\n#### y"})).json()
    assert (said["state"], said["format"], said["job_id"]) == ("uploaded", None, None)
    assert said["reason"].startswith("The format is not recognised: line 1 has q, a.")
    path = f"/api/imports/{said['id']}/start"
    assert api.post(path, {}, "application/json").status_code == 400
    body = {"mapping": {"prompt": "q", "answer": "a"}, "on_error": "skip"}
    started = api.post(path, body, "application/json")
    assert (started.status_code, started.json()["state"]) == (202, "running")
    assert api.post(path, body, "application/json").status_code == 409
    assert counts(perform(Import.objects.get())) == ("done", 1, 1, 0, 0)


def test_a_mapping_may_come_with_the_file(api: Client) -> None:
    query = {"mapping": '{"prompt": "q", "answer": "a"}'}
    assert post(api, lines({"q": "Q", "a": "x\n#### y"}), **query).json()["state"] == "running"
    assert counts(perform(Import.objects.get())) == ("done", 1, 1, 0, 0)


def test_rejected_rows_are_lines_of_json(api: Client) -> None:
    found = imported(ROWS, on_error="skip")
    response = api.get(f"/api/imports/{found.pk}/rejected.jsonl")
    [line] = b"".join(response).splitlines()
    assert json.loads(line) == {
        "line": 2,
        "field": "answer",
        "reason": "There is no final answer behind ####.",
        "row": json.dumps(BAD),
    }
    clean = imported(lines(row(7)))
    response = api.get(f"/api/imports/{clean.pk}/rejected.jsonl")
    assert (response.status_code, b"".join(response)) == (200, b"")


def test_only_staff_undoes(client: Client, user: User, staff: User) -> None:
    found = imported(lines(row(1)))
    client.force_login(user)
    path = f"/api/imports/{found.pk}"
    headers = {"host": "localhost"}
    assert client.delete(path, headers=headers).json() == {"detail": "Only staff may remove imports."}
    client.force_login(staff)
    response = client.delete(path, headers=headers)
    assert (response.status_code, response.json()["state"]) == (202, "running")
    perform(found)
    assert (found.state, Trace.objects.count()) == ("removed", 0)
    assert client.delete(path, headers=headers).status_code == 409


def test_an_unknown_one_is_not_found(api: Client) -> None:
    for path in ("x", "01a20d45-b984-7238-9f71-60d87a9e4400"):
        assert api.get(f"/api/imports/{path}").status_code == 404
        assert api.delete(f"/api/imports/{path}").status_code == 404
        assert api.get(f"/api/imports/{path}/rejected.jsonl").status_code == 404
        assert api.post(f"/api/imports/{path}/start", {}, "application/json").status_code == 404


def test_the_list_takes_as_many_queries_for_1_as_for_many(api: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            database,
        ) as captured:
            assert api.get("/api/imports").status_code == 200
        return len(captured)

    make_upload(ROWS)
    one = queries()
    for _ in range(30):
        make_upload(ROWS)
    assert queries() == one == 1


SIZE = 50 << 20
GROWTH = 24 << 20


def memory_of(server: LiveServer) -> int:
    """The most that any process of the server has held, in bytes (proc(5))."""
    assert server.process is not None
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            text = status.read_text()
        except OSError:
            continue
        fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        is_server = fields["NSpgid"].split()[0] == str(server.process.pid) if "NSpgid" in fields else False
        if is_server and "VmHWM" in fields:
            found.append(int(fields["VmHWM"].split()[0]) << 10)
    return max(found)


def big_body() -> Iterator[bytes]:
    """Rows of no known format: they are taken and not begun."""
    part = lines({"title": "x" * 1000}) * 1000
    sent = 0
    while sent < SIZE:
        yield part
        sent += len(part)


def send(server: LiveServer, number: int, answers: list[Any]) -> None:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    path = f"/api/imports?filename=big-{number}.jsonl"
    length = sum(map(len, big_body()))
    connection.request("POST", path, big_body(), {"Content-Type": JSONL, "Content-Length": str(length)})
    response = connection.getresponse()
    answers.append((response.status, json.loads(response.read())))
    connection.close()


def test_a_large_upload_takes_little_memory(server: LiveServer) -> None:
    small: list[Any] = []
    server.call("POST", "/api/imports?filename=small.jsonl", {"title": "x"})
    before = memory_of(server)
    threads = [threading.Thread(target=send, args=(server, n, small)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(status, said["state"]) for status, said in small] == [(202, "uploaded")] * 2
    assert min(said["size"] for _, said in small) >= SIZE
    assert memory_of(server) - before < GROWTH
    for _, said in small:
        assert server.call("DELETE", f"/api/imports/{said['id']}")[0] == 202
