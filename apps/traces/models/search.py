"""The index of search: what it keeps, and how it is asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection, models
from django.db.models.sql.compiler import SQLCompiler

from apps.core.keyset import COUNTED, Count
from apps.formats.search_terms import Sought


@dataclass(frozen=True)
class Hits:
    """What the words of a search find.

    `indexed` is how many the index finds, up to one above `many_of`, `waiting` which ones are found that it
    does not know yet, and `overlooked` how many of those nobody looked through.
    """

    sought: list[Sought]
    indexed: int
    waiting: list[UUID]
    overlooked: Count

    @property
    def count(self) -> Count:
        return Count(self.indexed + len(self.waiting))

    @property
    def are_common(self) -> bool:
        return self.indexed > many_of(self.sought)


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
    """Whether the trace of this key is one of these hits.

    All that have it are gathered first, wherever they lie; or, `is_walked`, each row that is read is asked
    for its words, past the index.
    """

    output_field = models.BooleanField()

    def __init__(self, key: str, hits: Hits, *, is_walked: bool) -> None:
        super().__init__(key)
        self.sought = (*hits.sought,)
        self.waiting = (*hits.waiting,)
        self.is_walked = is_walked

    def as_postgresql(self, compiler: SQLCompiler, connection: Any, **_: Any) -> tuple[str, list[Any]]:
        key, before = compiler.compile(self.source_expressions[0])
        waiting = [*self.waiting]
        if self.is_walked and not _is_foreseen(self.sought):  # as a value, which the planner joins to nothing
            conditions, params = _conditions(self.sought)
            has_words = f"SELECT {conditions} FROM traces_searchtext WHERE trace_id = {key}"
            return f"(({has_words}) OR {key} = ANY(%s::uuid[]))", [*params, *before, *before, waiting]
        select, params = _indexed(self.sought)
        # The planner takes rare words for common ones, and cannot look behind OFFSET.
        found = select if self.is_walked else f"SELECT trace_id FROM ({select} OFFSET 0) AS found"
        if waiting:
            found, params = f"{found} UNION ALL SELECT unnest(%s::uuid[])", [*params, waiting]
        return f"{key} IN ({found})", [*before, *params]

    def as_sqlite(self, compiler: SQLCompiler, connection: Any, **_: Any) -> tuple[str, Any]:
        key, before = compiler.compile(self.source_expressions[0])
        waiting = ", ".join(["(%s)"] * len(self.waiting))
        ids = [id.hex for id in self.waiting]
        if not self.is_walked:
            select, params = _indexed(self.sought)
            found = f"{key} IN ({select} UNION ALL VALUES {waiting})" if waiting else f"{key} IN ({select})"
            return found, [*before, *params, *ids]
        has_words = " AND ".join(["instr(' ' || body || ' ', %s) > 0"] * len(self.sought))
        found = f"EXISTS (SELECT 1 FROM traces_searchtext WHERE trace_id = {key} AND {has_words})"
        if waiting:
            found = f"({found} OR {key} IN (VALUES {waiting}))"
        words = [each.text for each in self.sought]
        return found, [*before, *words, *(before if ids else []), *ids]


def _indexed(sought: Sequence[Sought]) -> tuple[str, list[Any]]:
    """A SELECT of the ids that the index finds; SQLite does its CROSS JOIN in the order it is written."""
    if connection.vendor != "postgresql":
        select = (
            "SELECT trace_id FROM traces_searchindex CROSS JOIN traces_searchtext"
            " ON traces_searchtext.id = traces_searchindex.rowid WHERE traces_searchindex MATCH %s"
        )
        return select, [_fts_query(sought)]
    conditions, params = _conditions(sought)
    return f"SELECT trace_id FROM traces_searchtext WHERE {conditions}", params


def _conditions(sought: Sequence[Sought]) -> tuple[str, list[Any]]:
    """Of a row of PostgreSQL."""
    phrases = [each.text for each in sought if len(each.terms) > 1]
    conditions = ["vector @@ %s::tsquery", *["strpos(' ' || body || ' ', %s) > 0"] * len(phrases)]
    return " AND ".join(conditions), [_tsquery(sought), *phrases]


def _is_foreseen(sought: Sequence[Sought]) -> bool:
    """Whether PostgreSQL's planner knows how many have it: of words it does."""
    return all(len(each.terms) == 1 and not each.is_prefix for each in sought)


def many_of(sought: Sequence[Sought]) -> int:
    """What more traces have is common: to look at each trace for it finds enough of them soon. At a million
    that takes ten times as many as are counted; but PostgreSQL's planner sees by itself where words are too
    rare for it, and phrases cost it too much to count on.
    """
    is_quick = connection.vendor != "postgresql" or any(each.is_prefix for each in sought)
    return 10 * COUNTED if is_quick else COUNTED


def found_ids(sought: Sequence[Sought]) -> list[Any]:
    """As the database spells them."""
    select, params = _indexed(sought)
    with connection.cursor() as cursor:
        cursor.execute(select, params)
        return [id for (id,) in cursor]


def count_found(sought: Sequence[Sought]) -> int:
    """To `many_of` and no further. SQLite's index counts without a look at the texts."""
    if connection.vendor != "postgresql":
        select = "SELECT 1 FROM traces_searchindex WHERE traces_searchindex MATCH %s"
        params: list[Any] = [_fts_query(sought)]
    else:
        select, params = _indexed(sought)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({select} LIMIT {many_of(sought) + 1}) AS found", params)
        return int(cursor.fetchone()[0])


def _tsquery(sought: Sequence[Sought]) -> str:
    """The words come out of `split_terms`: letters, digits, marks and symbols, never a quote."""
    return " & ".join(
        " & ".join(f"'{term}'" for term in each.terms) + (":*" if each.is_prefix else "") for each in sought
    )


def _fts_query(sought: Sequence[Sought]) -> str:
    return " ".join(f'"{" ".join(each.terms)}"' + ("*" if each.is_prefix else "") for each in sought)
