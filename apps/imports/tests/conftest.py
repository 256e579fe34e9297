"""A place of its own for real workers that import."""

from collections.abc import Iterator

import pytest
from django_tasks_db.models import DBTaskResult

from apps.imports import run as running
from apps.imports.models import Import
from apps.jobs.models import Job, Worker
from apps.jobs.tests.conftest import Place, shared_place
from apps.traces.models import Trace

__all__ = ["shared_place"]


@pytest.fixture
def place(shared_place: Place) -> Iterator[Place]:
    """Without imports, jobs and traces; its workers end with the test."""
    for table in (DBTaskResult, Import, Job, Worker, Trace):
        shared_place.ask(f"DELETE FROM {table._meta.db_table}")
    yield shared_place
    shared_place.end_workers()


@pytest.fixture
def chunked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file counts as big: it is stored in chunks of one transaction each."""
    monkeypatch.setattr(running, "SMALL", 0)
