"""Pages of a sorted table that cost the same however deep: they begin at a row and not at a number."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.core.exceptions import EmptyResultSet, ValidationError
from django.db import connection
from django.db.models import F, Field, Model, QuerySet, Value

from apps.core.errors import field_error
from apps.core.expressions import Compared, Unindexed
from apps.core.ranges import Bounds

COUNTED = 10_000
PAGE_SIZE = 50

# So many rows are looked through in next to no time: the newest 10,000, which some dataset holds, and as many
# again. The far reach is for an index that holds all that is asked for: still cheaper than to sort as many.
REACH = 20_000
FAR_REACH = 125_000

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
    return Count(count_to(COUNTED, rows))


def count_to(most: int, rows: QuerySet[Any, Any], column: str = "pk") -> int:
    """How many there are; `most` + 1 for all that is more."""
    return rows.order_by().values(column)[: most + 1].count()


def few_keys(rows: QuerySet[Any, Any], few: int) -> list[Any] | None:
    """The keys of all of these rows, None where they are more than `few`."""
    keys = [*rows.order_by().values_list("pk", flat=True)[: few + 1]]
    return keys if len(keys) <= few else None


class Sort(NamedTuple):
    """By `field`, and the primary key where it is equal; both in the same direction.

    `within` says between which values the rows are that this order is asked for: there an index begins and
    ends to be read. The rows must be filtered by it all the same.
    """

    field: str
    is_descending: bool
    within: Bounds[Any] = Bounds[Any]()

    @property
    def fields(self) -> list[str]:
        return ["pk"] if self.field == "pk" else [self.field, "pk"]

    def cursor_at(self, row: Model) -> str:
        """The cursor of the page behind this row, and of the one in front of it."""
        return _cursor(tuple(getattr(row, name) for name in self.fields))


NEWEST_FIRST = Sort("pk", is_descending=True)


class Window(NamedTuple):
    """The keys of one page in order, and the cursors of its neighbours."""

    keys: list[Any]
    before: str | None
    after: str | None


def read_window(
    rows: QuerySet[Any, Any], sort: Sort, *, after: str = "", before: str = "", size: int = PAGE_SIZE
) -> Window:
    """The page behind the cursor `after`, or the one in front of `before`, or the first.

    Raises ValidationError for a text that is no cursor.
    """
    return Page(sort, after, before, size).read(rows)


@dataclass(frozen=True)
class Page:
    """The page behind the cursor `after`, or the one in front of `before`, or the first, and ways to find it.

    One row more than asked for is read: that there is a next page is known without counting. Each way raises
    ValidationError for a text that is no cursor.
    """

    sort: Sort
    after: str = ""
    before: str = ""
    size: int = PAGE_SIZE

    def read(self, rows: QuerySet[Any, Any]) -> Window:
        """Of rows that an index has in this order."""
        return self._window(self._to_last(self._ahead(rows, F)))

    def walk(self, rows: QuerySet[Any, Any], along: QuerySet[Any, Any], reach: int) -> Window | None:
        """Of rows that are strewn in `along`, which an index has in this order.

        None where the next `reach` of `along` do not fill the page: to go on might be to look at all of them.
        """
        reached = next(iter(self._to_last(self._ahead(along, F))[reach : reach + 1]), None)
        if reached is None:
            return self.read(rows)
        window = self._window(self._to(self._ahead(rows, F), reached))
        has_more = window.before if self.before else window.after
        return window if has_more else None

    def gather(self, rows: QuerySet[Any, Any]) -> Window:
        """Of rows that something else finds: all are found first and then sorted."""
        return self._window(self._ahead(rows, Unindexed))

    def gather_few(self, rows: QuerySet[Any, Any], few: int) -> tuple[Count, Window | None]:
        """As `gather`, and how many of `rows` there are; no window where these are not counted to their end.

        Up to `few` in one statement, for to find them may cost more than all the rest: only keys, which every
        index has, and then one by one what they are sorted by.
        """
        few, (ahead, values) = min(few, COUNTED), self._ahead_in_sql(rows.model)
        try:
            select, params = rows.order_by().values_list("pk")[: COUNTED + 1].query.sql_with_params()
        except EmptyResultSet:  # a bound that no column reaches: Django asks the database nothing
            return Count(0), self._window([])
        names = ", ".join(self.sort.fields)
        order = ", ".join(f"{name} {'DESC' if self._is_descending else 'ASC'}" for name in self.sort.fields)
        with connection.cursor() as cursor:
            cursor.execute(
                f"WITH found (pk) AS ({select}), counted (total) AS (SELECT count(*) FROM found),"
                f" few ({names}) AS ({self._few_in_sql(rows.model, few)})"
                f" SELECT total, {names} FROM counted LEFT JOIN"
                f" (SELECT {names} FROM few {ahead} ORDER BY {order} LIMIT {self.size + 1}) AS page ON 1 = 1"
                f" ORDER BY {order}",
                [*params, *values],
            )
            read = cursor.fetchall()
        count = Count(read[0][0])
        keys = (_values(rows.model, self.sort, key) for _, *key in read if key[-1] is not None)
        if count.number <= few:
            return count, self._window([tuple(value.value for value in key) for key in keys])
        return count, self.gather(rows) if count.is_exact else None

    def _few_in_sql(self, model: type[Model], few: int) -> str:
        """What they are sorted by, a subquery each: no plan then reads the whole table for it."""
        table, key = model._meta.db_table, model._meta.pk.column
        looked_up = [f"(SELECT {name} FROM {table} WHERE {key} = found.pk)" for name in self.sort.fields[:-1]]
        columns = ", ".join([*looked_up, "pk"])
        return f"SELECT {columns} FROM found WHERE (SELECT total FROM counted) <= {few}"

    def _ahead_in_sql(self, model: type[Model]) -> tuple[str, list[Any]]:
        if not (cursor := self.before or self.after):
            return "", []
        values = _parse(model, self.sort, cursor)
        names, marks = ", ".join(self.sort.fields), ", ".join("%s" for _ in values)
        sign = "<" if self._is_descending else ">"
        prepared = [value.field.get_db_prep_value(value.value, connection) for value in values]
        return f"WHERE ({names}) {sign} ({marks})", prepared

    @property
    def _is_descending(self) -> bool:
        """As it is read: from a cursor backward for the page in front of it."""
        return self.sort.is_descending != bool(self.before)

    def _ahead(self, rows: QuerySet[Any, Any], spell: Callable[[str], Any]) -> QuerySet[Any, Key]:
        """The keys of `rows` from the cursor on, in the order in which they are read."""
        columns = [spell(name) for name in self.sort.fields]
        sign, within = ("<", self.sort.within.max) if self._is_descending else (">", self.sort.within.min)
        # SQLite begins at one place: of two it may take the one that is farther off.
        if cursor := self.before or self.after:
            rows = rows.filter(Compared(columns, sign, _parse(rows.model, self.sort, cursor)))
        elif within is not None:
            rows = rows.filter(Compared(columns[:1], f"{sign}=", [Value(within)]))
        order = [column.desc() if self._is_descending else column.asc() for column in columns]
        return rows.order_by(*order).values_list(*self.sort.fields)

    def _to_last(self, rows: QuerySet[Any, Key]) -> QuerySet[Any, Key]:
        sign, within = (">=", self.sort.within.min) if self._is_descending else ("<=", self.sort.within.max)
        return rows if within is None else rows.filter(Compared([F(self.sort.field)], sign, [Value(within)]))

    def _to(self, rows: QuerySet[Any, Key], key: Key) -> QuerySet[Any, Key]:
        sign, values = ">=" if self._is_descending else "<=", _values(rows.model, self.sort, key)
        columns = [F(name) for name in self.sort.fields]
        reached = rows.filter(Compared(columns, sign, values))
        # By the first column alone as well: SQLite cannot both begin and end at a pair. PostgreSQL takes the
        # two for independent, hence for a few rows, and gathers and sorts what it should walk along.
        return (
            reached.filter(Compared(columns[:1], sign, values[:1]))
            if connection.vendor == "sqlite"
            else reached
        )

    def _window(self, rows: QuerySet[Any, Key] | list[Key]) -> Window:
        found = [*rows[: self.size + 1]]
        has_more, keys = len(found) > self.size, found[: self.size]
        if self.before:
            keys.reverse()
        has_before = has_more if self.before else bool(self.after)
        has_after = bool(self.before) or has_more
        return Window(
            [key[-1] for key in keys],
            _cursor(keys[0]) if keys and has_before else None,
            _cursor(keys[-1]) if keys and has_after else None,
        )


def _cursor(key: Key) -> str:
    return "_".join(map(str, key))


def _parse(model: type[Model], sort: Sort, cursor: str) -> list[Value]:
    # A value may be a text that has this sign; a key is none.
    parts = cursor.rsplit("_", len(sort.fields) - 1)
    if len(parts) != len(sort.fields):
        raise field_error("cursor", "This is no cursor of this list.")
    try:
        values = _values(model, sort, parts)
        for value in values:
            value.field.run_validators(value.value)
        return values
    except ValidationError as error:
        raise field_error("cursor", "This is no cursor of this list.") from error


def _values(model: type[Model], sort: Sort, key: Sequence[Any]) -> list[Value]:
    fields = [_field(model, name) for name in sort.fields]
    return [Value(field.to_python(part), field) for field, part in zip(fields, key, strict=True)]


def _field(model: type[Model], name: str) -> "Field[Any, Any]":
    return next(
        field for field in model._meta.concrete_fields if name == ("pk" if field.primary_key else field.name)
    )
