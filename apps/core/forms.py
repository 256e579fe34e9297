"""What the forms of pages share: values in, the refusals of acts at their fields."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from apps.core.errors import messages_by_path, sentence


def add_refusals(
    form: forms.BaseForm, error: ValidationError, fields: Mapping[str, str] | None = None
) -> None:
    """Put what an act refused at the fields of `form`; `fields` maps paths whose field is named otherwise.

    What is at no field of the form stands above it.
    """
    by_path = messages_by_path(error)
    if not by_path:
        form.add_error(None, sentence(error))
    for path, messages in by_path.items():
        field = (fields or {}).get(path, path)
        known = field if field in form.fields else None
        form.add_error(known, [text if known else f"{path}: {text}" for text in messages])


def given(cleaned: Mapping[str, Any]) -> dict[str, Any]:
    """What was filled in: an empty field is not given, and the act's own default holds."""
    return {name: value for name, value in cleaned.items() if value not in (None, "")}
