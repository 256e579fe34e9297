"""The forms of the pages about datasets, and about traces in so far as datasets hold them."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.http import QueryDict

from apps.core.forms import add_refusals, given
from apps.core.requests import validate
from apps.datasets.selection import ANY, NONE, NOT, TEXT_MAX_LENGTH, Where
from apps.formats.trace import MAX_SCORE, MAX_STEPS, SOURCE_MAX_LENGTH

META_PREFIX = "meta."

_BOUNDED = ("steps", "chars", "score")


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

    `meta_key` and `meta_value` add one more of these.
    """

    q = forms.CharField(label="Search", required=False, max_length=TEXT_MAX_LENGTH)
    source = forms.CharField(label="Source", required=False, max_length=SOURCE_MAX_LENGTH, strip=False)
    steps_min = _end(forms.IntegerField, "Steps from", max_value=MAX_STEPS)
    steps_max = _end(forms.IntegerField, "Steps to", max_value=MAX_STEPS)
    chars_min = _end(forms.IntegerField, "Characters from")
    chars_max = _end(forms.IntegerField, "Characters to")
    score_min = _end(forms.FloatField, "Score from", max_value=MAX_SCORE)
    score_max = _end(forms.FloatField, "Score to", max_value=MAX_SCORE)
    in_dataset = forms.CharField(
        label="In dataset",
        required=False,
        widget=forms.TextInput({"placeholder": f"key, {NOT}key, {ANY} or {NONE}"}),
    )
    meta_key = forms.CharField(label="Key of meta", required=False)
    meta_value = forms.CharField(label="is", required=False, strip=False)

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        self.meta = {name.removeprefix(META_PREFIX): data[name] for name in data if _is_meta(name)}

    @property
    def ranges(self) -> list[Range]:
        return [Range(_NAMES[name], [self[f"{name}_min"], self[f"{name}_max"]]) for name in _BOUNDED]

    @property
    def has_more(self) -> bool:
        """Whether anything stands in the fields that are not always seen."""
        return any(field.value() for field in self if field.name not in ("q", "source"))

    @property
    def faults(self) -> list[str]:
        """For where the fields are not in sight."""
        return [
            f"{self[name].label}: {text}"
            for name, texts in self.errors.items()
            if name != NON_FIELD_ERRORS
            for text in texts
        ]

    def clean(self) -> dict[str, Any]:
        """Adds `where`."""
        cleaned = given(self.cleaned_data)
        if key := cleaned.pop("meta_key", ""):
            self.meta[key] = cleaned.pop("meta_value", "")
        bounds = {name: _bounds(name, cleaned) for name in _BOUNDED}
        rest = {name: cleaned[name] for name in ("q", "source", "in_dataset") if name in cleaned}
        try:
            where = validate(Where, {**rest, **bounds, "meta": self.meta})
        except ValidationError as error:
            add_refusals(self, error, {name: f"{name}_min" for name in _BOUNDED})
            return self.cleaned_data
        return {**self.cleaned_data, "where": where}


def _is_meta(name: str) -> bool:
    return name.startswith(META_PREFIX) and name != META_PREFIX


def _bounds(name: str, cleaned: Mapping[str, Any]) -> dict[str, Any]:
    return {end: cleaned[f"{name}_{end}"] for end in ("min", "max") if f"{name}_{end}" in cleaned}


def where_params(where: Where) -> dict[str, str]:
    """The query string that WhereForm reads as `where`: the one spelling of a link to it."""
    params = {name: getattr(where, name) for name in ("q", "source", "in_dataset")}
    for name in _BOUNDED:
        bounds = getattr(where, name)
        params |= {f"{name}_min": bounds.min, f"{name}_max": bounds.max}
    params |= {f"{META_PREFIX}{key}": text for key, text in where.meta.items()}
    return {name: _spell(value) for name, value in params.items() if value is not None}


def _spell(value: object) -> str:
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


class Chip(NamedTuple):
    """One filter that is on, and the parameters without it."""

    text: str
    others: str


_SAID = {
    "q": "“{}”",
    "source": "source = {}",
    "steps_min": "{} steps or more",
    "steps_max": "{} steps or fewer",
    "chars_min": "{} characters or more",
    "chars_max": "{} characters or fewer",
    "score_min": "score {} or more",
    "score_max": "score {} or less",
}
_SAID_OF_DATASETS = {ANY: "in a dataset", NONE: "in no dataset"}


def chips(where: Where) -> list[Chip]:
    params = where_params(where)
    return [
        Chip(_say(name, value), urlencode({key: text for key, text in params.items() if key != name}))
        for name, value in params.items()
    ]


def _say(name: str, value: str) -> str:
    if name == "in_dataset":
        place = f"not in {value.removeprefix(NOT)}" if value.startswith(NOT) else f"in {value}"
        return _SAID_OF_DATASETS.get(value, place)
    return _SAID[name].format(value) if name in _SAID else f"{name} = {value}"
