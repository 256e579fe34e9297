"""What a selection and a recipe mean, in words and as the query string of a link."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

import orjson

from apps.core.json import compact_json
from apps.datasets.models import Dataset
from apps.datasets.selection import ANY, NONE, NOT, Where, dataset_where
from apps.formats.flags import SAID
from apps.imports.models import Import

META_PREFIX = "meta."
BOUNDED = ("steps", "chars", "score")
# Goes with `split`.
PERCENT = "percent"
# The filters that are one text each.
PLAIN = ("q", "source", "in_dataset", "tag", "review", "flag", "ingest_id")

_SAID = {
    "q": "search: {}",
    "source": "source = {}",
    "steps_min": "{} steps or more",
    "steps_max": "{} steps or fewer",
    "chars_min": "{} characters or more",
    "chars_max": "{} characters or fewer",
    "score_min": "score {} or more",
    "score_max": "score {} or less",
}
_SAID_OF_SPLITS = {
    "train": "part to train on, without {}% of the prompts",
    "validation": "part to validate with, {}% of the prompts",
}
_SAID_OF_REVIEWS = {"new": "not reviewed"}
_SAID_OF_DATASETS = {ANY: "in a dataset", NONE: "in no dataset"}


def where_params(where: Where) -> dict[str, str]:
    """The query string that WhereForm reads as `where`: the one spelling of a link to it."""
    params = {name: getattr(where, name) for name in PLAIN}
    if where.split:
        params |= {"split": where.split.part, PERCENT: where.split.percent}
    for name in BOUNDED:
        bounds = getattr(where, name)
        params |= {f"{name}_min": bounds.min, f"{name}_max": bounds.max}
    params |= {f"{META_PREFIX}{key}": text for key, text in where.meta.items()}
    return {name: _spell(value) for name, value in params.items() if value is not None}


def _spell(value: object) -> str:
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


class Chip(NamedTuple):
    """One filter that is on: its parameter, what it says, and the parameters without it."""

    name: str
    text: str
    others: str


def chips(where: Where) -> list[Chip]:
    params = where_params(where)
    return [
        Chip(name, text, urlencode({key: value for key, value in params.items() if key not in _with(name)}))
        for name, text in _said(params)
    ]


def _with(name: str) -> tuple[str, ...]:
    """What goes with the filter `name` when it goes."""
    return (name, PERCENT) if name == "split" else (name,)


def _said(params: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in params.items():
        if name == "split":
            yield name, _SAID_OF_SPLITS[value].format(params[PERCENT])
        elif name != PERCENT:
            yield name, _say(name, value)


def _say(name: str, value: str) -> str:
    if name == "in_dataset":
        place = f"not in {value.removeprefix(NOT)}" if value.startswith(NOT) else f"in {value}"
        return _SAID_OF_DATASETS.get(value, place)
    if name == "tag":
        return f"not tagged {value.removeprefix(NOT)}" if value.startswith(NOT) else f"tagged {value}"
    if name == "ingest_id":
        return f"brought by {Import.objects.name_of(UUID(value)) or value}"
    if name == "flag":
        return f"flag: {SAID[value].label}"
    if name == "review":
        return _SAID_OF_REVIEWS.get(value, value)
    return _SAID[name].format(value) if name in _SAID else f"{name} = {value}"


def filter_words(filters: Mapping[str, Any]) -> list[str]:
    """As JSON where the value is no text: 3 is a number and "3" would be a text."""
    return [
        f"meta.{key} is {value if isinstance(value, str) else compact_json(value)}"
        for key, value in filters.items()
    ]


def recipe_words(dataset: Dataset) -> list[str]:
    """Which traces this dataset took, and in which order."""
    if dataset.is_of_given_traces:
        return ["traces given one by one, in the order given"]
    said = filter_words(orjson.loads(dataset.filters))
    said += [text for _, text in _said(where_params(dataset_where(dataset)))]
    amount = "all of them" if dataset.limit is None else f"up to {dataset.limit:,}"
    if dataset.selection_strategy == Dataset.Strategy.RANDOM:
        return [*(said or ["all traces"]), f"random with seed {dataset.seed}", amount]
    return [*(said or ["all traces"]), "newest first", amount]
