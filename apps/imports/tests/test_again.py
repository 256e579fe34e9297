"""An import that came to nothing is tried again without sending its file once more."""

import errno
import os
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from apps.imports.again import try_again
from apps.imports.cancel import cancel_import
from apps.imports.choose import Terms
from apps.imports.models import Import, import_folder
from apps.imports.start import start_import
from apps.imports.tests.factories import BAD, counts, imported, lines, make_upload, perform, row, start

pytestmark = pytest.mark.django_db(transaction=True)

JSON = "application/json"


def files() -> set[str]:
    return {path.name for path in import_folder().iterdir()}


def test_a_failed_one_is_tried_with_other_choices() -> None:
    failed = imported(lines(row(1), BAD, row(2)), source="mine", duplicates="keep")
    assert failed.state == "failed"
    fresh = try_again(failed, created_by=None)
    assert (fresh.pk != failed.pk, fresh.ingest_id != failed.ingest_id) == (True, True)
    assert (fresh.state, fresh.format, fresh.source, fresh.duplicates) == (
        "uploaded",
        "gsm8k",
        "mine",
        "keep",
    )
    start_import(fresh, Terms(on_error="skip"), created_by=None)
    assert counts(perform(fresh)) == ("done", 3, 2, 1, 0)
    failed.refresh_from_db()
    assert (failed.state, failed.can_be_tried_again, fresh.path.exists()) == ("failed", True, False)


def test_a_cancelled_one_too_and_discarding_it_leaves_the_other_its_file() -> None:
    cancelled = start(lines(row(1)))
    cancel_import(cancelled)
    cancelled.refresh_from_db()
    fresh = try_again(cancelled, created_by=None)
    cancelled.path.unlink()
    start_import(fresh, Terms(), created_by=None)
    assert counts(perform(fresh)) == ("done", 1, 1, 0, 0)


def test_columns_that_were_named_are_asked_for_again(api: Client) -> None:
    found = make_upload(lines({"q": "Q", "why": "One. Two.", "a": "x", "kept": 1}, {"q": ""}))
    mapping = {"prompt": "q", "steps": "why", "answer": "a", "meta": ["kept"], "cut": "sentences"}
    start_import(found, Terms.model_validate({"mapping": mapping}), created_by=None)
    assert perform(found).state == "failed"
    response = api.post(f"/imports/{found.pk}/again")
    assert response.status_code == 303
    form = api.get(response["Location"]).context["form"]
    names = ("reading", "prompt", "steps", "answer", "meta", "cut", "on_error")
    assert [form[name].value() for name in names] == ["columns", "q", "why", "a", "kept", "sentences", "stop"]


@pytest.mark.parametrize("end", ["done", "uploaded", "running", "removed"])
def test_what_did_not_fail_is_not_tried_again(end: str) -> None:
    found = make_upload(lines(row(1)))
    Import.objects.update(state=end)
    found.refresh_from_db()
    with pytest.raises(ValidationError, match="only what failed is tried again"):
        try_again(found, created_by=None)
    assert (Import.objects.count(), files()) == (1, {str(found.pk)})


def test_without_its_file_it_says_that_it_must_be_uploaded_again(api: Client) -> None:
    found = imported(lines(BAD))
    assert "Try again" in api.get(f"/imports/{found.pk}").text
    found.path.unlink()
    page = api.get(f"/imports/{found.pk}").text
    assert ("Try again" in page, "Upload it again to try again" in page) == (False, True)
    answer = api.post(f"/api/imports/{found.pk}/again")
    assert (answer.status_code, Import.objects.count()) == (409, 1)
    assert "is not kept any more. Upload it again" in answer.json()["detail"]
    refused = api.post(f"/imports/{found.pk}/again")
    assert (refused.status_code, "is not kept any more" in refused.text) == (409, True)


def test_a_disk_without_links_gets_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*paths: Any) -> None:
        raise OSError(errno.EPERM, "no links here")

    found = imported(lines(BAD))
    monkeypatch.setattr(os, "link", refuse)
    fresh = try_again(found, created_by=None)
    assert fresh.path.read_bytes() == found.path.read_bytes()


def test_the_call_makes_one_that_waits(api: Client) -> None:
    found = imported(lines(row(1), BAD))
    answer = api.post(f"/api/imports/{found.pk}/again")
    assert (answer.status_code, answer.json()["state"]) == (201, "uploaded")
    started = api.post(f"/api/imports/{answer.json()['id']}/start", {"on_error": "skip"}, JSON)
    assert started.status_code == 202
    assert api.post("/api/imports/x/again").status_code == 404


def test_its_file_is_discarded_by_its_page(api: Client) -> None:
    found = imported(lines(BAD))
    assert "Discard the file" in api.get(f"/imports/{found.pk}").text
    assert api.post(f"/imports/{found.pk}/remove").status_code == 303
    found.refresh_from_db()
    assert (found.state, found.path.exists()) == ("removed", False)
