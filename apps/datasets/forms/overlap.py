"""The form that asks which traces overlap with an evaluation set; its rules are those of the API."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from apps.core.forms import add_refusals, given
from apps.core.requests import validate
from apps.curation.models import TAG_MAX_LENGTH
from apps.datasets.models import KEY_MAX_LENGTH
from apps.datasets.overlap import TAG_PREFIX
from apps.datasets.serializers import OverlapRequest
from apps.formats.trace import SOURCE_MAX_LENGTH

OVERLAP_NAME_MAX_LENGTH = TAG_MAX_LENGTH - len(TAG_PREFIX)


class OverlapForm(forms.Form):
    """Adds `request` to what it cleans."""

    dataset = forms.CharField(
        label="Dataset to evaluate with",
        required=False,
        max_length=KEY_MAX_LENGTH,
        widget=forms.TextInput({"list": "dataset-keys"}),
    )
    source = forms.CharField(
        label="Or all traces of a source",
        required=False,
        max_length=SOURCE_MAX_LENGTH,
        strip=False,
        widget=forms.TextInput({"list": "sources"}),
    )
    name = forms.CharField(
        label="Name",
        max_length=OVERLAP_NAME_MAX_LENGTH,
        help_text=f"What overlaps is tagged “{TAG_PREFIX}” and this name",
    )

    def clean(self) -> dict[str, Any]:
        cleaned = given(self.cleaned_data)
        names = {"dataset": "in_dataset", "source": "source"}
        evaluation = {names[name]: cleaned[name] for name in names if name in cleaned}
        if not evaluation:
            self.add_error("dataset", "Name a dataset, or a source.")
        if self.errors:
            return self.cleaned_data
        try:
            wanted = validate(OverlapRequest, {"name": cleaned["name"], "evaluation": evaluation})
        except ValidationError as error:
            add_refusals(self, error, {"evaluation.in_dataset": "dataset", "evaluation.source": "source"})
            return self.cleaned_data
        return {**self.cleaned_data, "request": wanted}
