"""The forms of what is said of traces; their rules are those of the API."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from apps.core.errors import messages_by_path
from apps.core.forms import add_refusals
from apps.core.requests import validate
from apps.curation.curate import Change
from apps.curation.models import (
    DEFAULT_THRESHOLD,
    DUPLICATE_PREFIX,
    MIN_THRESHOLD,
    NOTE_MAX_LENGTH,
    SEARCH_NAME_MAX_LENGTH,
    SEPARATOR,
    TAG_MAX_LENGTH,
    DuplicateSearch,
    Review,
)
from apps.curation.serializers import DuplicateRequest, NoteRequest, TagsRequest

# What is typed: some tags at once.
TAGS_MAX_LENGTH = 10 * (TAG_MAX_LENGTH + 2)


def split_tags(text: str) -> list[str]:
    return [part for part in map(str.strip, text.split(SEPARATOR)) if part]


def refuse_tags(form: forms.BaseForm, error: ValidationError) -> None:
    """What is refused of one of the tags of a field stands at the field: paths are `add.3`."""
    add_refusals(form, error, {path: path.partition(".")[0] for path in messages_by_path(error)})


class TagForm(forms.Form):
    """`add` is what is typed, `remove` the button at a tag. Adds `change` to what it cleans."""

    add = forms.CharField(
        label="Add a tag",
        required=False,
        max_length=TAGS_MAX_LENGTH,
        widget=forms.TextInput({"list": "tag-names"}),
    )
    remove = forms.CharField(required=False, widget=forms.HiddenInput, strip=False)

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        names = {name: split_tags(cleaned.get(name, "")) for name in ("add", "remove")}
        try:
            wanted = validate(TagsRequest, names)
        except ValidationError as error:
            refuse_tags(self, error)
            return cleaned
        return {**cleaned, "change": Change(add_tags=wanted.add, remove_tags=wanted.remove)}


class NoteForm(forms.Form):
    text = forms.CharField(
        label="Add a note",
        max_length=NOTE_MAX_LENGTH,
        widget=forms.Textarea({"rows": 2}),
    )

    def clean(self) -> dict[str, Any]:
        if "text" in self.cleaned_data:
            # A browser sends every line break as two characters.
            text = self.cleaned_data["text"].replace("\r\n", "\n")
            try:
                validate(NoteRequest, {"text": text})
            except ValidationError as error:
                add_refusals(self, error)
            self.cleaned_data["text"] = text
        return self.cleaned_data


class ReviewForm(forms.Form):
    state = forms.ChoiceField(choices=Review.State.choices)


class DuplicatesForm(forms.Form):
    """Adds `request` to what it cleans."""

    compared = forms.ChoiceField(
        label="Compare",
        choices=DuplicateSearch.Compared.choices,
        initial=DuplicateSearch.Compared.PROMPT,
        widget=forms.RadioSelect,
    )
    threshold = forms.FloatField(
        label="How alike they must be",
        initial=DEFAULT_THRESHOLD,
        min_value=MIN_THRESHOLD,
        max_value=1,
        widget=forms.NumberInput({"step": 0.01, "class": "short"}),
        help_text=(
            f"From {MIN_THRESHOLD} to 1: the share of all three words in a row that both have. At"
            f" {DEFAULT_THRESHOLD} one word of twenty may differ; 1 finds equal texts alone"
        ),
    )
    name = forms.CharField(
        label="Name",
        max_length=SEARCH_NAME_MAX_LENGTH,
        help_text=f"A duplicate of another trace is tagged “{DUPLICATE_PREFIX}” and this name",
    )

    def clean(self) -> dict[str, Any]:
        if not self.errors:
            try:
                wanted = validate(DuplicateRequest, self.cleaned_data)
                return {**self.cleaned_data, "request": wanted}
            except ValidationError as error:
                add_refusals(self, error)
        return self.cleaned_data
