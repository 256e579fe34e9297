"""What the command leaves on record."""

import hashlib
import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from apps.imports.models import Import
from apps.imports.record import KILLED, LOST, NO_ROOM
from apps.imports.run import CANCELLED
from apps.imports.tests.factories import BAD, counts, lines, perform, row
from apps.jobs.cancel import cancel_job
from apps.jobs.models import Job
from apps.jobs.sweep import sweep_jobs
from apps.jobs.tests.factories import let_die
from apps.traces.models import Trace
from tunixrt.tests.live import LiveServer, manage

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rows.jsonl"


def run(file: Path | str, **options: Any) -> str:
    out = io.StringIO()
    call_command("import_traces", str(file), stdout=out, stderr=io.StringIO(), **options)
    return out.getvalue()


def test_a_command_leaves_the_record_of_what_it_did(file: Path) -> None:
    content = lines(row(1), BAD, row(1), row(2))
    file.write_bytes(content)
    out = run(file, on_error="skip", source="mine")
    assert ", 1 rows rejected, 1 duplicates skipped. Ingest id: " in out
    record = Import.objects.get()
    assert counts(record) == ("done", 4, 2, 1, 1)
    assert (record.file_name, record.format, record.source) == ("rows.jsonl", "gsm8k", "mine")
    assert (record.size, record.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert {*Trace.objects.values_list("ingest_id", flat=True)} == {record.ingest_id}


def test_what_fails_leaves_only_its_record(file: Path) -> None:
    file.write_bytes(lines(row(1), BAD))
    with pytest.raises(CommandError):
        run(file)
    record = Import.objects.get()
    assert (record.state, record.stored_count) == ("failed", 0)
    assert record.reason == "line 2: answer: There is no final answer behind ####. Nothing was stored."
    assert Trace.objects.count() == 0


@pytest.mark.parametrize("options", [{"dry_run": True}, {"preview": True}])
def test_what_stores_nothing_leaves_no_record(file: Path, options: dict[str, Any]) -> None:
    file.write_bytes(lines(row(1)))
    run(file, **options)
    assert Import.objects.count() == 0


class Pipe(io.BytesIO):
    def seekable(self) -> bool:
        return False


def test_a_pipe_is_measured_as_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    content = lines(*map(row, range(3)))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Pipe(content)))
    run("-")
    record = Import.objects.get()
    assert (record.file_name, record.size) == ("standard input", len(content))
    assert record.sha256 == hashlib.sha256(content).hexdigest()


def test_what_a_command_brought_is_seen_and_can_be_removed_on_the_page(api: Client, file: Path) -> None:
    file.write_bytes(lines(row(1), BAD))
    run(file, on_error="skip")
    record = Import.objects.get()
    page = api.get(f"/imports/{record.pk}").text
    assert "They were reported where the command ran." in page
    assert "Remove what this import brought" in page
    said = json.loads(api.get(f"/api/imports/{record.pk}").content)
    assert (said["stored"], said["rejected"], said["job_id"]) == (1, 1, str(Job.objects.get().pk))
    assert api.delete(f"/api/imports/{record.pk}").status_code == 202


class Watched(Pipe):
    """A pipe that has something done while it is read, at about half of it."""

    def __init__(self, content: bytes, act: Callable[[], object]) -> None:
        super().__init__(content)
        self._act, self._half = act, len(content) // 2

    def read(self, size: int | None = -1) -> bytes:
        before = self.tell()
        part = super().read(size)
        if before < self._half <= self.tell():
            self._act()
        return part


def run_watched(
    monkeypatch: pytest.MonkeyPatch, act: Callable[[], object], rows: int = 6000, **options: Any
) -> str:
    stream = Watched(lines(*(row(n, note="-" * 100) for n in range(rows))), act)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=stream))
    return run("-", **options)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("dry_run", [False, True])
def test_others_can_write_while_it_reads(monkeypatch: pytest.MonkeyPatch, dry_run: bool) -> None:
    seen = []

    def look() -> None:
        states = [*Import.objects.values_list("state", flat=True)]
        seen.append((connection.in_atomic_block, states, Trace.objects.count() >= 1000))

    run_watched(monkeypatch, look, dry_run=dry_run)
    assert seen == [(False, [], False) if dry_run else (False, ["running"], True)]
    assert Trace.objects.count() == (0 if dry_run else 6000)


def test_a_dry_run_counts_duplicates_over_the_bounds_of_chunks(file: Path) -> None:
    file.write_bytes(lines(*(row(n % 1400) for n in range(1500))))
    assert run(file, dry_run=True).startswith("Would store 1400 traces")
    assert run(file, dry_run=True, duplicates="keep").startswith("Would store 1500 traces")
    assert run(file).startswith("Stored 1400 traces")
    assert run(file, dry_run=True).startswith("Would store 0 traces")


@pytest.mark.django_db(transaction=True)
def test_it_can_be_cancelled_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError, match=CANCELLED):
        run_watched(monkeypatch, lambda: cancel_job(Job.objects.get()))
    record, job = Import.objects.get(), Job.objects.get()
    assert (record.state, record.reason, record.stored_count) == ("cancelled", CANCELLED, 0)
    assert (job.state, Trace.objects.count()) == ("cancelled", 0)


class Killed(BaseException):
    """As near to kill -9 as a test in one process comes."""


@pytest.mark.django_db(transaction=True)
def test_what_a_killed_one_stored_is_removed_by_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: Any) -> None:
        monkeypatch.setattr("apps.imports.record.undo", die)
        raise Killed

    with pytest.raises(Killed):
        run_watched(monkeypatch, die)
    monkeypatch.undo()
    assert Trace.objects.count() >= 1000
    let_die(Job.objects.get())
    sweep_jobs()
    record = perform(Import.objects.get())
    assert (record.state, record.reason, record.stored_count) == ("failed", KILLED, 0)
    assert (Job.objects.get().state, Trace.objects.count()) == ("failed", 0)


@pytest.mark.django_db(transaction=True)
def test_one_that_was_thought_dead_stores_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    def lose() -> None:
        let_die(Job.objects.get())
        sweep_jobs()

    with pytest.raises(CommandError, match=LOST):
        run_watched(monkeypatch, lose)
    assert perform(Import.objects.get()).state == "failed"
    assert Trace.objects.count() == 0


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has no bound to set")
@pytest.mark.django_db(transaction=True)
def test_a_full_disk_is_a_sentence_and_leaves_nothing(file: Path) -> None:
    file.write_bytes(lines(*(row(n, note="-" * 200) for n in range(5000))))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")  # what other tests had filled is no room, either
        [(pages,)] = cursor.execute("PRAGMA page_count").fetchall()
        cursor.execute(f"PRAGMA max_page_count = {pages + 300}")
        with pytest.raises(CommandError, match=NO_ROOM):
            run(file)
        cursor.execute(f"PRAGMA max_page_count = {2**32 - 2}")
    assert (Import.objects.get().state, Trace.objects.count()) == ("failed", 0)


@pytest.mark.parametrize("on_error", ["skip", "stop", "all-or-nothing"])
def test_no_room_for_the_report_is_a_sentence_and_leaves_nothing(file: Path, on_error: str) -> None:
    file.write_bytes(lines(row(1), BAD))
    said = r"^/dev/full cannot be written: No space left on device\. Nothing was stored\.$"
    with pytest.raises(CommandError, match=said):
        run(file, on_error=on_error, report="/dev/full")
    assert (Import.objects.get().state, Trace.objects.count()) == ("failed", 0)


@pytest.mark.parametrize(
    ("source", "reason"),
    [("x" * 300, "This must have at most 256 characters."), ("", "This must not be empty.")],
)
def test_options_have_the_limits_of_the_api(file: Path, source: str, reason: str) -> None:
    file.write_bytes(lines(row(1)))
    with pytest.raises(CommandError, match=f"source: {reason}"):
        run(file, source=source)
    assert Import.objects.count() == 0


def test_the_server_writes_while_a_pipe_is_read_and_ctrl_c_leaves_nothing(server: LiveServer) -> None:
    command = subprocess.Popen(
        [*manage("import_traces"), "-"],
        env=server.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert command.stdin is not None
    command.stdin.write(lines(*(row(f"piped {n}") for n in range(2500))))
    command.stdin.flush()
    deadline = time.monotonic() + 30
    while not (found := server.call("GET", "/api/imports?limit=1")[1]["data"]) or found[0]["stored"] < 1000:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    trace = {"trace_version": "1", "prompt": "p", "final_answer": "a", "steps": [{"i": 0, "type": "t"}]}
    trace["steps"][0]["content"] = "c"  # type: ignore[index]
    assert server.call("POST", "/api/traces", trace)[0] == 201
    command.send_signal(signal.SIGINT)
    _, said = command.communicate()
    assert said.decode().splitlines()[-1] == f"CommandError: {CANCELLED}"
    after = server.call("GET", f"/api/imports/{found[0]['id']}")[1]
    assert (after["state"], after["stored"], after["filename"]) == ("cancelled", 0, "standard input")
