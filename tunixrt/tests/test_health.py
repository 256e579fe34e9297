import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from django.db import OperationalError, connection
from django.test import Client

UNHEALTHY = {"status": "unhealthy", "detail": "The database does not answer. See the log of the server."}

CALL = """
import django
django.setup()
from django.test import Client
answer = Client(headers={"host": "localhost"}).get("/api/health")
print(answer.status_code, answer.text)
"""


@pytest.mark.django_db
def test_a_server_is_healthy_after_a_round_trip() -> None:
    response = Client(headers={"host": "localhost"}).get("/api/health")
    assert (response.status_code, response.json()) == (200, {"status": "healthy"})


@pytest.mark.django_db
def test_health_takes_no_parameters() -> None:
    response = Client(headers={"host": "localhost"}).get("/api/health?deep=1")
    assert (response.status_code, [*response.json()["errors"]]) == (400, ["deep"])


@pytest.mark.django_db
def test_a_lost_database_is_503_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    def lose(execute: Callable[..., Any], *_: Any) -> NoReturn:
        raise OperationalError("the server closed the connection unexpectedly")

    with connection.execute_wrapper(lose):
        response = Client(headers={"host": "localhost"}).get("/api/health")
    assert (response.status_code, response.json()) == (503, UNHEALTHY)
    [logged] = [record for record in caplog.records if record.name == "tunixrt.api"]
    assert logged.exc_info is not None
    assert "unexpectedly" in str(logged.exc_info[1])
    assert "unexpectedly" not in response.text


def test_a_database_that_was_never_there_is_503(tmp_path: Path) -> None:
    own = {
        "DATABASE_URL": f"sqlite:///{tmp_path / 'no-such-folder' / 'traces.sqlite3'}",
        "DJANGO_SETTINGS_MODULE": "tunixrt.settings",
        "TUNIXRT_DATA_DIR": str(tmp_path),
        "TUNIXRT_SECRET_KEY": "s" * 64,
    }
    done = subprocess.run(
        [sys.executable, "-c", CALL],
        env={**os.environ, **own},
        cwd=Path(__file__).parents[2],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    status, _, body = done.stdout.partition(" ")
    assert (status, json.loads(body)) == ("503", UNHEALTHY)
