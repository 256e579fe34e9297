"""What only a real server shows: starting, ending, being killed, many clients at once."""

import http.client
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from django.conf import settings

from tunixrt.tests.live import LiveServer, environment, free_port, fresh_database, live_server, manage

MAX_START_SECONDS = 3
MAX_END_SECONDS = 1
BATCH = 1_000


def trace(prompt: str, content: str = "Count.") -> dict[str, Any]:
    steps = [{"i": 0, "type": "compute", "content": content}]
    return {"trace_version": "1.0", "prompt": prompt, "final_answer": "4", "steps": steps}


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


@pytest.fixture
def database(tmp_path: Path) -> Iterator[str]:
    with fresh_database(tmp_path) as database_url:
        yield database_url


def run_serve(folder: Path, database_url: str, *arguments: str) -> tuple[int, str]:
    """Exit code and all that was said, of a server that cannot start."""
    done = subprocess.run(
        [*manage("serve"), *arguments],
        env=environment(folder, database_url),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def test_second_start_is_fast(server: LiveServer) -> None:
    server.kill()
    server.start("--first-run")  # fills the empty database
    for _ in range(3):
        server.kill()
        started = time.monotonic()
        server.start("--first-run")
        seconds = time.monotonic() - started - server.seconds_without_cpu()
        if seconds < MAX_START_SECONDS:
            break
    assert seconds < MAX_START_SECONDS


def test_ctrl_c_ends_it_at_once_although_a_client_stays_connected(server: LiveServer) -> None:
    with closing(server.connect()) as client:
        client.request("GET", "/api/health")
        assert client.getresponse().read() == b'{"status":"healthy"}'
        assert client.sock is not None
        started = time.monotonic()
        server.signal_group(signal.SIGINT)
        server.wait()
        assert time.monotonic() - started < MAX_END_SECONDS


def test_taken_port_is_said_in_one_sentence(tmp_path: Path, database: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = run_serve(tmp_path, database, "--port", str(port))
    assert said == (1, f"Port {port} of 127.0.0.1 is taken. Choose another with --port.\n")


def test_missing_migration_is_said_in_one_sentence(tmp_path: Path, database: str) -> None:
    said = run_serve(tmp_path, database, "--port", str(free_port()))
    assert said == (1, "CommandError: The database is not up to date. Run: manage.py migrate\n")


def test_unknown_kind_of_database_is_said_in_one_sentence(tmp_path: Path) -> None:
    status, said = run_serve(tmp_path, "mysql://localhost/traces")
    expected = (
        "The environment variable DATABASE_URL cannot be used: it must begin with postgres:// or sqlite://.\n"
    )
    assert (status, said) == (1, expected)


def test_unreachable_database_is_said_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    status, said = run_serve(tmp_path, f"postgres://traces:secret@127.0.0.1:{port}/traces")
    [sentence] = said.splitlines()
    assert (status, sentence.partition(":")[0]) == (1, "The database cannot be used")


def test_parallel_writers_are_all_served(server: LiveServer) -> None:
    def write(writer: int) -> list[int]:
        statuses = []
        for turn in range(8):
            batch = [trace(f"writer {writer}, turn {turn}, trace {index}") for index in range(50)]
            path, body = ("/api/traces/batch", batch) if turn % 2 else ("/api/traces", batch[0])
            statuses.append(server.call("POST", path, body)[0])
        return statuses

    with ThreadPoolExecutor(8) as writers:
        assert [*writers.map(write, range(8))] == [[201] * 8] * 8


def test_killed_in_a_batch_leaves_all_or_nothing(server: LiveServer) -> None:
    batch = [trace(f"trace {index}", "x" * 500) for index in range(BATCH)]
    started = time.monotonic()
    assert server.call("POST", "/api/traces/batch", batch)[0] == 201
    duration = time.monotonic() - started
    for moment in (0.2, 0.5, 0.8, 0.95):
        before = count_traces(server)
        with ThreadPoolExecutor(1) as client:
            cut = client.submit(server.call, "POST", "/api/traces/batch", batch)
            time.sleep(duration * moment)
            server.kill()
        assert isinstance(cut.exception(), OSError | http.client.IncompleteRead | None)
        server.start()
        assert count_traces(server) - before in (0, BATCH)


def count_traces(server: LiveServer) -> int:
    count, offset = 0, 0
    while offset is not None:
        status, page = server.call("GET", f"/api/traces?limit=100&offset={offset}")
        assert status == 200
        count += len(page["data"])
        offset = page["pagination"]["next_offset"]
    return count


@pytest.fixture
def big_key(server: LiveServer, request: pytest.FixtureRequest) -> str:
    """A dataset whose export is far larger than what the sockets between hold."""
    batch = [trace(f"big {index}", "x" * 20_000) for index in range(500)]
    status, answer = server.call("POST", "/api/traces/batch", batch)
    assert status == 201
    ids = [created["id"] for created in answer["traces"]]
    recipe = {"dataset_name": request.node.name, "dataset_version": "v1", "trace_ids": ids}
    status, answer = server.call("POST", "/api/datasets/build", recipe)
    assert (status, answer["trace_count"]) == (201, 500)
    return str(answer["dataset_key"])


def test_dropped_downloads_free_their_connections(server: LiveServer, big_key: str) -> None:
    for _ in range(4 * settings.SERVER_THREADS):  # more than there are threads to block
        with closing(server.connect()) as client:
            client.request("GET", f"/api/datasets/{big_key}/export.jsonl")
            assert len(client.getresponse().read(1000)) == 1000
    started = time.monotonic()
    assert [server.call("GET", "/api/health")[0] for _ in range(20)] == [200] * 20
    assert time.monotonic() - started < 5


def test_broken_download_goes_on_with_range(server: LiveServer, big_key: str) -> None:
    path = f"/api/datasets/{big_key}/export.jsonl"
    with closing(server.connect()) as client:
        client.request("GET", path)
        whole = client.getresponse()
        etag, expected = whole.headers["ETag"], whole.read()
    with closing(server.connect()) as client:
        client.request("GET", path)
        head = client.getresponse().read(1_000_001)
    with closing(server.connect()) as client:
        client.request("GET", path, headers={"Range": f"bytes={len(head)}-", "If-Range": etag})
        rest = client.getresponse()
        span = f"bytes {len(head)}-{len(expected) - 1}/{len(expected)}"
        assert (rest.status, rest.headers["Content-Range"]) == (206, span)
        assert head + rest.read() == expected


@pytest.mark.parametrize(("padding", "status"), [(0, 201), (4 * settings.TRACE_MAX_BYTES, 413)])
def test_chunked_body_is_limited(server: LiveServer, padding: int, status: int) -> None:
    body = b" " * padding + b'{"trace_version":"1.0","prompt":"p","final_answer":"4","steps":'
    body += b'[{"i":0,"type":"t","content":"c"}]}'
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        client.sendall(
            b"POST /api/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        )
        for start in range(0, len(body), 65_536):
            chunk = body[start : start + 65_536]
            client.sendall(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        client.sendall(b"0\r\n\r\n")
        assert client.makefile("rb").readline().split()[1] == str(status).encode()


def test_two_builds_of_one_key_at_once_yield_one_dataset(server: LiveServer) -> None:
    status, stored = server.call("POST", "/api/traces/batch", [trace(f"race {n}") for n in range(20)])
    assert status == 201
    barrier = Barrier(2)
    ids = [created["id"] for created in stored["traces"]]

    def build(version: str) -> tuple[int, str]:
        recipe = {"dataset_name": "race", "dataset_version": version, "trace_ids": ids}
        barrier.wait()
        status, answer = server.call("POST", "/api/datasets/build", recipe)
        return status, answer["build_id"]

    with ThreadPoolExecutor(2) as clients:
        for turn in range(5):
            (first, one), (second, other) = clients.map(build, [f"v{turn}"] * 2)
            assert ({first, second}, one) == ({200, 201}, other)


def test_a_killed_server_leaves_no_worker_on_its_port(server: LiveServer) -> None:
    assert server.process is not None
    server.process.kill()
    server.wait()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and _is_listening(server.port):
        time.sleep(0.05)
    assert not _is_listening(server.port)


def _is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_trace_is_either_built_into_a_dataset_or_deleted(server: LiveServer) -> None:
    """Both at once, again and again: whoever comes second is refused."""
    outcomes = set()
    with ThreadPoolExecutor(2) as pool:
        for n in range(20):
            id = server.call("POST", "/api/traces", trace(f"Torn {n}"))[1]["id"]
            recipe = {"dataset_name": "torn", "dataset_version": f"v{n}", "trace_ids": [id]}
            built = pool.submit(server.call, "POST", "/api/datasets/build", recipe)
            deleted = pool.submit(_delete, server, id)
            outcomes.add((built.result()[0], deleted.result()))
    assert outcomes <= {(201, 409), (404, 204)}


def _delete(server: LiveServer, id: str) -> int:
    with closing(server.connect()) as connection:
        connection.request("DELETE", f"/api/traces/{id}")
        return connection.getresponse().status
