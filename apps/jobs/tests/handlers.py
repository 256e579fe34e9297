"""Handlers for tests: what an importer does, with traces whose prompts are numbers."""

import sqlite3
import time
from typing import Any

import psycopg
from django.core.exceptions import ValidationError
from django.db import OperationalError, connection, transaction

from apps.jobs.handlers import handler
from apps.jobs.work import Work
from apps.traces.ingest import ingest_traces, parse_trace
from apps.traces.tests.factories import make_payload


@handler
def count_rows(work: Work, *, rows: int, chunk: int, source: str, pause: float = 0.0) -> dict[str, Any]:
    """Stores `rows` traces in chunks, one transaction each, and goes on where it was."""
    start = work.checkpoint["next"] if work.checkpoint else 0
    work.log(f"From row {start}")
    for first in range(start, rows, chunk):
        after = min(first + chunk, rows)
        with transaction.atomic():
            store(range(first, after), source)
            time.sleep(pause)  # in the middle, where it is worst to be killed
            work.advance({"next": after}, after, rows)
        time.sleep(pause / 10)
    return {"stored": rows}


def store(numbers: range, source: str) -> None:
    payloads = [make_payload(prompt=str(number), meta={"source": source}) for number in numbers]
    ingest_traces([parse_trace(payload) for payload in payloads], created_by=None)


@handler
def refuse(work: Work) -> None:
    raise ValidationError({"file": "It holds no traces."})


@handler
def break_down(work: Work) -> None:
    work.log("so far so good")
    raise RuntimeError("a fault with\0 a NUL\nthat nobody expected")


@handler
def lose_database(work: Work) -> None:
    """Its connection, as when the server of the database is started anew."""
    if work.job.attempts == 1:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    store(range(1), "lost database")


@handler
def wait_in_vain(work: Work) -> None:
    """As the driver of either database says it."""
    locked = sqlite3.OperationalError("the words do not matter")
    locked.sqlite_errorcode = sqlite3.SQLITE_BUSY_SNAPSHOT
    causes = {"sqlite": locked, "postgresql": psycopg.errors.DeadlockDetected("the words do not matter")}
    raise OperationalError("the words do not matter") from causes[connection.vendor]


def no_handler(work: Work) -> None:
    store(range(1), "no handler")
