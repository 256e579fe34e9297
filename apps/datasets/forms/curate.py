"""The form that tags and reviews many traces; its rules are those of the API."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from apps.core.requests import validate
from apps.curation.forms import TAGS_MAX_LENGTH, refuse_tags, split_tags
from apps.curation.models import SEPARATOR, Review
from apps.datasets.serializers import CurateRequest


def _tags(label: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        max_length=TAGS_MAX_LENGTH,
        help_text=f"Several are separated by “{SEPARATOR}”",
        widget=forms.TextInput({"list": "tag-names"}),
    )


class CurateForm(forms.Form):
    """Adds `change` to what it cleans."""

    add_tags = _tags("Add tags")
    remove_tags = _tags("Remove tags")
    # Not `review`: that is a filter, by which the traces may be chosen.
    state = forms.ChoiceField(
        label="Review", required=False, choices=[("", "leave as it is"), *Review.State.choices]
    )

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        tags = {name: split_tags(cleaned.get(name, "")) for name in ("add_tags", "remove_tags")}
        try:
            state = cleaned.get("state") or None
            wanted = validate(CurateRequest, {"where": {}, **tags, "review": state})
        except ValidationError as error:
            if not self.errors:
                refuse_tags(self, error)
            return cleaned
        return {**cleaned, "change": wanted.change}
