"""Imports from the upload to the end, performed by the engine in this process."""

import gzip
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.datasets.tests.factories import make_dataset
from apps.imports import run as running
from apps.imports.apart import prepared
from apps.imports.cancel import cancel_import
from apps.imports.choose import Terms
from apps.imports.models import Import, import_folder
from apps.imports.receive import Upload
from apps.imports.settle import settle_imports
from apps.imports.start import start_import
from apps.imports.tests.factories import (
    BAD,
    counts,
    imported,
    lines,
    make_upload,
    perform,
    row,
    start,
    stored_in_part,
)
from apps.jobs.cancel import cancel_job
from apps.jobs.engines.database import is_waiting
from apps.jobs.models import Job
from apps.jobs.tests.factories import claimed, let_die
from apps.jobs.work import Cancelled, ClaimLost
from apps.traces.models import Trace
from apps.traces.tests.factories import make_trace

pytestmark = pytest.mark.django_db(transaction=True)


def files() -> list[str]:
    return sorted(path.name for path in import_folder().iterdir())


def report(found: Import) -> list[tuple[int, str]]:
    records = [json.loads(line) for line in found.report_path.read_text().splitlines()]
    return [(record["line"], record["reason"]) for record in records]


def test_a_file_becomes_traces_that_carry_its_ingest_id() -> None:
    found = imported(lines(*map(row, range(3))))
    assert counts(found) == ("done", 3, 3, 0, 0)
    assert (found.format, found.container, found.encoding, found.unit) == (
        "gsm8k",
        "JSON Lines",
        "UTF-8",
        "line",
    )
    assert found.job is not None
    assert (found.job.state, found.job.done, found.job.total) == ("done", 3, 3)
    assert found.started_at is not None
    assert found.finished_at is not None
    assert {*Trace.objects.values_list("ingest_id", flat=True)} == {found.ingest_id}
    assert files() == []


@pytest.mark.parametrize("size", [0, running.SMALL])
def test_bad_rows_are_skipped_and_reported(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(running, "SMALL", size)
    found = imported(lines(row(1), BAD, row(2), "{", *map(row, range(3, 1500))), on_error="skip")
    assert counts(found) == ("done", 1501, 1499, 2, 0)
    assert [line for line, _ in report(found)] == [2, 4]
    assert files() == [found.report_path.name]


@pytest.mark.parametrize("size", [0, running.SMALL])
@pytest.mark.parametrize(
    ("on_error", "reason", "read", "rejected"),
    [
        ("stop", "Line 1501: answer: There is no final answer behind ####. Nothing was stored.", 1501, 1),
        ("all-or-nothing", "2 of 2,102 rows were rejected. Nothing was stored.", 2102, 2),
    ],
)
def test_a_bad_row_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, size: int, on_error: str, reason: str, read: int, rejected: int
) -> None:
    monkeypatch.setattr(running, "SMALL", size)
    rows = [*map(row, range(1500)), BAD, *map(row, range(1500, 2100)), BAD]
    found = imported(lines(*rows), on_error=on_error)
    assert found.reason == reason
    assert found.job is not None
    assert (found.job.state, found.job.reason) == ("failed", reason)
    assert (found.state, found.stored_count, found.rejected_count) == ("failed", 0, rejected)
    assert found.read_count >= read
    assert Trace.objects.count() == 0
    assert files() == [str(found.pk), found.report_path.name]


def test_a_file_that_breaks_off_leaves_nothing(chunked: None) -> None:
    packed = gzip.compress(lines(*(row(n * 7919 % 10007) for n in range(5000))))[:-2000]
    found = imported(packed, "rows.jsonl.gz", on_error="skip")
    assert found.state == "failed"
    assert found.reason.startswith("The gzip data ends too early after line ")
    assert Trace.objects.count() == 0
    assert files() == [str(found.pk)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "The file is empty: it holds no rows."),
        (b"\x89PNG\r\n\x1a\n..", "The file has no rows of text: it is a PNG picture."),
        (b"\x1f\x8b\x08\0\0\0\0\0", "The gzip data ends too early at its beginning."),
        (
            b"{",
            "line 1: The text is not JSON: Expecting property name enclosed in double quotes at column 2.",
        ),
    ],
)
def test_what_is_no_file_of_rows_is_not_kept(content: bytes, reason: str) -> None:
    upload = Upload()
    upload.write(content)
    with pytest.raises(ValidationError) as refused:
        upload.keep("x", None)
    upload.discard()
    assert refused.value.messages == [reason]
    assert (Import.objects.count(), files()) == (0, [])


def test_what_is_too_large_or_finds_no_room_is_a_sentence(settings: Settings) -> None:
    settings.IMPORT_MAX_BYTES = 10
    upload = Upload()
    upload.write(b"0123456789")
    with pytest.raises(ValidationError, match="The file is larger than the limit of 10 bytes"):
        upload.write(b"0")
    upload.discard()
    assert files() == []


def test_duplicates_are_skipped_and_counted_but_for_those_that_are_wanted() -> None:
    make_trace(prompt="caf\u00e9  one", final_answer="1", steps=[{"i": 0, "type": "t", "content": "a b"}])
    same = {"question": "cafe\u0301 one ", "answer": "a\tb\n#### 1"}
    other = {"question": "cafe\u0301 one", "answer": "a b c\n#### 1"}
    found = imported(lines(same, other, other, row(1)))
    assert counts(found) == ("done", 4, 2, 0, 2)
    again = imported(lines(same, other, row(1)))
    assert counts(again) == ("done", 3, 0, 0, 3)
    kept = imported(lines(same, same), duplicates="keep")
    assert counts(kept) == ("done", 2, 2, 0, 0)


def test_duplicates_are_found_over_the_bounds_of_chunks(chunked: None) -> None:
    found = imported(lines(*(row(n % 1200) for n in range(2400))))
    assert counts(found) == ("done", 2400, 1200, 0, 1200)


def test_a_mapping_says_which_column_is_what() -> None:
    found = make_upload(lines({"q": "Q", "why": "One. Two.", "a": 3}))
    assert (found.format, found.state) == ("", "uploaded")
    assert found.reason.startswith("The format is not recognised: line 1 has q, why, a.")
    mapping = {"prompt": "q", "steps": "why", "answer": "a", "cut": "sentences"}
    start_import(found, Terms.model_validate({"mapping": mapping, "source": "own"}), created_by=None)
    assert counts(perform(found)) == ("done", 1, 1, 0, 0)
    [trace] = Trace.objects.all()
    assert [step["content"] for step in trace.step_list] == ["One.", "Two."]
    assert (trace.prompt, trace.final_answer, trace.source) == ("Q", "3", "own")
    assert (found.mapping, found.format) == (mapping, "columns")


def test_it_is_started_once() -> None:
    found = start(lines(row(1)))
    with pytest.raises(ValidationError, match="was started before"):
        start_import(found, Terms(), created_by=None)
    assert Job.objects.count() == 1
    assert counts(perform(found)) == ("done", 1, 1, 0, 0)


def test_one_that_waits_is_cancelled_at_once() -> None:
    found = start(lines(row(1)))
    cancel_import(found)
    assert counts(perform(found)) == ("cancelled", 0, 0, 0, 0)
    assert files() == [str(found.pk)]


def test_cancelled_in_the_middle_it_leaves_nothing(chunked: None, monkeypatch: pytest.MonkeyPatch) -> None:
    found = start(lines(*map(row, range(2500))))

    def cancelling(chunks: Any) -> Any:
        for number, chunk in enumerate(chunks):
            if number == 2:
                assert Trace.objects.count() == 2000
                cancel_import(Import.objects.get(pk=found.pk))
            yield chunk

    @contextmanager
    def watched(*args: Any, **options: Any) -> Iterator[Any]:
        with prepared(*args, **options) as chunks:
            yield cancelling(chunks)

    monkeypatch.setattr(running, "prepared", watched)
    perform(found)
    assert (found.state, found.reason, found.stored_count) == ("cancelled", running.CANCELLED, 0)
    assert found.job is not None
    assert found.job.state == "cancelled"
    assert (Trace.objects.count(), files()) == (0, [str(found.pk)])


def test_one_whose_job_is_given_up_is_removed_by_the_sweep(chunked: None) -> None:
    found = start(lines(*map(row, range(1500))))
    stored_in_part(found)
    assert Trace.objects.count() == 1500
    Job.objects.update(state=Job.State.FAILED, reason="Its worker died.")
    perform(found)
    assert (found.state, found.reason, found.stored_count) == ("failed", "Its worker died.", 0)
    assert (Trace.objects.count(), files()) == (0, [str(found.pk)])
    settle_imports()
    assert not is_waiting()


def test_one_that_is_cancelled_while_its_worker_is_dead_is_removed_by_the_sweep(chunked: None) -> None:
    found = start(lines(*map(row, range(1500))))
    stored_in_part(found)
    found.refresh_from_db()
    assert found.job is not None
    let_die(found.job)
    Job.objects.update(state=Job.State.QUEUED)
    cancel_job(found.job)
    perform(found)
    assert (found.state, found.reason) == ("cancelled", running.CANCELLED)
    assert Trace.objects.count() == 0


def test_no_dataset_takes_a_part_of_what_a_running_import_brings(chunked: None) -> None:
    old = make_trace()
    found = start(lines(*map(row, range(1500))), name="half.jsonl")
    stored_in_part(found)
    with pytest.raises(
        ValidationError, match=r"The import of half\.jsonl is running\. Build when it has ended"
    ):
        make_dataset()
    assert make_dataset(trace_ids=[str(old.pk)]).trace_count == 1
    Job.objects.update(state=Job.State.FAILED, reason="It died.")
    perform(found)
    assert make_dataset(dataset_name="after").trace_count == 1


def test_a_worker_that_comes_back_from_the_dead_stores_nothing(chunked: None) -> None:
    found = start(lines(*map(row, range(3))))
    assert found.job is not None
    dead = claimed(found.job)
    Job.objects.update(state=Job.State.QUEUED)
    living = claimed(found.job)
    with pytest.raises(ClaimLost):
        running.run_import.perform(dead, import_id=str(found.pk))
    assert Trace.objects.count() == 0
    running.run_import.perform(living, import_id=str(found.pk))
    found.refresh_from_db()
    assert counts(found) == ("done", 3, 3, 0, 0)


def test_a_failure_that_nobody_expected_leaves_nothing(
    chunked: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = start(lines(*map(row, range(1500))))

    def full(run: Any, loader: Any) -> None:
        raise RuntimeError("database or disk is full")

    monkeypatch.setattr(running._Run, "_finish", full)
    perform(found)
    assert found.state == "failed"
    assert "database or disk is full" in found.reason
    assert Trace.objects.count() == 0


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has no bound to set")
def test_a_full_disk_is_said_and_leaves_nothing(chunked: None) -> None:
    found = start(lines(*(row(n, note="-" * 200) for n in range(5000))))
    with connection.cursor() as cursor:
        [(pages,)] = cursor.execute("PRAGMA page_count").fetchall()
        cursor.execute(f"PRAGMA max_page_count = {pages + 300}")
        perform(found)
        cursor.execute(f"PRAGMA max_page_count = {2**32 - 2}")
    assert (found.state, found.reason, found.stored_count) == ("failed", running.NO_ROOM, 0)
    assert found.read_count > 0
    assert found.job is not None
    assert (found.job.state, found.job.reason) == ("failed", running.NO_ROOM)
    assert (Trace.objects.count(), files()) == (0, [])


@pytest.mark.parametrize("rows", [1, 200])  # what is in a buffer, and what is more than it holds
def test_no_room_for_the_report_is_said_and_leaves_nothing(chunked: None, rows: int) -> None:
    found = start(lines(row(1), *[BAD] * rows), on_error="skip")
    found.report_path.symlink_to("/dev/full")
    perform(found)
    said = "The server cannot keep the file: No space left on device. Nothing was stored."
    assert (found.state, found.reason, found.stored_count) == ("failed", said, 0)
    assert found.job is not None
    assert (found.job.state, found.job.reason) == ("failed", said)


def test_a_report_goes_on_where_it_was(chunked: None) -> None:
    found = start(lines(BAD, *map(row, range(1500)), BAD), on_error="skip")
    stored_in_part(found)
    whole = found.report_path.read_bytes()
    Import.objects.update(read_count=1000, stored_count=999, rejected_count=1)
    end = whole.index(b"\n") + 1
    Job.objects.update(state=Job.State.QUEUED, checkpoint={"after": 1000, "report": end})
    Trace.objects.filter(prompt__in=[str(n) for n in range(999, 1500)]).delete()
    assert found.job is not None
    running.run_import.perform(claimed(found.job), import_id=str(found.pk))
    assert found.report_path.read_bytes() == whole


def test_no_import_is_begun_anew_once_it_is_being_undone(chunked: None) -> None:
    found = start(lines(*map(row, range(1500))))
    stored_in_part(found)
    Import.objects.update(reason="Said in other words.")
    found.refresh_from_db()
    assert found.job is not None
    Job.objects.update(state=Job.State.QUEUED, cancel_requested_at=timezone.now())
    with pytest.raises(Cancelled):
        running.run_import.perform(claimed(found.job), import_id=str(found.pk))
    found.refresh_from_db()
    assert (found.state, found.stored_count, Trace.objects.count()) == ("cancelled", 0, 0)


def test_a_worker_that_died_right_after_the_end_leaves_no_file() -> None:
    found = start(lines(row(1)))
    Import.objects.update(state=Import.State.DONE)
    assert len(files()) == 1
    perform(found)
    assert files() == []


def test_a_stale_part_of_an_upload_is_cleared(data_dir: Path) -> None:
    make_upload(lines(row(1)))
    stale = import_folder() / "x.part"
    stale.write_bytes(b"x")
    make_upload(lines(row(1)))
    assert stale.exists()
    os.utime(stale, (0, 0))
    make_upload(lines(row(1)))
    assert not stale.exists()
