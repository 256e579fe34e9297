from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from apps.core.forms import add_refusals, given
from apps.core.json import INT64
from apps.core.requests import validate
from apps.ungar.generate import MAX_EPISODES
from apps.ungar.serializers import GenerateRequest

DEFAULT_COUNT = 10


class GenerateForm(forms.Form):
    """What GenerateRequest takes."""

    count = forms.IntegerField(
        label="Episodes",
        min_value=1,
        max_value=MAX_EPISODES,
        initial=DEFAULT_COUNT,
        help_text=f"1 to {MAX_EPISODES:,}",
        widget=forms.NumberInput(attrs={"data-testid": "ungar:count"}),
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value"), f"A whole number between 1 and {MAX_EPISODES}."
        ),
    )
    seed = forms.IntegerField(
        label="Seed",
        required=False,
        min_value=-INT64,
        max_value=INT64 - 1,
        widget=forms.NumberInput(attrs={"data-testid": "ungar:seed", "placeholder": "Drawn if empty"}),
        help_text="The same seed deals the same cards",
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value"), "A whole number of at most 64 bits, such as 42."
        ),
    )

    def clean(self) -> dict[str, Any]:
        """Adds `wanted`."""
        if self.errors:
            return self.cleaned_data
        try:
            return {**self.cleaned_data, "wanted": validate(GenerateRequest, given(self.cleaned_data))}
        except ValidationError as error:
            add_refusals(self, error)
            return self.cleaned_data
