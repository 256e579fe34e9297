"""The place of real workers, with what a search for duplicates leaves in it."""

from collections.abc import Iterator

import pytest
from django_tasks_db.models import DBTaskResult

from apps.curation.models import DuplicateGroup, DuplicateMember, DuplicateSearch, Tag, Tagging
from apps.jobs.models import Job, Worker
from apps.jobs.tests.conftest import Place, shared_place
from apps.traces.models import Trace

__all__ = ["shared_place"]

_TABLES = (DuplicateMember, DuplicateGroup, DuplicateSearch, Tagging, Tag, DBTaskResult, Job, Worker, Trace)


@pytest.fixture
def place(shared_place: Place) -> Iterator[Place]:
    """Empty; its workers end with the test."""
    for table in _TABLES:
        shared_place.ask(f"DELETE FROM {table._meta.db_table}")
    yield shared_place
    shared_place.end_workers()
