"""A place of its own for real workers: a migrated database, looked at from outside."""

import os
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from django_tasks_db.models import DBTaskResult
from redis import Redis
from redis.exceptions import RedisError

from apps.jobs.handlers import Handler
from apps.jobs.models import Job, Worker
from apps.jobs.tests.starting import start_jobs
from apps.traces.models import Trace
from tunixrt.tests.live import environment, free_port, manage, migrated_database

SECONDS = 60


@dataclass
class Place:
    """`tasks` is TUNIXRT_TASKS."""

    folder: Path
    database_url: str
    tasks: str = "database"
    _workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return environment(self.folder, self.database_url, TUNIXRT_TASKS=self.tasks)

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

    def start_jobs(self, handler: Handler, *arguments: dict[str, Any]) -> None:
        start_jobs(self.environment, handler, *arguments)

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

    def wait_until_it_advances(self) -> None:
        before = self.done()
        self.wait_until(lambda: self.done() > before)

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


@pytest.fixture(scope="session")
def shared_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("place")
    with migrated_database(folder) as database_url:
        yield Place(folder, database_url)


@pytest.fixture
def place(shared_place: Place) -> Iterator[Place]:
    """Without jobs and traces; its workers end with the test."""
    for table in (DBTaskResult, Job, Worker, Trace):
        shared_place.ask(f"DELETE FROM {table._meta.db_table}")
    yield shared_place
    shared_place.end_workers()


@pytest.fixture
def redis_place(place: Place, tmp_path: Path) -> Iterator[Place]:
    with running_redis(tmp_path) as url:
        yield replace(place, tasks=url)


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
