"""The seed's own list: availability 3, status 1, export 3, manifest 3, service 3, end to end 1."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml
from django.core.exceptions import ValidationError
from django.test import Client

from apps.datasets.export import export_dataset, export_traces
from apps.datasets.tests.factories import make_dataset
from apps.traces.tests.factories import make_payload, make_trace, make_traces
from apps.tunix.availability import MESSAGE, tunix_status, tunix_version
from apps.tunix.manifest import Training, generate_manifest

pytestmark = pytest.mark.tunix

JSON = "application/json"
NOBODY = "550e8400-e29b-41d4-a716-446655440000"
TRAINING = Training("google/gemma-2b-it", "./output/run_001", 2e-5, 3, 8, 2048)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of packages, looked into before all others."""
    monkeypatch.syspath_prepend(tmp_path)
    tunix_version.cache_clear()
    yield tmp_path
    tunix_version.cache_clear()


def _install(site: Path, distribution: str, version: str) -> None:
    """A package named tunix that must not be imported."""
    (site / "tunix").mkdir()
    (site / "tunix" / "__init__.py").write_text("raise RuntimeError('imported')\n")
    info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")


# --- Availability ------------------------------------------------------------------------------


def test_availability_is_false_without_tunix(site: Path) -> None:
    found = tunix_status()
    assert (found["available"], found["version"], found["runtime_required"]) == (False, None, False)


def test_availability_is_found_without_importing_tunix(site: Path) -> None:
    _install(site, "google-tunix", "0.1.7")
    found = tunix_status()
    assert (found["available"], found["version"], found["runtime_required"]) == (True, "0.1.7", False)
    assert "tunix" not in sys.modules


def test_availability_is_false_with_another_package_of_the_name(site: Path) -> None:
    _install(site, "tunix", "9.9")
    assert (tunix_status()["available"], tunix_status()["version"]) == (False, None)


# --- Status ------------------------------------------------------------------------------------


def test_status_has_the_four_fields(api: Client) -> None:
    response = api.get("/api/tunix/status")
    assert (response.status_code, response.json()) == (200, tunix_status())
    assert [*response.json()] == ["available", "version", "runtime_required", "message"]
    assert (
        response.json()["message"]
        == MESSAGE
        == (
            "Tunix artifacts (JSONL + manifests) can be generated without Tunix runtime. "
            "Compatible with Tunix SFT workflows."
        )
    )


# --- Export ------------------------------------------------------------------------------------


def _export(api: Client, body: dict[str, Any]) -> list[dict[str, Any]]:
    response = api.post("/api/tunix/sft/export", body, JSON)
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/x-ndjson")
    return [json.loads(line) for line in response.getvalue().decode().removesuffix("\n").split("\n")]


def test_export_of_a_dataset(api: Client) -> None:
    traces = make_traces(3)
    records = _export(api, {"dataset_key": make_dataset().key})
    assert [record["id"] for record in records] == [str(trace.id) for trace in reversed(traces)]
    assert [*records[0]] == ["id", "prompts", "final_answer", "metadata"]
    assert {record["metadata"]["format"] for record in records} == {"tunix_sft"}


def test_export_of_traces(api: Client) -> None:
    ids = [str(trace.id) for trace in make_traces(3)]
    wanted = [ids[1], ids[2], ids[0]]
    assert [record["id"] for record in _export(api, {"trace_ids": wanted})] == wanted


def test_export_of_nothing_and_of_the_unknown_is_refused(api: Client) -> None:
    for body, status, detail in (
        ({}, 400, "Either dataset_key or trace_ids must be provided"),
        ({"dataset_key": "no-v1"}, 404, "Dataset not found: no-v1"),
        ({"trace_ids": [NOBODY]}, 404, f"Trace not found: {NOBODY}"),
    ):
        response = api.post("/api/tunix/sft/export", body, JSON)
        assert (response.status_code, response.json()["detail"]) == (status, detail)


# --- Manifest ----------------------------------------------------------------------------------


def _generate(api: Client, **overrides: Any) -> Any:
    body = {"dataset_key": "letters-v1", "model_id": "google/gemma-2b-it", "output_dir": "./out", **overrides}
    return api.post("/api/tunix/sft/manifest", body, JSON)


def test_manifest_of_a_dataset(api: Client) -> None:
    make_trace()
    make_dataset()
    response = _generate(api)
    answer = response.json()
    text, id = answer.pop("manifest_yaml"), answer.pop("id")
    assert (response.status_code, str(UUID(id))) == (201, id)
    assert answer == {
        "dataset_key": "letters-v1",
        "model_id": "google/gemma-2b-it",
        "format": "tunix_sft",
        "message": "Manifest generated for dataset letters-v1. Save as YAML and execute with Tunix CLI.",
    }
    assert text.startswith('version: "1.0"\nrunner: tunix\nmode: sft\n')


def test_manifest_takes_hyperparameters_or_their_defaults(api: Client) -> None:
    make_trace()
    make_dataset()
    given = {"learning_rate": 1e-4, "num_epochs": 5, "batch_size": 512, "max_seq_length": 128}
    defaults = {"learning_rate": 2e-5, "num_epochs": 3, "batch_size": 8, "max_seq_length": 2048}
    for overrides, found in ((given, given), ({}, defaults)):
        text = _generate(api, **overrides).json()["manifest_yaml"]
        assert yaml.safe_load(text)["training"] == found


def test_manifest_of_an_unknown_dataset_is_refused(api: Client) -> None:
    response = _generate(api, dataset_key="no-v1")
    assert (response.status_code, response.json()) == (404, {"detail": "Dataset not found: no-v1"})


# --- Service -----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_service_exports_a_dataset_up_to_a_limit() -> None:
    make_traces(3)
    export = export_dataset(make_dataset(), "tunix_sft", 2)
    with export.file as file:
        file.seek(0)
        assert file.read(export.size).count(b"\n") == 2
    assert (export.record_count, export.total_count) == (2, 3)


@pytest.mark.django_db
def test_service_skips_no_unknown_trace() -> None:
    with pytest.raises(ValidationError, match=f"Trace not found: {NOBODY}"):
        export_traces([make_trace().id, UUID(NOBODY)], "tunix_sft")


@pytest.mark.django_db
def test_service_stores_what_it_generates() -> None:
    make_trace()
    dataset = make_dataset()
    manifest = generate_manifest(dataset.key, TRAINING, created_by=None)
    manifest.refresh_from_db()
    assert (manifest.dataset, manifest.model_id) == (dataset, TRAINING.model_id)
    assert yaml.safe_load(manifest.yaml)["output"] == {"output_dir": "./output/run_001"}


# --- End to end --------------------------------------------------------------------------------


def test_end_to_end_from_traces_to_files(api: Client) -> None:
    batch = [make_payload(prompt=f"Question {n}") for n in range(3)]
    assert api.post("/api/traces/batch", batch, JSON).status_code == 201
    build = {
        "dataset_name": "my_training_data",
        "dataset_version": "v1",
        "limit": 100,
        "selection_strategy": "latest",
    }
    key = api.post("/api/datasets/build", build, JSON).json()["dataset_key"]
    assert key == "my_training_data-v1"
    records = _export(api, {"dataset_key": key})
    assert [record["prompts"].split("\n")[1] for record in records] == [
        f"Question {n}<end_of_turn>" for n in (2, 1, 0)
    ]
    text = _generate(api, dataset_key=key, learning_rate=2e-5).json()["manifest_yaml"]
    config = yaml.safe_load(text)
    assert config["dataset"] == {"format": "tunix_sft", "path": "./datasets/my_training_data-v1.jsonl"}
    assert config["training"]["learning_rate"] == 2e-5
