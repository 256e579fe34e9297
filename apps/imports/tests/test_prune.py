"""Files that nobody waits for go, and what refers to a job that went stays meaningful."""

import os
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from apps.core.ids import new_id
from apps.imports.models import FILE_KEPT, Import, import_folder
from apps.imports.prune import prune_files
from apps.imports.tests.factories import BAD, imported, lines, make_upload, row, start
from apps.jobs import models
from apps.jobs.models import Job
from apps.jobs.prune import prune_jobs

pytestmark = pytest.mark.django_db(transaction=True)


def grow_old() -> None:
    for path in import_folder().iterdir():
        os.utime(path, (0, 0))


def test_the_file_of_a_failed_import_goes_after_a_while() -> None:
    failed, waiting, running = imported(lines(BAD)), make_upload(lines(row(1))), start(lines(row(2)))
    grow_old()
    for found in (waiting, running):
        Import.objects.filter(pk=found.pk).update(finished_at=timezone.now() - FILE_KEPT * 2)
    prune_files()
    assert [found.path.exists() for found in (failed, waiting, running)] == [True, True, True]
    Import.objects.filter(pk=failed.pk).update(finished_at=timezone.now() - FILE_KEPT - timedelta(minutes=1))
    prune_files()
    assert [found.path.exists() for found in (failed, waiting, running)] == [False, True, True]
    assert failed.report_path.exists()


def test_what_a_killed_process_left_goes_and_what_is_on_its_way_stays() -> None:
    make_upload(lines(row(1)))
    orphan, on_its_way = import_folder() / str(new_id()), import_folder() / f"{new_id()}.part"
    for path in (orphan, on_its_way):
        path.write_bytes(b"x")
    prune_files()
    assert (orphan.exists(), on_its_way.exists()) == (True, True)
    grow_old()
    prune_files()
    assert (orphan.exists(), on_its_way.exists()) == (False, True)


def test_an_import_outlives_its_job(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    found = imported(lines(row(1), BAD), on_error="skip")
    monkeypatch.setattr(models, "KEPT", timedelta(seconds=-1))
    assert (prune_jobs(), Job.objects.count()) == (False, 0)
    said = api.get(f"/api/imports/{found.pk}").json()
    assert (said["state"], said["stored"], said["rejected"], said["job_id"]) == ("done", 1, 1, None)
    assert api.get(f"/imports/{found.pk}").status_code == 200
    assert api.post(f"/imports/{found.pk}/remove").status_code == 303
