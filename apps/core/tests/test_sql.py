import sqlite3

import psycopg
import pytest
from django.db import OperationalError, connection, transaction

from apps.core.sql import by_index, is_disk_full, much_written


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


def _said(question: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(question)
        return str(cursor.fetchone()[0])


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has its own room")
@pytest.mark.django_db
def test_sqlite_has_more_room_while_much_is_written() -> None:
    asked = ["PRAGMA cache_size", "PRAGMA wal_autocheckpoint"]
    before = [*map(_said, asked)]
    with much_written():
        assert [*map(_said, asked)] == ["-64000", "16000"]
    assert [*map(_said, asked)] == before


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite goes by the form of a query")
@pytest.mark.django_db
def test_a_table_of_which_nothing_is_known_is_not_walked_over() -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("CREATE TEMPORARY TABLE filled (hash text, body text)")
            cursor.execute("CREATE INDEX ON filled (hash)")
            cursor.execute("INSERT INTO filled SELECT md5(n::text), n FROM generate_series(1, 2000) AS n")
        wanted = ", ".join(f"md5('{n}')" for n in range(300))
        question = f"EXPLAIN SELECT * FROM filled WHERE hash IN ({wanted})"
        assert _said(question).startswith("Seq Scan")
        with by_index():
            assert "Seq Scan" not in _said(question)
        assert _said(question).startswith("Seq Scan")
