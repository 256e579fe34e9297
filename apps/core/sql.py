"""Pieces of INSERT statements for what the ORM does not say: COPY, executemany, INSERT ... SELECT."""

from collections.abc import Sequence
from types import NoneType
from typing import Any

from django.db import connection
from django.db.models import Field

# Every driver takes these as they are: no need to ask the field about each value of each row.
_NATIVE = (str, int, float, NoneType)

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


def prepared(fields: Fields, values: Sequence[Any]) -> list[Any]:
    """`values` of these fields as the database driver takes them."""
    return [
        value if type(value) in _NATIVE else field.get_db_prep_save(value, connection)
        for field, value in zip(fields, values, strict=True)
    ]
