"""Expressions that the ORM lacks.

Ids and times come out of the database as the text that is exported: to make UUID and datetime objects of a
million rows only to format them again would cost as much as all the rest of the reading.
"""

from collections.abc import Sequence
from typing import Any

from django.db.models import BooleanField, CharField, Func, Value
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


class Unindexed(Func):
    """A column whose condition or order is looked at row by row, and not searched for in an index of its own.

    Which of two ways costs less is known to who asks. SQLite has no statistics and takes the index of a
    condition that half of the table meets; PostgreSQL takes two conditions for independent, and walks along
    an order past everything to find what it has only at its end.
    """

    def as_sqlite(self, compiler: SQLCompiler, connection: Any, **_: Any) -> Sql:
        column, params = compiler.compile(self.source_expressions[0])
        return f"+{column}", params

    def as_postgresql(self, compiler: SQLCompiler, connection: Any, **_: Any) -> Sql:
        column, params = compiler.compile(self.source_expressions[0])
        return f"LEAST({column})", params


class Compared(Func):
    """`(a, b) > (x, y)`: by the first column, and the second where that is equal."""

    output_field = BooleanField()

    def __init__(self, columns: Sequence[Any], sign: str, values: Sequence[Value]) -> None:
        super().__init__(*columns, *values)
        self.sign = sign

    def as_sql(self, compiler: SQLCompiler, connection: Any, *_: Any, **__: Any) -> Sql:
        compiled = [compiler.compile(source) for source in self.source_expressions]
        names, params = [sql for sql, _ in compiled], [param for _, given in compiled for param in given]
        half = len(names) // 2
        return f"({', '.join(names[:half])}) {self.sign} ({', '.join(names[half:])})", params


class Positive(Func):
    """Whether a column is above zero, with the zero written out: where it comes as a parameter, SQLite does
    not see that an index has all such rows.
    """

    template = "%(expressions)s > 0"
    output_field = BooleanField()
