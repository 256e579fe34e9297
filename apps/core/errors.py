"""How a refusal is raised.

Acts raise Django's ValidationError. Its `code` is "invalid" for a refused value, or one of those below;
keys of its dictionary form are dotted paths into what was sent.
"""

from collections.abc import Iterable

import pydantic
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError

from apps.core.json import JSONError
from apps.core.wording import message_of

NOT_FOUND = "not_found"
CONFLICT = "conflict"
TAKEN = "taken"
TOO_LARGE = "too_large"
NO_LENGTH = "no_length"
UNPROCESSABLE = "unprocessable"

# Above it, a list of faults helps nobody and costs more than the body that has them.
MAX_LISTED_FAULTS = 1_000


def not_found(thing: str, identifier: object) -> ValidationError:
    return ValidationError(f"{thing} not found: {identifier}", code=NOT_FOUND)


def too_large(what: str, limit: int) -> ValidationError:
    return ValidationError(f"{what} is larger than the limit of {limit} bytes.", code=TOO_LARGE)


def no_length() -> ValidationError:
    return ValidationError(
        "Send the file with a Content-Length, as curl --data-binary @FILE does: without one nobody can tell "
        "whether all of it has come. Nothing was stored.",
        code=NO_LENGTH,
    )


def conflict(message: str) -> ValidationError:
    return ValidationError(message, code=CONFLICT)


def taken(message: str) -> ValidationError:
    """A conflict that another name resolves."""
    return ValidationError(message, code=TAKEN)


def field_error(path: str, message: str) -> ValidationError:
    return ValidationError({printable(path): message})


def from_json_error(error: JSONError, *prefix: str | int) -> ValidationError:
    path = ".".join(map(str, (*prefix, *error.parts)))
    return field_error(path, str(error)) if path else ValidationError(str(error))


def from_pydantic(error: pydantic.ValidationError, *prefix: str | int) -> ValidationError:
    """The same refusals under dotted paths that begin with `prefix`; one of the whole body has none."""
    if error.error_count() > MAX_LISTED_FAULTS:
        return ValidationError(f"{error.error_count()} faults are too many to list. Compare with the schema.")
    found: dict[str, list[str]] = {}
    for item in error.errors(include_url=False, include_input=False):
        path = ".".join(str(part) for part in (*prefix, *item["loc"]))
        found.setdefault(printable(path) or NON_FIELD_ERRORS, []).append(message_of(item))
    if [*found] == [NON_FIELD_ERRORS]:
        return ValidationError(found[NON_FIELD_ERRORS][0])
    return ValidationError(found)


def printable(text: str) -> str:
    """Refused text is quoted in its refusal: a lone surrogate in it must not break the answer."""
    return text.encode("utf-8", "backslashreplace").decode()


def messages_by_path(error: ValidationError) -> dict[str, list[str]]:
    """Empty where the refusal is of no single field."""
    return error.message_dict if hasattr(error, "error_dict") else {}


def sentence(error: ValidationError) -> str:
    """The refusal in one sentence, with the first path and how many more there are."""
    by_path = messages_by_path(error)
    if not by_path:
        return str(error.messages[0])
    path, found = next(iter(by_path.items()))
    more = sum(map(len, by_path.values())) - 1
    return f"{path}: {found[0].rstrip('.')} (and {more} more)." if more else f"{path}: {found[0]}"


def code_of(error: ValidationError) -> str:
    return getattr(error, "code", None) or "invalid"


def join_names(names: Iterable[str], most: int = 10) -> str:
    """ "a, b and 3 more": names for a sentence that must stay one."""
    listed = list(names)
    rest = len(listed) - most
    return ", ".join(listed[:most]) + (f" and {rest} more" if rest > 0 else "")
