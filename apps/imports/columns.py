"""The columns of a row by their names and paths, and what is left of them when a trace has been read."""

from collections.abc import Iterable, Sequence
from typing import Any

from apps.formats.conversation import Path
from apps.formats.reasoning import UnreadableError

_READ = object()


class Columns:
    """One row. What was read of it is noted, so that nothing else gets lost."""

    def __init__(self, row: dict[str, Any]) -> None:
        self._row = row
        self._read: list[Path] = []

    def whole(self, column: str | None, *, is_optional: bool = False) -> Any:
        """Its value, which thereby is read. Raises UnreadableError where it must be there and is not."""
        value = self.value(column, is_optional=is_optional)
        self.note(column)
        return value

    def value(self, column: str | None, *, is_optional: bool = False) -> Any:
        if column is None:
            return None
        place = self._place(column)
        if place is None:
            if is_optional:
                return None
            raise UnreadableError("The row has no such column.", column)
        return _at(self._row, place)

    def note_items(self, column: str | None, read: Sequence[Sequence[Path]]) -> None:
        """It is a list, of whose items these parts have been read."""
        paths = [(index, *path) for index, parts in enumerate(read) for path in parts]
        self.note(column, paths)

    def note(self, column: str | None, below: Sequence[Path] = ((),)) -> None:
        """What lies at these paths below it has been read: all of it, if nothing else is said."""
        if column is not None and (place := self._place(column)) is not None:
            self._read += [(*place, *path) for path in below]

    def rest(self) -> dict[str, Any]:
        """The columns that were not read, and of the others what else is in them: without nulls, for a table
        has each name in all objects. In a list null stands for an item that was read.
        """
        heads = _heads(self._read)
        left = {name: _rest(item, heads.get(name)) for name, item in self._row.items()}
        return {name: item for name, item in left.items() if item is not _READ}

    def _place(self, column: str) -> Path | None:
        if column in self._row:
            return (column,)
        place: list[str | int] = []
        value: Any = self._row
        for part in column.split("."):
            key = int(part) if isinstance(value, list) and part.isascii() and part.isdigit() else part
            is_there = key < len(value) if isinstance(key, int) else isinstance(value, dict) and key in value
            if not is_there:
                return None
            value = value[key]
            place.append(key)
        return tuple(place)


def _at(value: Any, place: Path) -> Any:
    for key in place:
        value = value[key]
    return value


def _heads(paths: Iterable[Path]) -> dict[str | int, list[Path]]:
    heads: dict[str | int, list[Path]] = {}
    for head, *rest in paths:
        heads.setdefault(head, []).append(tuple(rest))
    return heads


def _rest(value: Any, read: list[Path] | None) -> Any:
    if read is None:
        return value
    if () in read:
        return _READ
    heads = _heads(read)
    if isinstance(value, dict):
        left = {name: _rest(item, heads.get(name)) for name, item in value.items()}
        return {name: item for name, item in left.items() if item is not _READ and item is not None} or _READ
    items = [_rest(item, heads.get(index)) for index, item in enumerate(value)]
    items = [None if item is _READ else item for item in items]
    return items if any(item is not None for item in items) else _READ
