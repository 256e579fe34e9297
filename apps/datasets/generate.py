"""Datasets of made-up traces, see apps.traces.generate."""

from collections.abc import Iterator
from random import Random
from typing import Any
from uuid import UUID

from apps.datasets.build import Recipe, build_dataset
from apps.datasets.models import Dataset
from apps.datasets.selection import Where
from apps.traces.models import Trace

_NAMES = ("algebra", "biology", "code_review", "dialogue", "geometry", "planning", "safety", "translation")
_VERSIONS = 8
_LARGE_EVERY, _LARGE = 200, 10_000
_MAX_SMALL = 300


def generate_datasets(count: int, seed: int) -> Iterator[Dataset]:
    """`count` datasets of the traces there are: the first of all, a few of _LARGE, most of a few.

    They take the keys that an earlier run used.
    """
    random = Random(seed)  # noqa: S311 - no secret
    sources = Trace.objects.sources()
    for number in range(count):
        recipe = _recipe(number, **_members(random, number, sources))
        yield build_dataset(recipe, created_by=None, replace=True)[0]


def _recipe(number: int, **members: Any) -> Recipe:
    series, version = divmod(number, _VERSIONS)
    return Recipe(
        name=f"generated_{_NAMES[series % len(_NAMES)]}_{series // len(_NAMES)}",
        version=f"v{version + 1}",
        filters={},
        selection_strategy=Dataset.Strategy.LATEST,
        seed=None,
        **{"trace_ids": None, "limit": None, **members},
    )


def _members(random: Random, number: int, sources: list[str]) -> dict[str, Any]:
    if number == 0:
        return {}
    if number % _LARGE_EVERY == 0:
        return {"limit": _LARGE}
    size = int(_MAX_SMALL ** random.random())
    if sources and random.random() < 0.5:
        return {"where": Where(source=random.choice(sources)), "limit": size}
    return {"trace_ids": [*Trace.objects.filter(pk__lte=_moment(random)).newest_ids(size)]}


def _moment(random: Random) -> UUID:
    """Keys are ordered by time: one between the oldest and the newest."""
    keys = Trace.objects.values_list("pk", flat=True)
    first, last = (keys.order_by(order)[0] for order in ("pk", "-pk"))
    return UUID(int=random.randint(first.int, last.int))
