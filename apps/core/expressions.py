"""Expressions that the ORM lacks.

Ids and times come out of the database as the text that is exported: to make UUID and datetime objects of a
million rows only to format them again would cost as much as all the rest of the reading.
"""

from typing import Any

from django.db.models import BooleanField, CharField, Func
from django.db.models.sql.compiler import SQLCompiler

Sql = tuple[str, Any]


class _Text(Func):
    output_field = CharField()

    def argument(self, compiler: SQLCompiler) -> Sql:
        return compiler.compile(self.source_expressions[0])


class HyphenatedId(_Text):
    """A UUID with hyphens; SQLite stores it without."""

    def as_sqlite(self, compiler: SQLCompiler, connection: Any, **_: Any) -> Sql:
        id, params = self.argument(compiler)
        parts = [
            f"substr({id}, {start}, {size})" for start, size in ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
        ]
        return "(" + " || '-' || ".join(parts) + ")", [*params] * len(parts)

    def as_postgresql(self, compiler: SQLCompiler, connection: Any, **_: Any) -> Sql:
        id, params = self.argument(compiler)
        return f"{id}::text", params


class IsoTime(_Text):
    """A time as `apps.core.ids.isoformat` writes it; SQLite stores it as text, without a fraction of zero."""

    def as_sqlite(self, compiler: SQLCompiler, connection: Any, **_: Any) -> Sql:
        time, params = self.argument(compiler)
        return f"substr(replace({time}, ' ', 'T') || '.000000', 1, 26) || 'Z'", params

    def as_postgresql(self, compiler: SQLCompiler, connection: Any, **_: Any) -> Sql:
        time, params = self.argument(compiler)
        return f"""to_char({time} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')""", params


class Walked(Func):
    """A column whose condition is looked at row by row, not searched for in an index of its own.

    SQLite has no statistics from which it could know that half of the table has a value: it takes the index
    of the condition, and then sorts half of the table. PostgreSQL has them and decides for itself.
    """

    def as_sqlite(self, compiler: SQLCompiler, connection: Any, **_: Any) -> Sql:
        column, params = compiler.compile(self.source_expressions[0])
        return f"+{column}", params

    def as_postgresql(self, compiler: SQLCompiler, connection: Any, **_: Any) -> Sql:
        return compiler.compile(self.source_expressions[0])


class Positive(Func):
    """Whether a column is above zero, with the zero written out: where it comes as a parameter, SQLite does
    not see that an index has all such rows.
    """

    template = "%(expressions)s > 0"
    output_field = BooleanField()
