"""Imports by real worker processes: killed, cancelled, two at once."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from apps.imports.apart import BIG
from apps.imports.run import CANCELLED
from apps.imports.tests.factories import BAD, lines, row
from apps.jobs.tests.conftest import Place

ROWS = 60_000
KILLS = 6

_PROGRAM = """
import sys
import django
django.setup()
from apps.imports.choose import Terms
from apps.imports.receive import Upload
from apps.imports.start import start_import
upload = Upload()
upload.write(open(sys.argv[1], "rb").read())
found = upload.keep(sys.argv[1], None)
start_import(found, Terms(on_error=sys.argv[2]), created_by=None)
print(found.pk)
"""


def start(place: Place, content: bytes, name: str, on_error: str = "skip") -> str:
    file = place.folder / name
    file.write_bytes(content)
    own = {**place.environment, "DJANGO_SETTINGS_MODULE": "tunixrt.settings"}
    command = [sys.executable, "-c", _PROGRAM, str(file), on_error]
    return subprocess.run(command, env=own, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def kept(place: Place) -> list[str]:
    return sorted(path.name for path in (place.folder / "imports").iterdir())


def rejected(place: Place, id: str) -> list[int]:
    text = (Path(place.folder) / "imports" / f"{id}.rejected.jsonl").read_text()
    return [json.loads(line)["line"] for line in text.splitlines()]


def state_of(place: Place) -> list[str]:
    return sorted(state for (state,) in place.ask("SELECT state FROM imports_import"))


def long_row(n: int) -> dict[str, str]:
    """So that the file is no small one, which would be a single transaction."""
    return row(n, note="-" * 100)


def clear(place: Place) -> None:
    for path in (place.folder / "imports").glob("*"):
        path.unlink()


def test_killed_at_random_moments_every_row_is_there_once(place: Place) -> None:
    rows = [BAD if n % 100 == 99 else row(n, note="-" * 600) for n in range(ROWS)]
    assert len(lines(*rows)) > BIG  # each worker has a process that reads for it
    id = start(place, lines(*rows), "killed.jsonl")
    for _ in range(KILLS):
        worker = place.start_worker()
        place.wait_until_it_advances()
        time.sleep(random.uniform(0, 0.2))
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        assert state_of(place) == ["running"]
        place.let_time_pass()
    place.start_worker()
    place.wait_until(lambda: place.states() == ["done"])
    assert place.prompts() == [n for n in range(ROWS) if n % 100 != 99]
    assert rejected(place, id) == [n + 1 for n in range(ROWS) if n % 100 == 99]
    columns = "state, read_count, stored_count, rejected_count, duplicate_count"
    bad = ROWS // 100
    assert place.ask(f"SELECT {columns} FROM imports_import") == [("done", ROWS, ROWS - bad, bad, 0)]
    assert kept(place) == [f"{id}.rejected.jsonl"]
    clear(place)


def test_killed_and_then_cancelled_it_leaves_nothing(place: Place) -> None:
    id = start(place, lines(*map(long_row, range(ROWS))), "cancelled.jsonl")
    worker = place.start_worker()
    place.wait_until_it_advances()
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
    assert len(place.prompts()) > 0
    place.let_time_pass()
    place.ask("UPDATE jobs_job SET cancel_requested_at = '2020-01-01 00:00:00+00:00'")
    place.start_worker()
    # Its own job takes away what it brought, or the sweep ends that one and has another do so.
    place.wait_until(lambda: state_of(place) == ["cancelled"] and {*place.states()} <= {"cancelled", "done"})
    assert place.ask("SELECT reason, stored_count FROM imports_import") == [(CANCELLED, 0)]
    assert (place.prompts(), kept(place)) == ([], [id])  # for another try
    clear(place)


def test_two_at_once_both_finish(place: Place) -> None:
    for first in (0, 20_000):
        rows = [*map(long_row, range(first, first + 20_000))]
        start(place, lines(*rows), f"{first}.jsonl", "all-or-nothing")
    place.start_worker()
    place.start_worker()
    place.wait_until(lambda: place.states() == ["done", "done"])
    assert state_of(place) == ["done", "done"]
    assert place.prompts() == [*range(40_000)]
    assert place.ask("SELECT attempts FROM jobs_job") == [(1,), (1,)]


def test_of_the_same_rows_at_once_each_is_stored_once(place: Place) -> None:
    rows = lines(*map(long_row, range(20_000)))
    for name in ("one.jsonl", "other.jsonl"):
        start(place, rows, name)
    place.start_worker()
    place.start_worker()
    place.wait_until(lambda: place.states() == ["done", "done"])
    assert place.prompts() == [*range(20_000)]
    columns = "sum(stored_count), sum(duplicate_count), min(read_count)"
    assert [tuple(map(int, row)) for row in place.ask(f"SELECT {columns} FROM imports_import")] == [
        (20_000, 20_000, 20_000)
    ]
    assert place.ask("SELECT attempts FROM jobs_job") == [(1,), (1,)]
