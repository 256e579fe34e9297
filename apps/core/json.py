"""The JSON that this project accepts, and the two ways in which it writes it.

Accepted is the part of JSON that SQLite, PostgreSQL and every client read back equal: depth to 64,
integers in int64, finite floats, unique keys, no NUL and no lone surrogate.
"""

import json
from typing import Any, NoReturn

import orjson

MAX_DEPTH = 64
INT64 = 2**63


class JSONError(ValueError):
    """`path` is dotted ("steps.3.content"), empty for the document itself."""

    def __init__(self, reason: str, *path: str | int) -> None:
        super().__init__(reason)
        self.parts = path

    @property
    def path(self) -> str:
        return ".".join(map(str, self.parts))


class _RepeatedKey(dict[str, Any]):
    """Stands in for an object that names a key twice, until the walk that knows the path meets it."""

    key: str


def parse_json(text: str | bytes) -> Any:
    """Decode one document. Raises JSONError for whatever is not JSON or outside the domain."""
    try:
        if isinstance(text, bytes):
            text = text.decode()  # else the decoder would guess, and take UTF-16 as well
        # Not orjson: the standard decoder is the one that shows repeated keys and big integers.
        value = json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise JSONError(f"The text is not UTF-8: byte {error.start} cannot be decoded.") from error
    except RecursionError as error:
        raise JSONError(f"The JSON is nested deeper than {MAX_DEPTH} levels.") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise JSONError(f"The text is not JSON: {error.msg} at {where}.") from error
    except ValueError as error:  # a constant, or more digits than Python converts
        raise JSONError(f"The text is not JSON: {error}.") from error
    check_domain(value)
    return value


def decode_json_at(text: str, start: int) -> tuple[Any, int]:
    """The value that begins at `start`, and where it ends, for values that follow one another.

    The value is not checked: `check_domain` does that. Raises JSONDecodeError where the text is not JSON,
    or breaks off.
    """
    try:
        return _DECODER.raw_decode(text, start)
    except RecursionError as error:
        raise json.JSONDecodeError(f"it is nested deeper than {MAX_DEPTH} levels", text, start) from error
    except json.JSONDecodeError:
        raise
    except ValueError as error:  # more digits than Python converts
        raise json.JSONDecodeError(str(error), text, start) from error


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    names = [name for name, _ in pairs]
    repeated = _RepeatedKey()
    repeated.key = next(name for name in names if names.count(name) > 1)
    return repeated


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


# NaN and the infinities are left to check_domain, which knows their path.
_DECODER = json.JSONDecoder(object_pairs_hook=_unique_keys)


def check_domain(value: Any, depth: int = 1) -> None:
    """Raise JSONError at the first place in `value` that is outside the accepted domain."""
    kind = type(value)
    if kind is str:
        _check_text(value)
    elif kind is dict or kind is list:
        if depth > MAX_DEPTH:
            raise JSONError(f"The JSON is nested deeper than {MAX_DEPTH} levels.")
        key: str | int = ""
        try:  # the path is put together only on the way out of a failure
            for key, item in value.items() if kind is dict else enumerate(value):
                if kind is dict:
                    _check_text(key)
                check_domain(item, depth + 1)
        except JSONError as error:
            error.parts = (key, *error.parts)
            raise
    elif kind is int:
        if not -INT64 <= value < INT64:
            raise JSONError("An integer must fit into 64 bits.")
    elif kind is float:
        if value - value != 0.0:
            raise JSONError("A number must be finite.")
    elif kind is _RepeatedKey:
        raise JSONError("The key stands twice in its object.", value.key)


def _check_text(text: Any) -> None:
    if "\0" in text:
        raise JSONError("Text must not contain the character NUL.")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise JSONError("Text must not contain a lone surrogate.") from error


def compact_json(value: Any) -> str:
    """One line, key order kept, non-ASCII unescaped: how JSON is stored and exported."""
    return orjson.dumps(value).decode()


def canonical_json(value: Any) -> bytes:
    """Compact with sorted keys: what digests are taken of."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def pretty_json(value: Any) -> str:
    """Indented for a reader; numbers and key order as exports write them."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
