"""A column that holds a set of terms, and the one question that is asked of it."""

from typing import Any

from django.db import models
from django.db.models.sql.compiler import SQLCompiler


class TermsField(models.TextField[str, str]):
    """Terms separated by spaces; `__has=term` asks for one."""


@TermsField.register_lookup
class Has(models.Lookup[Any]):
    lookup_name = "has"

    def as_postgresql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, list[Any]]:
        column, term, params = self._sides(compiler, connection)
        return f"string_to_array({column}, ' ') @> ARRAY[{term}]::text[]", params

    def as_sqlite(self, compiler: SQLCompiler, connection: Any) -> tuple[str, list[Any]]:
        column, term, params = self._sides(compiler, connection)
        return f"instr({column}, {term}) > 0", params

    def _sides(self, compiler: SQLCompiler, connection: Any) -> tuple[str, str, list[Any]]:
        column, before = self.process_lhs(compiler, connection)
        term, after = self.process_rhs(compiler, connection)
        return column, term, [*before, *after]
