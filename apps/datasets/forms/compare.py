from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from apps.core.errors import sentence
from apps.datasets.models import KEY_MAX_LENGTH, Dataset


def _key(label: str) -> forms.CharField:
    widget = forms.TextInput(attrs={"list": "dataset-keys"})
    return forms.CharField(label=label, max_length=KEY_MAX_LENGTH, widget=widget)


class CompareForm(forms.Form):
    """Two datasets by key; a superseded build also by its id. Adds `datasets` to what it cleans."""

    base = _key("From")
    other = _key("To")
    base_build = forms.UUIDField(required=False, widget=forms.HiddenInput)
    other_build = forms.UUIDField(required=False, widget=forms.HiddenInput)
    came_after = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)
    went_after = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        found = [self._find(name) for name in ("base", "other") if name in cleaned]
        return {**cleaned, "datasets": found}

    def _find(self, name: str) -> Dataset | None:
        try:
            build = self.cleaned_data.get(f"{name}_build")
            return Dataset.objects.named(self.cleaned_data[name], build)
        except ValidationError as error:
            self.add_error(name, sentence(error))
            return None
