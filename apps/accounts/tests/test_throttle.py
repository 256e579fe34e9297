"""DRF reads its throttles once, when its views are imported: each rate needs a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db import connection

ROOT = Path(__file__).parents[3]

CALLS = """
import json, sys
import django
django.setup()
from django.core.management import call_command
from django.test import Client
call_command("migrate", verbosity=0)
client = Client(headers={"host": "localhost"})
answers = map(client.get, sys.argv[1:])
print(json.dumps([[each.status_code, each.headers.get("Retry-After"), each.json()] for each in answers]))
"""

Answers = list[tuple[int, str | None, dict[str, object]]]


@pytest.fixture
def database_url(transactional_db: None, tmp_path: Path) -> Iterator[str]:
    """The test's own database; SQLite keeps that in the memory of this process, so there it is another."""
    if connection.vendor == "sqlite":
        yield f"sqlite:///{tmp_path / 'throttle.sqlite3'}"
        return
    cache.clear()
    yield "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**connection.settings_dict)
    cache.clear()


def call(database_url: str, rate: str | None, *paths: str) -> Answers:
    """What one process of a server answers to these calls."""
    own = {
        "DATABASE_URL": database_url,
        "DJANGO_SETTINGS_MODULE": "tunixrt.settings",
        "TUNIXRT_OPEN": "1",
        "TUNIXRT_API_RATE": rate or "",
    }
    done = subprocess.run(
        [sys.executable, "-c", CALLS, *paths],
        env={**os.environ, **own},
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=60,
    )
    return [(status, wait, body) for status, wait, body in json.loads(done.stdout)]


def test_calls_are_counted_over_all_processes(database_url: str) -> None:
    first = call(database_url, "3/hour", *["/api/traces"] * 2)
    second = call(database_url, "3/hour", "/api/datasets", "/api/traces", "/api/health")
    assert [status for status, _, _ in first + second] == [200, 200, 200, 429, 200]
    _, wait, body = second[1]
    assert wait is not None
    assert 0 < int(wait) <= 3600
    assert body == {"detail": f"Request was throttled. Expected available in {wait} seconds."}


def test_without_a_rate_nothing_is_counted(database_url: str) -> None:
    answers = call(database_url, None, *["/api/traces"] * 10)
    assert [status for status, _, _ in answers] == [200] * 10
