"""Big files, read by a process of their own: all is as if this one had read them."""

import gzip
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from apps.imports import apart
from apps.imports import run as running
from apps.imports.apart import is_big, prepared
from apps.imports.prepare import Chunk, Plan
from apps.imports.tests.factories import BAD, counts, imported, lines, make_upload, row, start
from apps.imports.tests.test_rehearse import rehearsed
from apps.jobs.models import Job
from apps.jobs.tests.factories import claimed
from apps.traces.derive import Derived
from apps.traces.models import Trace

GSM8K = Plan(format="gsm8k")
ROWS = [
    *map(row, range(1200)),
    BAD,
    "{",
    row(1),
    row(1200, note="é\t\\.\u2028"),
    *map(row, range(1201, 2500)),
]


@contextmanager
def apart_from(size: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(apart, "BIG", size)
        yield


def both_ways(act: Callable[[], Any]) -> Any:
    """What comes of it here, which is what comes of it apart."""
    found = []
    for size in (1 << 30, -1):
        Trace.objects.all().delete()
        with apart_from(size):
            found.append(act())
    assert found[0] == found[1]
    return found[0]


def outcome(content: bytes, name: str = "rows.jsonl", **terms: Any) -> tuple[Any, ...]:
    found = imported(content, name, **terms)
    assert found.job is not None
    report = found.report_path.read_bytes() if found.report_path.exists() else b""
    traces = [*Trace.objects.order_by("pk").values_list(*Derived._fields)]
    assert Trace.objects.of_act(found.ingest_id).count() == len(traces)
    return counts(found), found.reason, found.job.state, found.job.done, report, traces


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(lines(*map(row, range(12_000))))
    return file


def children() -> list[int]:
    return [
        int(pid)
        for task in Path("/proc/self/task").iterdir()
        for pid in (task / "children").read_text().split()
    ]


def exhaust(chunks: Iterator[Chunk]) -> int:
    return sum(chunk.read for chunk in chunks)


@contextmanager
def reading(file: Path, plan: Plan = GSM8K) -> Iterator[tuple[int, Iterator[Chunk]]]:
    """The process and what it makes of the file."""
    before = {*children()}
    with file.open("rb") as stream, prepared(stream, plan, is_apart=True) as groups:
        [pid] = {*children()} - before
        yield pid, chain.from_iterable(groups)
    assert {*children()} == before


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("terms", "counted"),
    [
        ({"on_error": "stop"}, ("failed", 2000, 0, 1, 0)),
        ({"on_error": "skip"}, ("done", 2503, 2500, 2, 1)),
        ({"on_error": "skip", "duplicates": "keep", "source": "mine"}, ("done", 2503, 2501, 2, 0)),
        ({"on_error": "all-or-nothing"}, ("failed", 2503, 0, 2, 0)),
    ],
)
def test_what_comes_of_a_file(chunked: None, terms: dict[str, str], counted: tuple[Any, ...]) -> None:
    found = both_ways(lambda: outcome(lines(*ROWS), **terms))
    assert found[0] == counted


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            gzip.compress(lines(*(row(n * 7919 % 10007) for n in range(5000))))[:-2000],
            "The gzip data ends too early after line ",
        ),
        (
            b"question,answer\n" + b"q,a #### 1\n" * 1500 + b"\xff,1\n",
            "The text is not UTF-8: byte 1 of line 1502 ",
        ),
        (
            b"[" + b",".join(lines(row(n)) for n in range(1500)) + b", }]",
            "Row 1501 is not JSON: Expecting value at line 1501.",
        ),
        (lines(*map(row, range(1500)))[:-5], "Line 1500: The text is not JSON: "),
    ],
    ids=["gzip", "CSV", "array", "lines"],
)
def test_a_file_that_is_damaged(chunked: None, content: bytes, reason: str) -> None:
    found = both_ways(lambda: outcome(content))
    assert found[0][0] == "failed"
    assert found[1].startswith(reason)
    assert found[5] == []


@pytest.mark.django_db(transaction=True)
def test_parquet_is_read_by_a_process_of_that_process(chunked: None) -> None:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([row(n) for n in range(2500)]), out)
    assert both_ways(lambda: outcome(out.getvalue(), "rows.parquet"))[0] == ("done", 2500, 2500, 0, 0)


@pytest.mark.django_db(transaction=True)
def test_a_mapping_goes_across(chunked: None) -> None:
    name = "\1\"'é"
    mapping = {"prompt": "q", "steps": "s", "answer": "a", "meta": [name], "source": "own", "cut": "lines"}
    content = lines(*({"q": str(n), "s": "One\nTwo", "a": n, name: n} for n in range(3)))
    assert both_ways(lambda: outcome(content, mapping=mapping))[0] == ("done", 3, 3, 0, 0)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("duplicates", ["skip", "keep"])
def test_a_dry_run(duplicates: str) -> None:
    upload = make_upload(lines(*ROWS))
    said = both_ways(lambda: rehearsed(upload, on_error="skip", duplicates=duplicates))
    assert (said["read"], said["would_store"]) == (2503, 2500 + (duplicates == "keep"))


def interrupted_at(call: int) -> Callable[[Any, int], None]:
    advance, calls = running._Run._advance, count(1)

    def interrupted(run: Any, total: int) -> None:
        if next(calls) == call:
            raise KeyboardInterrupt
        advance(run, total)

    return interrupted


@pytest.mark.django_db(transaction=True)
def test_a_killed_import_goes_on_where_it_was(chunked: None) -> None:
    def resumed() -> tuple[Any, ...]:
        found = start(lines(BAD, *map(row, range(6000)), BAD), on_error="skip")
        assert found.job is not None
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(running._Run, "_advance", interrupted_at(2))
            with pytest.raises(KeyboardInterrupt):
                running.run_import.perform(claimed(found.job), import_id=str(found.pk))
        found.refresh_from_db()
        assert 0 < found.read_count < 6000
        Job.objects.update(state=Job.State.QUEUED)
        running.run_import.perform(claimed(found.job), import_id=str(found.pk))
        found.refresh_from_db()
        return counts(found), found.report_path.read_bytes(), Trace.objects.count()

    found = both_ways(resumed)
    assert found[0] == ("done", 6002, 6000, 2, 0)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("options", [{}, {"dry_run": True}, {"on_error": "skip", "source": "own"}])
def test_the_command(tmp_path: Path, options: dict[str, Any]) -> None:
    (tmp_path / "rows.jsonl").write_bytes(lines(*(ROWS if options else ROWS[:1200])))

    def run() -> list[Any]:
        out, err = io.StringIO(), io.StringIO()
        try:
            call_command("import_traces", str(tmp_path / "rows.jsonl"), stdout=out, stderr=err, **options)
            said = out.getvalue().partition(" s, ")[2].partition(" Ingest")[0]
        except CommandError as error:
            said = str(error)
        return [said, err.getvalue(), *Trace.objects.order_by("pk").values_list(*Derived._fields)]

    assert len(both_ways(run)) > 1


def test_what_is_big() -> None:
    assert is_big(apart.BIG + 1, is_packed=False)
    assert is_big(apart.BIG // 4, is_packed=True)
    assert not is_big(apart.BIG, is_packed=False)
    assert not is_big(apart.BIG // 10, is_packed=True)


def test_it_tells_how_far_it_is(file: Path) -> None:
    size = file.stat().st_size
    with reading(file) as (_, chunks):
        found = [*chunks]
    assert [(chunk.place, chunk.read) for chunk in found] == [(n * 1000, 1000) for n in range(1, 13)]
    positions = [chunk.position for chunk in found]
    assert positions == sorted(positions)
    assert positions[-1] == size
    assert 10_000 < found[1].estimate(2000, size) < 14_000


def test_it_begins_behind_a_place(file: Path) -> None:
    with reading(file, GSM8K.model_copy(update={"after": 11_990})) as (_, chunks):
        [chunk] = chunks
    assert (chunk.place, chunk.read) == (12_000, 10)
    assert chunk.ready[0].derived
    assert chunk.ready[0].derived.prompt == "11990"


def test_a_process_that_is_killed_is_no_end_of_the_file(file: Path) -> None:
    with reading(file) as (pid, chunks):
        assert next(chunks).read == 1000
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(ValidationError, match="was killed, or no memory was left") as refused:
            exhaust(chunks)
    assert refused.value.messages[0].startswith("The process that reads the file ended after 4,000 rows: ")


@pytest.mark.django_db(transaction=True)
def test_an_import_whose_reader_is_killed_leaves_nothing(
    chunked: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killing(groups: Iterator[list[Chunk]]) -> Iterator[list[Chunk]]:
        for chunks in groups:
            for pid in {*children()} - before:
                os.kill(pid, signal.SIGKILL)
            yield chunks

    @contextmanager
    def killed(*args: Any, **options: Any) -> Iterator[Any]:
        with prepared(*args, **options) as groups:
            yield killing(groups)

    before = {*children()}
    monkeypatch.setattr(running, "prepared", killed)
    with apart_from(-1):
        found = imported(lines(*map(row, range(20_000))))
    assert (found.state, found.stored_count, Trace.objects.count()) == ("failed", 0, 0)
    assert found.reason.endswith("it was killed, or no memory was left. Import the file again.")


def test_an_error_that_nobody_expected_is_said(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    said = "after 0 rows: it met an unexpected error, which stands in the log"
    with reading(file, Plan(format="none")) as (_, chunks), pytest.raises(ValidationError, match=said):
        exhaust(chunks)
    assert "KeyError: 'none'" in capfd.readouterr().err


def test_what_is_to_end_its_parent_does_not_end_it(file: Path) -> None:
    with reading(file) as (pid, chunks):
        first = next(chunks)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(pid, number)
        assert first.read + exhaust(chunks) == 12_000


_PROGRAM = """
import sys, time
import django
django.setup()
from apps.imports.apart import prepared
from apps.imports.prepare import Plan
from apps.imports.tests.test_apart import children
with open(sys.argv[1], "rb") as file, prepared(file, Plan(format="gsm8k"), is_apart=True) as chunks:
    next(chunks)
    print(*children(), flush=True)
    time.sleep(60)
"""


def test_it_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(lines(*(row(n, note="-" * 1000) for n in range(20_000))))
    command = [sys.executable, "-c", _PROGRAM, str(file)]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tunixrt.settings"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as parent:
        assert parent.stdout is not None
        [pid] = map(int, parent.stdout.readline().split())
        assert Path(f"/proc/{pid}").exists()
        parent.kill()
    deadline = time.monotonic() + 10
    while "apart_chunks" in command_of(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def command_of(pid: int) -> str:
    """Empty where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
