"""Pages of a table, newest first, by offset or (at constant cost however deep) by cursor."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from apps.core.errors import field_error
from apps.core.json import INT64

MAX_PAGE = 100

Row = TypeVar("Row")
Item = TypeVar("Item")


def _whole(value: object) -> object:
    """pydantic would read "3.0" as 3; it is no integer here."""
    if isinstance(value, str) and not re.fullmatch(r"-?\d{1,19}", value, re.ASCII):
        raise ValueError("This must be a whole number.")
    return value


# A whole number in a query string.
Number = Annotated[int, BeforeValidator(_whole)]


class PageQuery(BaseModel):
    """The query parameters of a list."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[Number, Field(ge=1, le=MAX_PAGE)] = 20
    offset: Annotated[Number, Field(ge=0, lt=INT64)] = 0
    cursor: Annotated[str | None, Field(description="`next_cursor` of the page before")] = None

    @field_validator("cursor")
    @classmethod
    def exclude_offset(cls, cursor: str | None, others: ValidationInfo) -> str | None:
        if cursor is not None and others.data.get("offset"):
            raise ValueError("Give either offset or cursor, not both")
        return cursor


class Pagination(BaseModel):
    limit: int
    offset: int
    next_offset: int | None
    next_cursor: str | None


class Page(BaseModel, Generic[Item]):
    data: list[Item]
    pagination: Pagination


def paginate(
    rows: QuerySet[Any, Row], query: PageQuery, describe: Callable[[Row], dict[str, Any]]
) -> dict[str, Any]:
    """One page of `rows`: instances, or tuples that begin with the primary key, in descending order of it.

    One row more than asked for is read: that there is a next page is known without counting.
    """
    if query.cursor is not None:
        rows = _before(rows, query.cursor)
    window = slice(query.offset, query.offset + query.limit + 1)
    found = [*(rows.filter(pk__in=_keys(rows, window)) if query.offset else rows[window])]
    page, has_more = found[: query.limit], len(found) > query.limit
    return {
        "data": [describe(row) for row in page],
        "pagination": {
            "limit": query.limit,
            "offset": query.offset,
            "next_offset": query.offset + query.limit if has_more and query.cursor is None else None,
            "next_cursor": str(_key(page[-1])) if has_more else None,
        },
    }


def _keys(rows: QuerySet[Any, Any], window: slice) -> list[Any]:
    """Keys first: a deep offset then walks over an index and not over the rows themselves."""
    return [*rows.values_list("pk", flat=True)[window]]


def _key(row: Any) -> Any:
    return row[0] if isinstance(row, tuple) else row.pk


def _before(rows: QuerySet[Any, Row], cursor: str) -> QuerySet[Any, Row]:
    try:
        return rows.filter(pk__lt=rows.model._meta.pk.to_python(cursor))
    except ValidationError as error:
        raise field_error("cursor", "This is no cursor of this list.") from error
