"""The order of a random selection: by the md5 of `<seed>:<id>`, on every database the same."""

import hashlib
from struct import Struct
from typing import Any

from django.db.backends.signals import connection_created
from django.db.models import CharField, F, Func, Value
from django.dispatch import receiver

from apps.core.expressions import Sql

# Of a UUID, between its hyphens.
_PARTS = Struct("8s4s4s4s12s")


class SeededRank(Func):
    """32 hexadecimal digits, drawn for a trace by this seed."""

    output_field = CharField()

    def __init__(self, seed: int | None) -> None:
        super().__init__(Value(f"{seed}:"), F("id"))

    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> Sql:
        return super().as_sql(compiler, connection, function="seeded_rank")

    def as_postgresql(self, compiler: Any, connection: Any, **_: Any) -> Sql:
        return super().as_sql(compiler, connection, template="md5(%(expressions)s::text)", arg_joiner=" || ")


def _rank(seed: str, id: str) -> str:
    """`id` as SQLite stores it; to put in the hyphens by functions of its own costs three times as much."""
    text = seed.encode() + b"-".join(_PARTS.unpack(id.encode()))
    return hashlib.md5(text, usedforsecurity=False).hexdigest()


@receiver(connection_created)
def _add_rank(connection: Any, **_: Any) -> None:
    if connection.vendor == "sqlite":
        connection.connection.create_function("seeded_rank", 2, _rank, deterministic=True)
