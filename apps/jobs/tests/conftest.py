"""A place of its own for real workers: a migrated database, looked at from outside."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from redis import Redis
from redis.exceptions import RedisError

from apps.jobs.handlers import Handler
from tunixrt.tests.live import environment, free_port, fresh_database, manage

SECONDS = 60

_START = """
import json, sys
import django
django.setup()
from apps.jobs.handlers import find_handler
from apps.jobs.start import start_job
handler = find_handler(sys.argv[1])
for arguments in json.loads(sys.argv[2]):
    print(start_job(handler, arguments, title="Try", created_by=None).pk.hex)
"""


@dataclass
class Place:
    """`tasks` is TUNIXRT_TASKS."""

    folder: Path
    database_url: str
    tasks: str = "database"
    _workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return environment(
            self.folder,
            self.database_url,
            TUNIXRT_TASKS=self.tasks,
            DJANGO_SETTINGS_MODULE="tunixrt.settings",
        )

    def migrate(self) -> None:
        subprocess.run([*manage("migrate"), "--verbosity", "0"], env=self.environment, check=True)

    def start_worker(self) -> subprocess.Popen[bytes]:
        with (self.folder / "output").open("ab") as output:
            worker = subprocess.Popen(
                manage("work"),
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._workers.append(worker)
        return worker

    def start_jobs(self, handler: Handler, *arguments: dict[str, Any]) -> list[str]:
        """The keys of the jobs, as SQLite keeps them."""
        command = [sys.executable, "-c", _START, handler.act, json.dumps(arguments)]
        done = subprocess.run(command, env=self.environment, check=True, stdout=subprocess.PIPE, text=True)
        return done.stdout.split()

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Over a connection of its own, outside of Django."""
        url = urlsplit(self.database_url)
        if url.scheme != "sqlite":
            with psycopg.connect(self.database_url, autocommit=True) as connection:
                cursor = connection.execute(sql.encode())
                return cursor.fetchall() if cursor.description else []
        with closing(sqlite3.connect(url.path, timeout=SECONDS, isolation_level=None)) as connection:
            return connection.execute(sql).fetchall()

    def wait_until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < deadline, (self.folder / "output").read_text()
            time.sleep(0.02)

    def states(self) -> list[str]:
        return sorted(state for (state,) in self.ask("SELECT state FROM jobs_job"))

    def done(self) -> int:
        [(done,)] = self.ask("SELECT sum(done) FROM jobs_job")
        return int(done)

    def let_time_pass(self) -> None:
        """As if whatever was last heard of a job had been long ago."""
        then = "'2020-01-01 00:00:00+00:00'"
        self.ask(f"UPDATE jobs_job SET heartbeat_at = {then}, enqueued_at = {then} WHERE finished_at IS NULL")

    def prompts(self) -> list[int]:
        return sorted(int(prompt) for (prompt,) in self.ask("SELECT prompt FROM traces_trace"))

    def end_workers(self) -> None:
        for worker in self._workers:
            if worker.poll() is None:
                os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()


@contextmanager
def running_place(folder: Path, tasks: str = "database") -> Iterator[Place]:
    with fresh_database(folder) as database_url:
        place = Place(folder, database_url, tasks)
        try:
            place.migrate()
            yield place
        finally:
            place.end_workers()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with running_place(tmp_path / "place") as made:
        yield made


@pytest.fixture
def redis_place(tmp_path: Path) -> Iterator[Place]:
    with running_redis(tmp_path) as url, running_place(tmp_path / "place", url) as made:
        yield made


@contextmanager
def running_redis(folder: Path) -> Iterator[str]:
    """Debian's, keeping nothing on disk. Its environment is this run's: by that a later run finds it, should
    this one be killed.
    """
    program = shutil.which("redis-server")
    assert program is not None
    port = free_port()
    options = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    options += ["--set-proc-title", "no"]  # it would be written over the environment
    with (folder / "redis").open("wb") as output:
        server = subprocess.Popen([program, *options], cwd=folder, stdout=output, stderr=output)
    try:
        _wait_for_redis(port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.kill()
        server.wait()


def _wait_for_redis(port: int) -> None:
    deadline = time.monotonic() + SECONDS
    with Redis(port=port) as client:
        while time.monotonic() < deadline:
            with suppress(RedisError):
                client.ping()
                return
            time.sleep(0.02)
    raise RuntimeError("Redis does not answer.")
