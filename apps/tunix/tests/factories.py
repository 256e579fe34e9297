"""Manifests for tests."""

from typing import Any

from apps.tunix.manifest import Training, generate_manifest
from apps.tunix.models import Manifest


def make_manifest(dataset_key: str = "letters-v1", **overrides: Any) -> Manifest:
    """Of a dataset that is there."""
    values = {"model_id": "google/gemma-2b-it", "output_dir": "./output/run_001", **overrides}
    author = values.pop("created_by", None)
    return generate_manifest(dataset_key, Training(**values), created_by=author)
