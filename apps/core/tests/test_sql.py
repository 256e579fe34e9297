import sqlite3

import psycopg
import pytest
from django.db import OperationalError

from apps.core.sql import is_disk_full


def _full_sqlite() -> sqlite3.Error:
    with sqlite3.connect(":memory:") as database:
        database.execute("PRAGMA max_page_count = 1")
        with pytest.raises(sqlite3.OperationalError) as caught:
            database.execute("CREATE TABLE one (text)")
    return caught.value


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        (_full_sqlite(), True),
        (psycopg.errors.DiskFull("could not extend file"), True),
        (sqlite3.OperationalError("database is locked"), False),
        (psycopg.OperationalError("the connection is closed"), False),
        (None, False),
    ],
)
def test_a_full_disk_is_told_from_other_faults(cause: Exception | None, expected: bool) -> None:
    error = OperationalError()
    error.__cause__ = cause
    assert is_disk_full(error) is expected
