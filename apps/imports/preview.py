"""What the first rows of an upload would become."""

from typing import NamedTuple

from django.core.exceptions import ValidationError

from apps.core.errors import sentence
from apps.imports.choose import Terms, rows_of
from apps.imports.models import Import
from apps.imports.parse import Parsed, preview


class Preview(NamedTuple):
    """`refusal` says why there are no rows."""

    rows: list[Parsed]
    refusal: str = ""

    @property
    def readable(self) -> int:
        return sum(row.payload is not None for row in self.rows)


def preview_import(found: Import, terms: Terms) -> Preview:
    try:
        with rows_of(found) as rows:
            recipe = terms.recipe_for(rows)
            # Only what was looked at anyway: to read on may be to read for long.
            return Preview(preview([*rows.head], recipe, source=terms.source))
    except ValidationError as error:
        return Preview([], sentence(error))


def columns_of(found: Import) -> list[str]:
    try:
        with rows_of(found) as rows:
            return rows.columns
    except ValidationError:
        return []
