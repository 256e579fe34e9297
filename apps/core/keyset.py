"""Pages of a sorted table that cost the same however deep: they begin at a row and not at a number."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db.models import Field, Model, Q, QuerySet

from apps.core.errors import field_error

COUNTED = 10_000
PAGE_SIZE = 50

Key = tuple[Any, ...]


class Count(NamedTuple):
    """How many rows there are, exact up to COUNTED."""

    number: int

    @property
    def is_exact(self) -> bool:
        return self.number <= COUNTED

    def __str__(self) -> str:
        return f"{self.number:,}" if self.is_exact else f"{COUNTED:,}+"


def count_rows(rows: QuerySet[Any, Any]) -> Count:
    """Counts to COUNTED and no further: a page of a million rows does not wait for their number."""
    return Count(rows.order_by().values("pk")[: COUNTED + 1].count())


class Sort(NamedTuple):
    """By `field`, and the primary key where it is equal; both in the same direction."""

    field: str
    is_descending: bool

    @property
    def fields(self) -> list[str]:
        return ["pk"] if self.field == "pk" else [self.field, "pk"]


class Window(NamedTuple):
    """The keys of one page in order, and the cursors of its neighbours."""

    keys: list[Any]
    before: str | None
    after: str | None


def read_window(
    rows: QuerySet[Any, Any], sort: Sort, *, after: str = "", before: str = "", size: int = PAGE_SIZE
) -> Window:
    """The page behind the cursor `after`, or the one in front of `before`, or the first.

    One row more than asked for is read: that there is a next page is known without counting.
    Raises ValidationError for a text that is no cursor.
    """
    is_backward = bool(before)
    cursor = before or after
    order = _order(sort, is_reversed=is_backward)
    if cursor:
        rows = rows.filter(_beyond(rows.model, order, _parse(rows.model, sort, cursor)))
    names = [name.removeprefix("-") for name in order]
    found: list[Key] = [*rows.order_by(*order).values_list(*names)[: size + 1]]
    has_more, page = len(found) > size, found[:size]
    if is_backward:
        page.reverse()
    has_before = has_more if is_backward else bool(cursor)
    has_after = is_backward or has_more
    return Window(
        [key[-1] for key in page],
        _cursor(page[0]) if page and has_before else None,
        _cursor(page[-1]) if page and has_after else None,
    )


def _order(sort: Sort, *, is_reversed: bool) -> list[str]:
    sign = "-" if sort.is_descending != is_reversed else ""
    return [f"{sign}{field}" for field in sort.fields]


def _beyond(model: type[Model], order: Sequence[str], key: Key) -> Q:
    """Behind `key` in this order. Spelled so that SQLite, too, begins to read at the key: it is slow on
    comparisons of tuples.
    """
    names = [name.removeprefix("-") for name in order]
    operator = "lt" if order[0].startswith("-") else "gt"
    if len(names) == 1:
        return Q((f"pk__{operator}", key[0]))
    first, (value, pk) = names[0], key
    return Q((f"{first}__{operator}e", value)) & (
        Q((f"{first}__{operator}", value)) | Q((f"pk__{operator}", pk))
    )


def _cursor(key: Key) -> str:
    return "_".join(map(str, key))


def _parse(model: type[Model], sort: Sort, cursor: str) -> Key:
    parts = cursor.rsplit("_", len(sort.fields) - 1)  # a value may be a text with this sign, a key is none
    if len(parts) != len(sort.fields):
        raise field_error("cursor", "This is no cursor of this list.")
    try:
        fields = [_field(model, name) for name in sort.fields]
        return tuple(field.to_python(part) for field, part in zip(fields, parts, strict=True))
    except ValidationError as error:
        raise field_error("cursor", "This is no cursor of this list.") from error


def _field(model: type[Model], name: str) -> "Field[Any, Any]":
    return next(
        field for field in model._meta.concrete_fields if name == ("pk" if field.primary_key else field.name)
    )
