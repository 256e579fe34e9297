"""The forms of the Tunix panel and of the pages of manifests."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from apps.core.errors import not_found
from apps.core.forms import add_refusals
from apps.core.ranges import Range
from apps.core.requests import validate
from apps.datasets.models import KEY_MAX_LENGTH, Dataset
from apps.tunix.models import (
    BATCH_SIZE,
    DATASET_KEY_MAX_LENGTH,
    DEFAULT_LEARNING_RATE,
    LABELS,
    MAX_LEARNING_RATE,
    MAX_SEQ_LENGTH,
    MIN_LEARNING_RATE,
    MODEL_ID_MAX_LENGTH,
    NUM_EPOCHS,
    OUTPUT_DIR_MAX_LENGTH,
    Manifest,
)
from apps.tunix.serializers import ManifestRequest

DEFAULT_MODEL_ID = "google/gemma-2b-it"
DEFAULT_OUTPUT_DIR = "./output/tunix_run"


def _text(name: str, max_length: int, **options: Any) -> forms.CharField:
    attrs = {"data-testid": f"tunix:{name.replace('_', '-')}", **options.pop("attrs", {})}
    widget = forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", **attrs})
    return forms.CharField(label=LABELS[name], max_length=max_length, widget=widget, **options)


def _whole_number(name: str, range: Range) -> forms.IntegerField:
    message = f"A whole number between {range.low:,} and {range.high:,}."
    return forms.IntegerField(
        label=LABELS[name],
        min_value=range.low,
        max_value=range.high,
        initial=range.default,
        help_text=f"{range.low:,} to {range.high:,}",
        error_messages=dict.fromkeys(("invalid", "min_value", "max_value"), message),
    )


class ManifestForm(forms.Form):
    """What ManifestRequest takes."""

    dataset_key = _text("dataset_key", DATASET_KEY_MAX_LENGTH, attrs={"list": "dataset-keys"})
    model_id = _text("model_id", MODEL_ID_MAX_LENGTH, initial=DEFAULT_MODEL_ID)
    output_dir = _text("output_dir", OUTPUT_DIR_MAX_LENGTH, initial=DEFAULT_OUTPUT_DIR)
    learning_rate = forms.FloatField(
        label=LABELS["learning_rate"],
        min_value=MIN_LEARNING_RATE,
        max_value=MAX_LEARNING_RATE,
        initial=DEFAULT_LEARNING_RATE,
        help_text=f"Above {MIN_LEARNING_RATE:g}, at most {MAX_LEARNING_RATE:g}",
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value"),
            f"A number above {MIN_LEARNING_RATE:g}, at most {MAX_LEARNING_RATE:g}.",
        ),
    )
    num_epochs = _whole_number("num_epochs", NUM_EPOCHS)
    batch_size = _whole_number("batch_size", BATCH_SIZE)
    max_seq_length = _whole_number("max_seq_length", MAX_SEQ_LENGTH)

    def clean_learning_rate(self) -> float:
        rate: float = self.cleaned_data["learning_rate"]
        if rate == MIN_LEARNING_RATE:  # what markup cannot say
            raise ValidationError(self.fields["learning_rate"].error_messages["min_value"])
        return rate

    def clean(self) -> dict[str, Any]:
        """Adds `wanted`."""
        if self.errors:
            return self.cleaned_data
        try:
            return {**self.cleaned_data, "wanted": validate(ManifestRequest, self.cleaned_data)}
        except ValidationError as error:
            add_refusals(self, error)
            return self.cleaned_data

    def find_dataset(self) -> Dataset | None:
        """The one to export; None with the reason at its field. The rest of the form does not matter."""
        self.full_clean()
        if key := self.cleaned_data.get("dataset_key"):
            try:
                return Dataset.objects.named(key)
            except ValidationError as error:
                self.add_error("dataset_key", error)
        return None


class SearchForm(forms.Form):
    """The filters of the list of manifests."""

    model = forms.CharField(label="Model", required=False, max_length=MODEL_ID_MAX_LENGTH)
    dataset_key = forms.CharField(label="Dataset key", required=False, max_length=KEY_MAX_LENGTH)


class CompareForm(forms.Form):
    """Two manifests by their ids."""

    base = forms.UUIDField(label="Base")
    other = forms.UUIDField(label="Other")

    def clean(self) -> dict[str, Any]:
        """The manifests instead of their ids."""
        wanted = {**self.cleaned_data}
        found = Manifest.objects.select_related("dataset").in_bulk([*wanted.values()])
        for name, id in wanted.items():
            if id not in found:
                self.add_error(name, not_found("Manifest", id))
        return {name: found[id] for name, id in wanted.items() if id in found}
