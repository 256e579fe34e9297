"""The pages of imports."""

import gzip
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from apps.accounts.models import User
from apps.audit.models import Act
from apps.datasets.tests.factories import make_dataset
from apps.imports.models import Import, SavedMapping, import_folder
from apps.imports.tests.factories import BAD, counts, imported, lines, make_upload, perform, row, start
from apps.jobs.tests.factories import make_worker
from apps.traces.models import Trace

pytestmark = pytest.mark.django_db(transaction=True)

ROWS = lines(row(1), row(2))
OWN = lines({"q": "Q", "why": "One. Two.", "a": "x"}, {"q": "<script>alert(1)</script> {{ 7 }}", "a": "x"})
COLUMNS = {
    "reading": "columns",
    "prompt": "q",
    "steps": "why",
    "answer": "a",
    "cut": "sentences",
    "on_error": "skip",
    "duplicates": "skip",
}


def upload(api: Client, content: bytes, name: str = "rows.jsonl", **more: Any) -> Any:
    return api.post("/imports/new", {"file": SimpleUploadedFile(name, content), **more})


def test_an_uploaded_file_is_shown_before_anything_is_stored(api: Client) -> None:
    response = upload(api, ROWS)
    found = Import.objects.get()
    assert (response.status_code, response["Location"]) == (303, f"/imports/{found.pk}")
    page = api.get(response["Location"]).text
    assert "The first 2 rows as traces" in page
    assert "GSM8K (recognised)" in page
    assert (found.state, Trace.objects.count()) == ("uploaded", 0)
    assert found.path.read_bytes() == ROWS


def test_an_upload_by_htmx_leaves_for_the_page_of_it(api: Client) -> None:
    file = SimpleUploadedFile("rows.jsonl", ROWS)
    response = api.post("/imports/new", {"file": file}, headers={"hx-request": "true"})
    assert (response.status_code, response["HX-Redirect"]) == (204, f"/imports/{Import.objects.get().pk}")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x89PNG\r\n\x1a\n", "The file has no rows of text: it is a PNG picture."),
        (gzip.compress(ROWS)[:20], "The gzip data ends too early at its beginning."),
        (b" ", "The file is empty: it holds no rows."),
        ("é".encode("latin-1") + b'{"a": 1}', "line 1"),
    ],
)
def test_what_is_no_file_of_rows_is_said_at_the_field(api: Client, content: bytes, reason: str) -> None:
    response = upload(api, content)
    assert response.status_code == 422
    assert reason in response.text
    assert 'aria-invalid="true"' in response.text
    assert (Import.objects.count(), [*import_folder().iterdir()]) == (0, [])


def test_no_file_is_said_too(api: Client) -> None:
    response = api.post("/imports/new", {})
    assert response.status_code == 422
    assert "No file is chosen. Choose one first." in response.text


def test_a_file_that_is_too_large_is_said_at_the_field(api: Client, settings: Settings) -> None:
    settings.IMPORT_MAX_BYTES = 10
    response = upload(api, ROWS)
    assert response.status_code == 413
    assert "The file is larger than the limit of 10 bytes." in response.text
    assert [*import_folder().iterdir()] == []


def test_the_form_of_another_site_is_refused(settings: Settings, api: Client) -> None:
    strict = Client(enforce_csrf_checks=True, headers={"host": "localhost"})
    assert upload(strict, ROWS).status_code == 403
    assert (Import.objects.count(), [*import_folder().glob("*")]) == (0, [])


def test_without_an_account_nothing_is_taken(client: Client, db: None) -> None:
    response = upload(client, ROWS)
    assert response.status_code == 302
    assert not import_folder().exists()


def test_the_preview_follows_the_form(api: Client) -> None:
    found = make_upload(OWN)
    page = api.get(f"/imports/{found.pk}").text
    assert "The format is not recognised: line 1 has q, why, a." in page
    response = api.get(f"/imports/{found.pk}", COLUMNS, headers={"hx-request": "true"})
    fragment = response.text
    assert fragment.lstrip().startswith('<section id="imports-preview"')
    assert "Of the first 2 rows, <b>1</b> can be read as a trace" in " ".join(fragment.split())
    assert '<div dir="auto">One.</div>' in fragment
    assert "why: The row has no such column." in fragment
    assert "&lt;script&gt;alert(1)&lt;/script&gt; {{ 7 }}" in fragment


def test_what_cannot_work_is_said_in_the_preview(api: Client) -> None:
    found = make_upload(OWN)
    asked = {**COLUMNS, "answer": ""}
    response = api.get(f"/imports/{found.pk}", asked, headers={"hx-request": "true"})
    assert "Name the column of the prompt and that of the answer, or of a conversation" in response.text
    assert "No preview until this is corrected." in response.text


def test_without_script_a_button_previews(api: Client) -> None:
    found = make_upload(OWN)
    page = api.post(f"/imports/{found.pk}", COLUMNS)
    assert page.status_code == 200
    assert "can be read as a trace" in page.text
    assert 'value="why"' in page.text


def test_columns_are_saved_by_name_and_used_again(api: Client) -> None:
    found = make_upload(OWN)
    response = api.post(f"/imports/{found.pk}/start", {**COLUMNS, "save_as": "ours"})
    assert response.status_code == 303
    perform(found)
    assert counts(found) == ("done", 2, 1, 1, 0)
    mapping = {"prompt": "q", "steps": "why", "answer": "a", "cut": "sentences"}
    assert [(saved.name, saved.mapping) for saved in SavedMapping.objects.all()] == [("ours", mapping)]
    again = make_upload(lines({"q": "R", "why": "Three.", "a": "y"}))
    asked = {"reading": "saved:ours", "on_error": "stop", "duplicates": "skip"}
    assert '<option value="saved:ours">ours</option>' in api.get(f"/imports/{again.pk}").text
    assert api.post(f"/imports/{again.pk}/start", asked).status_code == 303
    assert counts(perform(again)) == ("done", 1, 1, 0, 0)
    assert again.mapping == mapping
    acts = Act.objects.filter(verb="saved-mapping")
    assert [(act.actor_name, act.key, act.detail) for act in acts] == [
        ("local operator", "ours", {"mapping": mapping})
    ]


def test_a_name_of_other_columns_is_refused(api: Client) -> None:
    SavedMapping.objects.create(name="ours", mapping={"prompt": "p", "answer": "a"})
    found = make_upload(OWN)
    response = api.post(f"/imports/{found.pk}/start", {**COLUMNS, "save_as": "ours"})
    assert response.status_code == 422
    assert "There are other columns under this name. Choose another." in response.text
    found.refresh_from_db()
    assert found.state == "uploaded"


def test_a_format_that_is_not_cut_is_a_sentence(api: Client) -> None:
    found = make_upload(ROWS)
    asked = {"reading": "auto", "cut": "lines", "on_error": "stop", "duplicates": "skip"}
    response = api.post(f"/imports/{found.pk}/start", asked)
    assert response.status_code == 422
    assert "The format gsm8k says itself where its steps begin: it is not cut." in response.text


def test_while_it_runs_the_page_asks_for_progress(api: Client) -> None:
    found = start(ROWS)
    page = api.get(f"/imports/{found.pk}").text
    assert "No worker is running" in page
    assert f'hx-get="/imports/{found.pk}" hx-trigger="every 1s"' in page
    make_worker()
    assert "No worker is running" not in api.get(f"/imports/{found.pk}").text
    response = api.post(f"/imports/{found.pk}/cancel")
    assert (response.status_code, response["Location"]) == (303, f"/imports/{found.pk}")
    page = api.get(f"/imports/{found.pk}").text
    assert "Cancelled. What it had stored was removed again." in page
    assert "every 1s" not in page


def test_the_report_shows_the_first_rejected_rows(api: Client) -> None:
    bad = {"question": "<b>bad</b>", "answer": "none"}
    found = imported(lines(row(1), *[bad] * 25), on_error="skip")
    page = api.get(f"/imports/{found.pk}").text
    assert page.count("There is no final answer behind ####.") == 20
    assert "Download all 25" in page
    assert "&lt;b&gt;bad" in page
    response = api.get(f"/imports/{found.pk}/rejected.jsonl")
    assert response["Content-Disposition"] == f'attachment; filename="{found.pk}.rejected.jsonl"'
    assert len(b"".join(response).splitlines()) == 25


def test_what_an_import_brought_is_removed_after_a_question(api: Client) -> None:
    found = imported(ROWS)
    assert "Remove the 2 traces that this import brought?" in " ".join(
        api.get(f"/imports/{found.pk}/remove").text.split()
    )
    assert api.post(f"/imports/{found.pk}/remove").status_code == 303
    perform(found)
    assert (found.state, Trace.objects.count()) == ("removed", 0)


def test_what_a_dataset_holds_stays_and_is_said(api: Client) -> None:
    found = imported(ROWS)
    make_dataset()
    response = api.post(f"/imports/{found.pk}/remove")
    assert response.status_code == 409
    assert "What rows.jsonl brought is held by letters-v1. Delete what holds it first." in response.text
    assert Trace.objects.count() == 2


def test_only_staff_removes_but_everybody_their_own_upload(client: Client, user: User) -> None:
    stored, waiting, own = imported(ROWS), make_upload(ROWS), make_upload(ROWS)
    Import.objects.filter(pk__in=[stored.pk, own.pk]).update(created_by=user)
    client.force_login(user)
    headers = {"host": "localhost"}
    for found in (stored, waiting):
        assert client.post(f"/imports/{found.pk}/remove", headers=headers).status_code == 403
        assert client.delete(f"/api/imports/{found.pk}", headers=headers).status_code == 403
    assert "Remove what" not in client.get(f"/imports/{stored.pk}", headers=headers).text
    assert "Discard" not in client.get(f"/imports/{waiting.pk}", headers=headers).text
    assert "Discard" in client.get(f"/imports/{own.pk}", headers=headers).text
    assert client.post(f"/imports/{own.pk}/remove", headers=headers).status_code == 303
    assert "rows.jsonl is discarded." in client.get(f"/imports/{own.pk}", headers=headers).text
    own.refresh_from_db()
    assert (own.state, [*import_folder().iterdir()]) == ("removed", [waiting.path])


def test_the_list_takes_as_many_queries_for_1_as_for_100(api: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert api.get("/imports").status_code == 200
        return len(captured)

    imported(lines(BAD), on_error="skip")
    one = queries()
    for _ in range(2):
        imported(lines(BAD), on_error="skip")
    assert queries() == one
    for _ in range(97):
        make_upload(ROWS)
    assert queries() == one


def test_an_empty_list_teaches_the_first_step(api: Client) -> None:
    assert "No file has been imported yet." in api.get("/imports").text


@pytest.mark.parametrize("path", ["", "/start", "/cancel", "/remove", "/rejected.jsonl"])
def test_an_unknown_one_is_not_found(api: Client, path: str) -> None:
    method = api.post if path in ("/start", "/cancel") else api.get
    assert method(f"/imports/01a20d45-b984-7238-9f71-60d87a9e4400{path}").status_code == 404


def test_a_search_finds_file_names(api: Client) -> None:
    for name in ("train.jsonl", "test_1.jsonl", "test.csv"):
        make_upload(b"{}", name)

    def found(q: str) -> list[str]:
        return [str(item) for item, _ in api.get("/imports", {"q": q}).context["rows"]]

    assert found(" TEST") == ["test.csv", "test_1.jsonl"]
    assert found("t_1") == ["test_1.jsonl"]
    assert found("\0") == ["test.csv", "test_1.jsonl", "train.jsonl"]
    assert "No file has such a name." in api.get("/imports?q=nowhere").text
    fragment = api.get("/imports?q=train&after=", headers={"HX-Request": "true"})
    assert ("<html" in fragment.text, fragment["HX-Push-Url"]) == (False, "/imports?q=train")
    refused = api.get("/imports?after=x")
    assert (refused.status_code, "This is no cursor of this list." in refused.text) == (422, True)
