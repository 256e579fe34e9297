"""The one way in: an act is appended in the transaction of what it did."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

import orjson
from django.db import connection, transaction

from apps.audit.caller import Caller, current_caller
from apps.audit.models import KEY_MAX_LENGTH, NAME_MAX_LENGTH, Act
from apps.core.ids import new_id
from apps.core.sql import column_names, planned_once, typed_placeholders

Verb: TypeAlias = Act.Verb
Details = Mapping[str, Any]

_FIELDS = Act._meta.concrete_fields


def record_act(
    verb: Verb,
    key: object = "",
    *,
    rows: int = 1,
    details: Details | None = None,
    caller: Caller | None = None,
) -> None:
    """`caller` where it is not the one of this request, job or command."""
    values = _values(verb, key, rows, details, caller or current_caller())
    with planned_once() as cursor:
        cursor.execute(_alone(), values)


def insert_recorded(
    insert: str,
    values: Sequence[Any],
    verb: Verb,
    key: object,
    *,
    details: Details | None = None,
) -> Any:
    """Execute an INSERT .. RETURNING of at most one row, with its act: both or neither. What it returned.

    In one statement where the database has such, which it keeps planned: for what is called all the time.
    No row, no act, and None.
    """
    act = _values(verb, key, 1, details, current_caller())
    if connection.vendor == "postgresql":
        with planned_once() as cursor:
            cursor.execute(_joined(insert), [*values, *act])
            return cursor.fetchone()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(insert, values)
        found = cursor.fetchone()
        if found is not None:
            cursor.execute(_alone(), act)
        return found


@cache
def _alone() -> str:
    return (
        f"INSERT INTO {Act._meta.db_table} ({column_names(_FIELDS)}) VALUES ({typed_placeholders(_FIELDS)})"
    )


@cache
def _joined(insert: str) -> str:
    return (
        f"WITH done AS ({insert}), act AS (INSERT INTO {Act._meta.db_table} ({column_names(_FIELDS)})"
        f" SELECT {typed_placeholders(_FIELDS)} FROM done) SELECT * FROM done"
    )


def _values(verb: Verb, key: object, rows: int, details: Details | None, caller: Caller) -> list[Any]:
    """In the order of the columns, as the driver takes them."""
    id = new_id()
    return [
        id if connection.features.has_native_uuid_field else id.hex,
        caller.account_id,
        caller.name[:NAME_MAX_LENGTH],
        caller.token,
        caller.address,
        verb.value,
        str(key)[:KEY_MAX_LENGTH],
        rows,
        orjson.dumps(details).decode() if details else "",
    ]
