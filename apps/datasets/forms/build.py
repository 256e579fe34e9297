"""The form that builds a dataset: a build request as a query string, which a link can carry."""

import re
from collections.abc import Mapping
from itertools import islice
from typing import Any, NamedTuple, cast

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from apps.core.errors import messages_by_path, sentence
from apps.core.forms import add_refusals, given
from apps.core.json import INT64, JSONError, compact_json, parse_json
from apps.core.requests import validate
from apps.datasets.describe import chips, filter_words, where_params
from apps.datasets.forms.where import WhereForm
from apps.datasets.models import (
    NAME_MAX_LENGTH,
    PARENT_MAX_LENGTH,
    RUN_MAX_LENGTH,
    SESSION_MAX_LENGTH,
    VERSION_MAX_LENGTH,
    Dataset,
    dataset_key,
)
from apps.datasets.selection import Where, dataset_where
from apps.datasets.serializers import MAX_LIMIT, MAX_TRACE_IDS, BuildRequest

ALL = "all"
NAME_EXAMPLE = "my_training_data"
FIRST_VERSION = "v1"

# What a link need not say.
DEFAULTS = {"limit": "100", "selection_strategy": "latest", "seed": "42"}
_BELONGS = ("session_id", "parent_dataset_id", "training_run_id")

# A link carries so many ids; more are sent as a form.
MAX_LINKED = 100


class Removable(NamedTuple):
    """One part of the selection that has no field, and the query string without it."""

    text: str
    others: str


def _text(label: str, max_length: int, **options: Any) -> forms.CharField:
    return forms.CharField(label=label, max_length=max_length, **options)


class BuildForm(forms.Form):
    """`request` is what it says, once it is valid.

    A draft is a form that is still being filled in: it may lack its name, and a version that nobody has typed
    follows the name to the next that is free.
    """

    dataset_name = _text("Name", NAME_MAX_LENGTH, widget=forms.TextInput(attrs={"placeholder": NAME_EXAMPLE}))
    dataset_version = _text("Version", VERSION_MAX_LENGTH)
    limit = forms.CharField(label="How many", required=False, help_text=f"1 to {MAX_LIMIT:,}, or all")
    selection_strategy = forms.ChoiceField(
        label="Which of them",
        choices=[("latest", "The newest"), ("random", "A random sample")],
        widget=forms.RadioSelect,
    )
    seed = forms.IntegerField(
        label="Seed",
        required=False,
        min_value=-INT64,
        max_value=INT64 - 1,
        help_text="The same seed draws the same sample",
    )
    parent_dataset_id = _text(
        "Made from", PARENT_MAX_LENGTH, required=False, widget=forms.TextInput(attrs={"list": "dataset-keys"})
    )
    session_id = _text("Session", SESSION_MAX_LENGTH, required=False)
    training_run_id = _text("Training run", RUN_MAX_LENGTH, required=False)
    replace = forms.BooleanField(
        label="Replace the dataset that has this key",
        required=False,
        help_text="Its build stays, superseded",
    )
    filters = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: QueryDict, *, is_draft: bool) -> None:
        values = data.copy()
        if data.get("all"):
            values.setdefault("limit", "")
        for name, text in DEFAULTS.items():
            values.setdefault(name, text)
        super().__init__(values)
        name = values.get("dataset_name", "").strip()
        self.free_version = Dataset.objects.next_version(name) if name else FIRST_VERSION
        self.sent_version = values.get("dataset_version")
        if is_draft:
            if self.sent_version in (None, values.get("suggested", "")):
                values["dataset_version"] = self.free_version
            for field in ("dataset_name", "dataset_version"):
                self.fields[field].required = False
        self.is_taken = False
        self.unknown: ValidationError | None = None
        self.trace_ids = self._read_trace_ids(data)
        self.where = WhereForm(QueryDict() if self.trace_ids is not None else data)

    def _read_trace_ids(self, data: QueryDict) -> list[str] | None:
        try:
            return _trace_ids(data)
        except ValidationError as error:
            self.unknown = error
            return None

    @property
    def has_new_version(self) -> bool:
        return bool(self["dataset_version"].value() != self.sent_version)

    @property
    def selecting(self) -> list[forms.BoundField]:
        return [self[name] for name in ("limit", "seed")]

    @property
    def belonging(self) -> list[forms.BoundField]:
        return [self[name] for name in _BELONGS]

    @property
    def has_belonging(self) -> bool:
        fields = (*self.belonging, self["replace"])
        return self.is_taken or any(field.value() or field.errors for field in fields)

    @property
    def joined_ids(self) -> str:
        return " ".join(self.trace_ids or [])

    def clean_limit(self) -> Any:
        text = self.cleaned_data["limit"].replace(",", "")
        if text in ("", ALL):
            return None
        return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else text

    def clean_filters(self) -> Any:
        try:
            return parse_json(self.cleaned_data["filters"] or "{}")
        except JSONError as error:
            raise ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        """Sets `request` and `key`."""
        if self.unknown:
            raise self.unknown
        if not self.where.is_valid():
            raise ValidationError("Correct the filters.")
        if not self.errors:
            try:
                self.request = validate(BuildRequest, self._body(self.cleaned_data))
                self.key = dataset_key(self.request.dataset_name, self.request.dataset_version)
            except ValidationError as error:
                self._refuse(error)
        return self.cleaned_data

    def _body(self, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        body: dict[str, Any] = {
            "dataset_name": cleaned["dataset_name"] or NAME_EXAMPLE,
            "dataset_version": cleaned["dataset_version"] or FIRST_VERSION,
            "replace": cleaned["replace"],
            **given({name: cleaned[name] for name in _BELONGS}),
        }
        if self.trace_ids is not None:
            return body | {"trace_ids": self.trace_ids}
        is_random = cleaned["selection_strategy"] == Dataset.Strategy.RANDOM
        return body | {
            "filters": cleaned["filters"],
            "where": self.where.cleaned_data["where"],
            "limit": cleaned["limit"],
            "selection_strategy": cleaned["selection_strategy"],
            "seed": cleaned["seed"] if is_random else None,
        }

    def _refuse(self, error: ValidationError) -> None:
        """A thousand ids that are none are one refusal."""
        if any(path.startswith("trace_ids") for path in messages_by_path(error)):
            self.add_error(None, sentence(error))
        elif self.cleaned_data["seed"] is None and not messages_by_path(error):
            self.add_error("seed", sentence(error))
        else:
            add_refusals(self, error)

    def refuse_key(self, *, may_replace: bool) -> None:
        """Another dataset has it: what would be built is still shown."""
        self.is_taken = True
        instead = "replace it, further down" if may_replace else "ask staff to replace it"
        free = f"Choose another version, {self.free_version} is free, or {instead}."
        self.add_error("dataset_version", f"{self.key} exists with other content. {free}")

    @property
    def params(self) -> QueryDict:
        """The query string of this form: a link to it."""
        texts = {name: str(self.data.get(name, "")) for name in self.fields}
        query = QueryDict(mutable=True)
        query.update({name: text for name, text in texts.items() if text and DEFAULTS.get(name) != text})
        if not texts["limit"]:
            query["limit"] = ALL
        if texts["selection_strategy"] != Dataset.Strategy.RANDOM:
            query.pop("seed", None)
        query.update(where_params(self._where))
        query.setlist("trace", self.trace_ids or [])
        return query

    @property
    def is_linkable(self) -> bool:
        return len(self.trace_ids or []) <= MAX_LINKED

    @property
    def _where(self) -> Where:
        return cast(Where, self.where.cleaned_data["where"]) if self.where.is_valid() else Where()

    @property
    def removables(self) -> list[Removable]:
        """The filters by meta, each with a link to the form without it."""
        params = self.params
        found = [
            Removable(chip.text, _without(params, chip.name))
            for chip in chips(self._where)
            if chip.name.startswith("meta.")
        ]
        strict = self.cleaned_data.get("filters")
        if not isinstance(strict, dict):
            return found
        for key, value in strict.items():
            rest = {name: other for name, other in strict.items() if name != key}
            [text] = filter_words({key: value})
            found.append(Removable(text, _without(params, "filters", compact_json(rest) if rest else "")))
        return found


def _without(params: QueryDict, name: str, instead: str = "") -> str:
    query = params.copy()
    query.pop(name, None)
    if instead:
        query[name] = instead
    return query.urlencode()


def _trace_ids(data: QueryDict) -> list[str] | None:
    """The ids that were ticked or sent, each once; None where filters decide."""
    if data.get("all"):
        return None
    ids = [*data.getlist("trace"), *data.get("trace_ids", "").split()]
    if key := data.get("traces_of"):
        ids += map(str, islice(Dataset.objects.named(key).trace_ids(), MAX_TRACE_IDS + 1))
    return [*dict.fromkeys(ids)] or None


def other_part_params(dataset: Dataset) -> QueryDict | None:
    """The query string of the form that builds the part that this dataset leaves out, if it is one of two."""
    where = dataset_where(dataset)
    if where.split is None:
        return None
    other = where.split.other
    query = new_version_params(dataset)
    for name, value in where_params(where.model_copy(update={"split": other})).items():
        query[name] = value
    query["dataset_name"] = f"{dataset.name}_{other.part}"[:NAME_MAX_LENGTH]
    query.pop("parent_dataset_id")
    return query


def new_version_params(dataset: Dataset) -> QueryDict:
    """The query string of the form that builds the next version of this dataset by the same recipe."""
    query = QueryDict(mutable=True)
    query.update(
        given(
            {
                "dataset_name": dataset.name,
                "session_id": dataset.session_id,
                "training_run_id": dataset.training_run_id,
                "parent_dataset_id": dataset.key,
            }
        )
    )
    if dataset.is_of_given_traces:
        query["traces_of"] = dataset.key
        return query
    query["limit"] = ALL if dataset.limit is None else str(dataset.limit)
    query["selection_strategy"] = dataset.selection_strategy
    if dataset.seed is not None:
        query["seed"] = str(dataset.seed)
    if dataset.filters != "{}":
        query["filters"] = dataset.filters
    query.update(where_params(dataset_where(dataset)))
    return query
