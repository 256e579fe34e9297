"""Dry runs: what an import would do, without a trace of it."""

import gzip
import json
import os
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from apps.imports.choose import Terms
from apps.imports.mapping import Mapping
from apps.imports.models import Import, import_folder
from apps.imports.rehearse import start_rehearsal
from apps.imports.start import start_import
from apps.imports.tests.factories import BAD, counts, lines, make_upload, perform, row
from apps.jobs.models import Job
from apps.jobs.perform import perform_job
from apps.jobs.tests.factories import make_worker
from apps.traces.models import Trace

pytestmark = pytest.mark.django_db(transaction=True)

ROWS = lines(*(row(n % 1400) for n in range(1500)), BAD)


def rehearsed(found: Import, **terms: Any) -> dict[str, Any]:
    """What its job says."""
    job = start_rehearsal(found, Terms(**terms), created_by=None)
    perform(found)
    assert (found.state, Trace.objects.count()) == ("uploaded", 0)
    job.refresh_from_db()
    assert job.state == "done"
    return dict(job.result or {})


@pytest.mark.parametrize(
    ("terms", "counted", "refusal"),
    [
        ({"on_error": "skip"}, (1501, 1400, 1, 100), None),
        ({"on_error": "skip", "duplicates": "keep"}, (1501, 1500, 1, 0), None),
        ({"on_error": "stop"}, (1501, 0, 1, 0), "Line 1501: answer: There is no final answer behind ####."),
        ({"on_error": "all-or-nothing"}, (1501, 0, 1, 0), "1 of 1,501 rows are bad."),
    ],
)
def test_all_of_the_file_is_read_and_nothing_stored(
    terms: dict[str, str], counted: tuple[int, ...], refusal: str | None
) -> None:
    found = make_upload(ROWS)
    said = rehearsed(found, **terms)
    assert said.pop("refusal") == refusal
    assert said == dict(zip(("read", "would_store", "rejected", "duplicates"), counted, strict=True))
    [line] = found.rehearsal_path.read_text().splitlines()
    assert json.loads(line)["line"] == 1501


def test_what_it_says_comes_true() -> None:
    found = make_upload(ROWS)
    said = rehearsed(found, on_error="skip")
    start_import(found, Terms(on_error="skip"), created_by=None)
    with pytest.raises(ValidationError, match="a dry run comes before that"):
        start_rehearsal(found, Terms(), created_by=None)
    stored = counts(perform(found))
    assert stored == ("done", said["read"], said["would_store"], said["rejected"], said["duplicates"])
    assert [path.name for path in import_folder().iterdir()] == [found.report_path.name]


def test_a_file_that_breaks_off_is_found() -> None:
    found = make_upload(gzip.compress(lines(*(row(n * 7919 % 10007) for n in range(5000))))[:-2000])
    start_rehearsal(found, Terms(), created_by=None)
    perform(found)
    job = Job.objects.get()
    assert (found.state, job.state) == ("uploaded", "failed")
    assert job.reason.startswith("The gzip data ends too early after line ")
    assert [path.name for path in import_folder().iterdir()] == [str(found.pk)]


def test_of_two_the_later_one_is_reported() -> None:
    """Also where the worker of the first is the slower one."""
    found = make_upload(ROWS)
    first = start_rehearsal(found, Terms(on_error="skip"), created_by=None)
    second = start_rehearsal(found, Terms(mapping=Mapping(prompt="question", answer="no")), created_by=None)
    perform_job.call(str(second.pk))
    reported = found.rehearsal_path.read_bytes()
    assert len(reported.splitlines()) == 1
    perform_job.call(str(first.pk))
    assert found.rehearsal_path.read_bytes() == reported
    assert [Job.objects.get(pk=job.pk).state for job in (first, second)] == ["cancelled", "done"]


def test_the_report_of_another_dry_run_is_not_taken_for_the_same(api: Client) -> None:
    found = make_upload(ROWS)
    found.rehearsal_path.write_bytes(b'{"line":1}\n')
    path = f"/api/imports/{found.pk}/rejected.jsonl"
    first = api.get(path)
    again = {"if-none-match": first["ETag"]}
    first.close()
    assert api.get(path, headers=again).status_code == 304
    os.utime(found.rehearsal_path, ns=(1, 1))
    answer = api.get(path, headers=again)
    assert (answer.status_code, b"".join(answer)) == (200, b'{"line":1}\n')
    answer.close()


def test_the_api_tries_with_the_upload_or_after_it(api: Client) -> None:
    query = {"dry_run": "true", "on_error": "skip"}
    said = api.post("/api/imports", ROWS, "application/jsonl", query_params=query).json()
    assert (said["state"], said["job_id"]) == ("uploaded", str(Job.objects.get().pk))
    found = perform(Import.objects.get())
    result = api.get(f"/api/jobs/{said['job_id']}").json()["result"]
    assert (result["would_store"], result["rejected"]) == (1400, 1)
    [line] = b"".join(api.get(f"/api/imports/{found.pk}/rejected.jsonl")).splitlines()
    assert json.loads(line)["line"] == 1501
    path = f"/api/imports/{found.pk}/start"
    again = api.post(f"{path}?dry_run=true", {"duplicates": "keep"}, "application/json").json()
    assert (again["state"], again["job_id"] == said["job_id"]) == ("uploaded", False)
    perform(found)
    assert api.post(path, {"on_error": "skip"}, "application/json").json()["state"] == "running"
    assert counts(perform(found)) == ("done", 1501, 1400, 1, 100)


def test_the_page_shows_it_with_the_choices_that_it_was_made_with(api: Client) -> None:
    found = make_upload(ROWS)
    choices = {"reading": "auto", "on_error": "all-or-nothing", "duplicates": "keep"}
    path = f"/imports/{found.pk}/rehearsal"
    left = api.post(path, choices)
    assert left.status_code == 303
    page = api.get(left["Location"]).text
    assert f'hx-get="{path}" hx-trigger="every 1s"' in page
    assert "No worker is running" in page
    assert '<option value="all-or-nothing" selected>' in page
    make_worker()
    perform(found)
    fragment = " ".join(api.get(path).text.split())
    assert fragment.startswith('<section id="imports-rehearsal"')
    assert "every 1s" not in fragment
    assert "1 of 1,501 rows are bad. An import with the same choices would store nothing." in fragment
    assert "<b>1,501</b><span>rows read</span>" in fragment
    assert f'href="/imports/{found.pk}/rejected.jsonl"' in fragment
    assert api.post(path, {**choices, "cut": "lines"}).status_code == 422
