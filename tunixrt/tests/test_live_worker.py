"""The worker beside the server: there with it, again when it dies, gone with it."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from apps.jobs.tests.handlers import count_rows
from apps.jobs.tests.starting import start_jobs
from tunixrt.tests.live import LiveServer, environment, live_server, waited_for_cpu

MAX_START_SECONDS = 1.2  # the worker looks twice a second
MAX_END_SECONDS = 1
PATIENCE = 30

WORKER = "manage.py work"
KEEPER = "tunixrt.beside"


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with live_server(tmp_path_factory.mktemp("live")) as started:
        yield started


@pytest.fixture
def server(shared_server: LiveServer) -> LiveServer:
    """Running, whatever the test before did to it."""
    if not shared_server.is_running:
        shared_server.start()
    return shared_server


def processes_beside(server: LiveServer) -> dict[int, str]:
    """The worker and what keeps it, by the data folder that they were started with."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            is_own = b"TUNIXRT_DATA_DIR=%s\0" % bytes(server.folder) in (process / "environ").read_bytes()
            if is_own and (WORKER in command or KEEPER in command):
                found[int(process.name)] = command
    return found


def worker_of(server: LiveServer) -> int | None:
    found = processes_beside(server)
    return next((pid for pid, command in found.items() if WORKER in command), None)


def wait_until(condition: Callable[[], object]) -> float:
    """How many seconds it took."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < PATIENCE
        time.sleep(0.02)
    return time.monotonic() - started


def job_of(server: LiveServer, rows: int, pause: float) -> str:
    own = environment(server.folder, server.database_url)
    [id] = start_jobs(own, count_rows, {"rows": rows, "chunk": 1, "source": "beside", "pause": pause})
    return id


def state_of(server: LiveServer, id: str) -> str:
    status, job = server.call("GET", f"/api/jobs/{id}")
    assert status == 200
    return str(job["state"])


def test_a_job_is_begun_within_moments_also_by_a_worker_that_replaces_a_dead_one(server: LiveServer) -> None:
    wait_until(lambda: worker_of(server))
    first = worker_of(server)
    assert first is not None
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: worker_of(server) not in (None, first))
    before = job_of(server, 1, 0)
    wait_until(lambda: state_of(server, before) == "done")
    id = job_of(server, 1, 0)
    worker = worker_of(server)
    assert worker is not None
    held_up = waited_for_cpu(worker)
    seconds = wait_until(lambda: state_of(server, id) == "done")
    assert seconds - (waited_for_cpu(worker) - held_up) < MAX_START_SECONDS


def is_any_running(server: LiveServer) -> bool:
    status, page = server.call("GET", "/api/jobs?state=running")
    assert status == 200
    return bool(page["data"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_it_ends_with_the_server_also_from_the_middle_of_a_job(
    server: LiveServer, number: signal.Signals
) -> None:
    job_of(server, 10_000, 0.05)
    wait_until(lambda: is_any_running(server))
    assert server.process is not None
    if number == signal.SIGINT:
        server.signal_group(number)  # as a terminal does
    else:
        server.process.send_signal(number)
    server.wait()
    assert wait_until(lambda: not processes_beside(server)) < MAX_END_SECONDS
    with suppress(ProcessLookupError):
        server.signal_group(signal.SIGKILL)  # granian's workers outlive a parent that is killed


def test_a_server_can_leave_the_jobs_to_others(server: LiveServer) -> None:
    server.kill()
    server.start("--no-worker")
    assert processes_beside(server) == {}
    assert "No worker is running" in page_of(server, "/jobs")


def page_of(server: LiveServer, path: str) -> str:
    connection = server.connect()
    connection.request("GET", path)
    text = connection.getresponse().read().decode()
    connection.close()
    return text
