"""The index of search: what it keeps, and how it is asked."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connection, models
from django.db.models.sql.compiler import SQLCompiler

from apps.core.keyset import COUNTED
from apps.formats.search_terms import Sought


class SearchText(models.Model):
    """The words of a trace, cut and folded, for an index of the database: FTS5 over this table on SQLite,
    GIN over its vector on PostgreSQL.

    No foreign key: triggers delete these rows, also where traces are deleted by query.
    """

    trace_id = models.UUIDField(unique=True)
    body = models.TextField()

    def __str__(self) -> str:
        return f"words of {self.trace_id}"


class UnindexedTrace(models.Model):
    """A trace whose words are not in the index yet; a trigger notes it with the trace."""

    trace_id = models.UUIDField(primary_key=True)

    def __str__(self) -> str:
        return str(self.trace_id)


class Searched(models.Func):
    """Whether the trace of this key has all that is sought: in the index, or among `waiting`, which were
    looked through one by one.

    All that have it are gathered first (SQLite: a microsecond each), wherever they lie; or, `is_walked`, each
    row that is read is asked (20 microseconds, but milliseconds for a prefix), which is for some hundreds.
    """

    output_field = models.BooleanField()

    def __init__(
        self, key: str, sought: Sequence[Sought], waiting: Sequence[UUID], *, is_walked: bool = False
    ) -> None:
        super().__init__(key)
        self.sought = (*sought,)
        self.waiting = (*waiting,)
        self.is_walked = is_walked

    def as_postgresql(self, compiler: SQLCompiler, connection: Any, **_: Any) -> tuple[str, list[Any]]:
        key, before = compiler.compile(self.source_expressions[0])
        select, params = _indexed(self.sought)
        # The planner takes rare words for common ones, and cannot look behind OFFSET.
        found = select if self.is_walked else f"SELECT trace_id FROM ({select} OFFSET 0) AS found"
        if self.waiting:
            found, params = f"{found} UNION ALL SELECT unnest(%s::uuid[])", [*params, [*self.waiting]]
        return f"{key} IN ({found})", [*before, *params]

    def as_sqlite(self, compiler: SQLCompiler, connection: Any, **_: Any) -> tuple[str, Any]:
        key, before = compiler.compile(self.source_expressions[0])
        select, params = _indexed(self.sought, by_trace=self.is_walked)
        waiting = ", ".join(["(%s)"] * len(self.waiting))
        ids = [id.hex for id in self.waiting]
        if not self.is_walked:
            found = f"{key} IN ({select} UNION ALL VALUES {waiting})" if waiting else f"{key} IN ({select})"
            return found, [*before, *params, *ids]
        found = f"EXISTS ({select} AND trace_id = {key})"
        if waiting:
            found = f"({found} OR {key} IN (VALUES {waiting}))"
        return found, [*params, *before, *(before if ids else []), *ids]


def _indexed(sought: Sequence[Sought], *, by_trace: bool = False) -> tuple[str, list[Any]]:
    """A SELECT of the ids that the index finds; on SQLite, whose CROSS JOIN is done in the order it is
    written, from the words to the traces or the other way round.
    """
    if connection.vendor != "postgresql":
        tables = ("traces_searchtext", "traces_searchindex")
        first, second = tables if by_trace else tables[::-1]
        select = (
            f"SELECT trace_id FROM {first} CROSS JOIN {second}"
            " ON traces_searchtext.id = traces_searchindex.rowid WHERE traces_searchindex MATCH %s"
        )
        return select, [_fts_query(sought)]
    phrases = [each.text for each in sought if len(each.terms) > 1]
    conditions = ["vector @@ %s::tsquery", *["strpos(' ' || body || ' ', %s) > 0"] * len(phrases)]
    select = f"SELECT trace_id FROM traces_searchtext WHERE {' AND '.join(conditions)}"
    return select, [_tsquery(sought), *phrases]


def found_ids(sought: Sequence[Sought], limit: int) -> list[UUID]:
    select, params = _indexed(sought)
    found = UnindexedTrace.objects.raw(f"{select} LIMIT {limit}", params)
    return [row.trace_id for row in found]


def count_found(sought: Sequence[Sought]) -> int:
    """To COUNTED and no further."""
    select, params = _indexed(sought)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({select} LIMIT {COUNTED + 1}) AS found", params)
        return int(cursor.fetchone()[0])


def _tsquery(sought: Sequence[Sought]) -> str:
    """The words come out of `split_terms`: letters, digits, marks and symbols, never a quote."""
    return " & ".join(
        " & ".join(f"'{term}'" for term in each.terms) + (":*" if each.is_prefix else "") for each in sought
    )


def _fts_query(sought: Sequence[Sought]) -> str:
    return " ".join(f'"{" ".join(each.terms)}"' + ("*" if each.is_prefix else "") for each in sought)
