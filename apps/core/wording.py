"""What is refused, said to whoever typed it: pydantic speaks to whoever wrote the schema."""

from typing import Any

# By the type of pydantic's error, https://docs.pydantic.dev/latest/errors/validation_errors/; the names in
# braces are of its context. A type that is not here keeps pydantic's words.
_MESSAGES = {
    "missing": "This field is required.",
    "extra_forbidden": "There is no field of this name.",
    "string_type": "This must be a text.",
    "string_too_long": "This must have at most {max_length:,} characters.",
    "int_type": "This must be a whole number.",
    "int_parsing": "This must be a whole number.",
    "int_from_float": "This must be a whole number.",
    "int_parsing_size": "This number is too large.",
    "float_type": "This must be a number.",
    "float_parsing": "This must be a number.",
    "finite_number": "This must be a finite number.",
    "bool_type": "This must be true or false.",
    "bool_parsing": "This must be true or false.",
    "greater_than_equal": "This must be at least {ge}.",
    "greater_than": "This must be greater than {gt}.",
    "less_than_equal": "This must be at most {le}.",
    "less_than": "This must be less than {lt}.",
    "literal_error": "This must be {expected}.",
    "enum": "This must be {expected}.",
    "uuid_type": "This must be a UUID.",
    "uuid_parsing": "This must be a UUID.",
    "list_type": "This must be a list.",
    "too_long": "This must have at most {max_length:,} items.",
    "dict_type": "This must be an object.",
    "model_type": "This must be an object.",
    "model_attributes_type": "This must be an object.",
}
_SHORT = {
    "string_too_short": ("This must not be empty.", "This must have at least {min_length:,} characters."),
    "too_short": ("This must not be empty.", "This must have at least {min_length:,} items."),
}


def message_of(error: Any) -> str:
    """Of one of the `errors()` of a pydantic.ValidationError, with its context."""
    kind, context = error["type"], error.get("ctx", {})
    template = _SHORT[kind][context["min_length"] > 1] if kind in _SHORT else _MESSAGES.get(kind)
    if template is None:
        words: str = error["msg"]
        return words.removeprefix("Value error, ")
    return template.format(**{name: f"{v:g}" if isinstance(v, float) else v for name, v in context.items()})
