"""Datasets for tests."""

from typing import Any

from apps.datasets.build import build_dataset
from apps.datasets.models import Dataset
from apps.datasets.serializers import BuildRequest


def make_recipe(**overrides: Any) -> dict[str, Any]:
    """The JSON of a build of all traces."""
    return {"dataset_name": "letters", "dataset_version": "v1", "limit": None, **overrides}


def make_dataset(**overrides: Any) -> Dataset:
    """A dataset of what is stored."""
    dataset, _ = build_dataset(BuildRequest.model_validate(make_recipe(**overrides)).recipe, created_by=None)
    return dataset
