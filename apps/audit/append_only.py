"""The database's own refusal to change or delete what was recorded."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = "audit_act"

_FORBID = {
    "sqlite": [
        f"CREATE TRIGGER {TABLE}_no_{event} BEFORE {event} ON {TABLE}"
        " BEGIN SELECT RAISE(ABORT, 'What was done stays as it was recorded.'); END"
        for event in ("update", "delete")
    ],
    "postgresql": [
        f"CREATE FUNCTION {TABLE}_refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'What was done stays as it was recorded.'; END $$",
        f"CREATE TRIGGER {TABLE}_append_only BEFORE UPDATE OR DELETE ON {TABLE}"
        f" FOR EACH STATEMENT EXECUTE FUNCTION {TABLE}_refuse()",
    ],
}
_ALLOW = {
    "sqlite": [f"DROP TRIGGER {TABLE}_no_{event}" for event in ("update", "delete")],
    "postgresql": [f"DROP TRIGGER {TABLE}_append_only ON {TABLE}", f"DROP FUNCTION {TABLE}_refuse()"],
}


def forbid_changes(database: BaseDatabaseWrapper = connection) -> None:
    with database.cursor() as cursor:
        for statement in _FORBID[database.vendor]:
            cursor.execute(statement)


def allow_changes(database: BaseDatabaseWrapper = connection) -> None:
    with database.cursor() as cursor:
        for statement in _ALLOW[database.vendor]:
            cursor.execute(statement)


@contextmanager
def emptying() -> Iterator[None]:
    """For what empties or replaces the whole place. Unlike SQLite, PostgreSQL has TRUNCATE for it, which no
    trigger refuses.
    """
    if connection.vendor == "postgresql":
        yield
        return
    with transaction.atomic():
        allow_changes()
        yield
        forbid_changes()
