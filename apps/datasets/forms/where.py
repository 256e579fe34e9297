"""The filters of the list of traces and of a build."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from apps.core.errors import from_json_error
from apps.core.forms import add_refusals, given
from apps.core.json import JSONError, check_domain
from apps.core.requests import validate
from apps.curation.models import TAG_MAX_LENGTH, Review
from apps.datasets.describe import BOUNDED, META_PREFIX, PERCENT, PLAIN
from apps.datasets.selection import ANY, NONE, NOT, TEXT_MAX_LENGTH, Where
from apps.formats.flags import SAID
from apps.formats.split import DEFAULT_PERCENT, MAX_PERCENT, MIN_PERCENT
from apps.formats.trace import MAX_SCORE, MAX_STEPS, SOURCE_MAX_LENGTH

_NAMES = {"steps": "Steps", "chars": "Characters", "score": "Score"}


def _end(kind: type[forms.IntegerField], label: str, **limits: Any) -> forms.IntegerField:
    """One end of a range; its name is for those who do not see that two of them stand under one heading."""
    widget = forms.NumberInput({"aria-label": label, "placeholder": label.rpartition(" ")[2]})
    return kind(label=label, required=False, min_value=0, widget=widget, **limits)


class Range(NamedTuple):
    """Two fields under one heading."""

    name: str
    ends: list[forms.BoundField]


class WhereForm(forms.Form):
    """`Where` as a query string: flat, one parameter `meta.<key>` for each key of meta.

    `meta_key` and `meta_value` add one more of these, and are empty then.
    """

    q = forms.CharField(label="Search", required=False, max_length=TEXT_MAX_LENGTH, strip=False)
    source = forms.CharField(
        label="Source",
        required=False,
        max_length=SOURCE_MAX_LENGTH,
        strip=False,
        widget=forms.TextInput(attrs={"list": "sources"}),
    )
    steps_min = _end(forms.IntegerField, "Steps from", max_value=MAX_STEPS)
    steps_max = _end(forms.IntegerField, "Steps to", max_value=MAX_STEPS)
    chars_min = _end(forms.IntegerField, "Characters from")
    chars_max = _end(forms.IntegerField, "Characters to")
    score_min = _end(forms.FloatField, "Score from", max_value=MAX_SCORE)
    score_max = _end(forms.FloatField, "Score to", max_value=MAX_SCORE)
    in_dataset = forms.CharField(
        label="In dataset",
        required=False,
        widget=forms.TextInput({"placeholder": f"key, {NOT}key, {ANY} or {NONE}", "list": "dataset-keys"}),
    )
    tag = forms.CharField(
        label="Tag",
        required=False,
        max_length=len(NOT) + TAG_MAX_LENGTH,
        widget=forms.TextInput({"placeholder": f"tag or {NOT}tag", "list": "tag-names"}),
    )
    review = forms.ChoiceField(label="Review", required=False, choices=[("", "any"), *Review.State.choices])
    flag = forms.ChoiceField(
        label="Flag",
        required=False,
        choices=[("", "any or none"), *((name, said.label) for name, said in SAID.items())],
    )
    ingest_id = forms.UUIDField(
        label="Brought by",
        required=False,
        widget=forms.TextInput({"placeholder": "ingest id of an import"}),
    )
    split = forms.ChoiceField(
        label="Split",
        required=False,
        choices=[("", "all"), ("train", "to train on"), ("validation", "held out")],
        help_text="Prompts held out to validate with",
        widget=forms.Select({"aria-label": "Split"}),
    )
    percent = forms.IntegerField(
        label="Held out, %",
        required=False,
        min_value=MIN_PERCENT,
        max_value=MAX_PERCENT,
        widget=forms.NumberInput({"placeholder": "% held out", "aria-label": "Held out, %"}),
    )
    meta_key = forms.CharField(label="Key of meta", required=False)
    meta_value = forms.CharField(label="is", required=False, strip=False)

    def __init__(self, data: QueryDict) -> None:
        self._typed = data.copy()
        super().__init__(self._typed)
        self.has_new_meta = False
        self.meta = {name.removeprefix(META_PREFIX): data[name] for name in data if _is_meta(name)}

    @property
    def ranges(self) -> list[Range]:
        return [Range(_NAMES[name], [self[f"{name}_min"], self[f"{name}_max"]]) for name in BOUNDED]

    @property
    def has_more(self) -> bool:
        """Whether anything stands in the fields that are not always seen."""
        return any(field.value() for field in self if field.name not in ("q", "source"))

    def clean(self) -> dict[str, Any]:
        """Adds `where`."""
        cleaned = given(self.cleaned_data)
        self._add_meta(cleaned.pop("meta_key", ""), cleaned.pop("meta_value", ""))
        bounds = {name: _bounds(name, cleaned) for name in BOUNDED}
        rest: dict[str, Any] = {name: str(cleaned[name]) for name in PLAIN if name in cleaned}
        if part := cleaned.get("split"):
            rest["split"] = {"part": part, PERCENT: cleaned.get(PERCENT, DEFAULT_PERCENT)}
        elif PERCENT in cleaned:
            self.add_error("split", "Choose which part: a percentage alone takes none.")
        try:
            where = _read({**rest, **bounds, "meta": self.meta})
        except ValidationError as error:
            ends = {f"{name}.{end}": f"{name}_{end}" for name in BOUNDED for end in ("min", "max")}
            add_refusals(self, error, {**ends, **{name: f"{name}_min" for name in BOUNDED}})
            return self.cleaned_data
        return {**self.cleaned_data, "where": where}

    def _add_meta(self, key: str, value: str) -> None:
        if key and value:
            self.meta[key] = value
            self.has_new_meta = True
            for name in ("meta_key", "meta_value"):
                del self._typed[name]
        elif key:
            self.add_error("meta_value", "Say what it is.")
        elif value:
            self.add_error("meta_key", "Name the key.")


def _read(values: dict[str, Any]) -> Where:
    """What a query string says is held to the same domain as JSON."""
    try:
        check_domain(values)
    except JSONError as error:
        raise from_json_error(error) from error
    return validate(Where, values)


def _is_meta(name: str) -> bool:
    return name.startswith(META_PREFIX) and name != META_PREFIX


def _bounds(name: str, cleaned: Mapping[str, Any]) -> dict[str, Any]:
    return {end: cleaned[f"{name}_{end}"] for end in ("min", "max") if f"{name}_{end}" in cleaned}
