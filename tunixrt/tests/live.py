"""The real server, as `make run` starts it, on a database and a port of its own."""

import atexit
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import psycopg
from django.conf import settings

START_SECONDS = 60
_OWN_VARIABLES = ("TUNIXRT_", "DATABASE_URL", "TRACE_MAX_BYTES")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class LiveServer:
    """`folder` is its data folder; it may be killed and started again on the same data."""

    folder: Path
    database_url: str
    variables: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return environment(self.folder, self.database_url, **self.variables)

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self, *arguments: str) -> None:
        with (self.folder / "output").open("ab") as output:
            self.process = subprocess.Popen(
                [*manage("serve"), "--port", str(self.port), *arguments],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._wait_until_healthy(self.process)

    def signal_group(self, number: signal.Signals) -> None:
        """As a terminal does: the server and its workers get it alike."""
        assert self.process is not None
        os.killpg(self.process.pid, number)

    def wait(self) -> int:
        assert self.process is not None
        return self.process.wait(timeout=START_SECONDS)

    def kill(self) -> None:
        if self.is_running:
            self.signal_group(signal.SIGKILL)
            self.wait()

    def connect(self, timeout: float = 60) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and decoded JSON, over a connection of its own."""
        with closing(self.connect()) as connection:
            sent = None if body is None else json.dumps(body)
            connection.request(method, path, sent, {"Content-Type": "application/json", **headers})
            response = connection.getresponse()
            return response.status, json.loads(response.read())

    def seconds_without_cpu(self) -> float:
        """How long the start was held up by other processes, which had the processors (proc(5))."""
        assert self.process is not None
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        # Not what keeps the worker of the jobs, for which nobody waits.
        servers = [child for child in children if b"granian" in Path(f"/proc/{child}/cmdline").read_bytes()]
        return waited_for_cpu(pid) + min(map(waited_for_cpu, servers))

    def _wait_until_healthy(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if self.call("GET", "/api/health")[0] == 200:
                    return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError(f"The server does not answer:\n{(self.folder / 'output').read_text()}")


def waited_for_cpu(pid: int | str) -> float:
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9


@contextmanager
def live_server(folder: Path, *arguments: str, **variables: str) -> Iterator[LiveServer]:
    """A server with a migrated database, empty unless `arguments` of the serve command fill it."""
    with migrated_database(folder) as database_url:
        server = LiveServer(folder, database_url, variables)
        try:
            server.start(*arguments)
            yield server
        finally:
            server.kill()


@contextmanager
def fresh_database(folder: Path, template: str = "template1") -> Iterator[str]:
    """The DATABASE_URL of an empty database of the kind that the tests run on; `template` is PostgreSQL's."""
    folder.mkdir(exist_ok=True)
    given = urlsplit(os.environ.get("DATABASE_URL", ""))
    if not is_postgresql():
        yield f"sqlite:///{folder / 'live.sqlite3'}"
        return
    name = f"live_{token_hex(8)}"
    with psycopg.connect(given.geturl(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        try:
            yield given._replace(path=f"/{name}").geturl()
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@contextmanager
def migrated_database(folder: Path) -> Iterator[str]:
    """A copy of one that was migrated, which takes seconds."""
    migrated = urlsplit(_migrated_url())
    if is_postgresql():
        with fresh_database(folder, migrated.path.removeprefix("/")) as database_url:
            yield database_url
        return
    with fresh_database(folder) as database_url:
        shutil.copy(migrated.path, urlsplit(database_url).path)
        yield database_url


@cache
def _migrated_url() -> str:
    """Of a database that nobody uses but to copy it."""
    kept = ExitStack()
    atexit.register(kept.close)
    folder = Path(kept.enter_context(TemporaryDirectory()))
    database_url = kept.enter_context(fresh_database(folder))
    variables = environment(folder, database_url)
    subprocess.run([*manage("migrate"), "--verbosity", "0"], env=variables, check=True)
    return database_url


def is_postgresql() -> bool:
    return bool(settings.DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql")


def environment(folder: Path, database_url: str, **more: str) -> dict[str, str]:
    """An open server's, with nothing of the test run's own settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OWN_VARIABLES)}
    own = {"TUNIXRT_OPEN": "1", "TUNIXRT_DATA_DIR": str(folder), "DATABASE_URL": database_url}
    return kept | own | more


def manage(command: str) -> list[str]:
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), command]
