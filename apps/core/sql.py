"""What the ORM does not say: pieces of INSERT statements, how a database goes about an act, its errors."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import NoneType
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, connections
from django.db.models import Field

# Every driver takes these as they are: no need to ask the field about a column of them.
_NATIVE = {str, int, float, NoneType}

_SQLITE_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
# Serialization failure, deadlock, lock not available (PostgreSQL, appendix A).
_LOCKED = ("40001", "40P01", "55P03")

# Kilobytes, as SQLite wants them, negative; and pages of 4 kB.
_MUCH = {"cache_size": -64_000, "wal_autocheckpoint": 16_000}

Fields = Sequence["Field[Any, Any]"]


def column_names(fields: Fields) -> str:
    return ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)


def placeholders(fields: Fields) -> str:
    return ", ".join(["%s"] * len(fields))


def typed_placeholders(fields: Fields) -> str:
    """For a SELECT, from which PostgreSQL does not learn what the parameters are."""
    if connection.vendor != "postgresql":
        return placeholders(fields)
    return ", ".join(f"%s::{field.db_type(connection)}" for field in fields)


@contextmanager
def planned_once() -> Iterator[Any]:
    """A cursor for a statement that one plan fits whatever its values: PostgreSQL keeps it prepared.

    Not for one that filters: the plan that is right for a common value walks past the index of a rare one.
    """
    if connection.vendor != "postgresql":
        with connection.cursor() as cursor:
            yield cursor
        return
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as server_cursor:
        yield server_cursor


def expect_quick_reads() -> None:
    """Until the end of the transaction PostgreSQL reckons with rows that lie in memory or on an SSD.

    By default it takes a row for itself for four times as dear as one behind the other, as on a turning disk,
    and reads a whole table for a tenth of it.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL random_page_cost = 1.1")


def prepared(fields: Fields, rows: Iterable[Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
    """`rows` of values of these fields as the database driver takes them."""
    return zip(*map(_prepared_column, fields, zip(*rows, strict=True)), strict=True)


def _prepared_column(field: "Field[Any, Any]", values: Sequence[Any]) -> Sequence[Any]:
    if _NATIVE.issuperset(map(type, values)):
        return values
    # Each value once, since rows of one act share most of theirs, and not through the proxy `connection`,
    # which costs as much as the conversion.
    backend = connections[DEFAULT_DB_ALIAS]
    known = {value: field.get_db_prep_save(value, backend) for value in {*values}}
    return [known[value] for value in values]


@contextmanager
def by_index() -> Iterator[None]:
    """For a query of which an index knows the few rows, in a transaction.

    Of a table that was filled within the last minute or so PostgreSQL does not know yet that they are few,
    and walks over all of it.
    """
    if connection.vendor != "postgresql" or not connection.in_atomic_block:
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        yield
        cursor.execute("SET LOCAL enable_seqscan TO DEFAULT")


@contextmanager
def much_written() -> Iterator[None]:
    """For an act that stores rows for minutes. It needs 64 MB more.

    A row of which many indexes know touches pages all over the file. SQLite writes each of them anew in every
    transaction and again into the file: with room to keep them, and into the file more seldom, a third less.
    """
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        before = {name: cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in _MUCH}
        try:
            _set_pragmas(cursor, _MUCH)
            yield
        finally:
            _set_pragmas(cursor, before)


def _set_pragmas(cursor: Any, values: Mapping[str, int]) -> None:
    for name, value in values.items():
        cursor.execute(f"PRAGMA {name} = {value}")


def is_in_the_way(error: OperationalError) -> bool:
    """Whether others that use the database at the same time are the reason: a lock, a deadlock."""
    cause = error.__cause__
    primary = getattr(cause, "sqlite_errorcode", 0) & 0xFF  # the bits above say more of the same
    return primary in _SQLITE_LOCKED or getattr(cause, "sqlstate", None) in _LOCKED


def is_disk_full(error: OperationalError) -> bool:
    """Whether it is the database that finds no room for what is to be stored."""
    cause = error.__cause__
    code = getattr(cause, "sqlite_errorcode", None)
    return code == sqlite3.SQLITE_FULL or isinstance(cause, psycopg.errors.DiskFull)
