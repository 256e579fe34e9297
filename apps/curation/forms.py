"""The forms of what is said of traces; their rules are those of the API."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from apps.core.errors import messages_by_path
from apps.core.forms import add_refusals
from apps.core.requests import validate
from apps.curation.curate import Change
from apps.curation.models import NOTE_MAX_LENGTH, SEPARATOR, TAG_MAX_LENGTH, Review
from apps.curation.serializers import NoteRequest, TagsRequest

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
