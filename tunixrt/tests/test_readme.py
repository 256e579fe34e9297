"""The README's workflow, run as it stands there."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from django.conf import settings

from tunixrt.environment import Environment
from tunixrt.tests.live import LiveServer, live_server

# The seed's sample; a manifest has these keys in this order.
MANIFEST = """\
version: "1.0"
runner: tunix
mode: sft
model:
  model_id: google/gemma-2b-it
dataset:
  format: tunix_sft
  path: ./datasets/{key}.jsonl
training:
  learning_rate: 2.0e-05
  num_epochs: 3
  batch_size: 8
  max_seq_length: 2048
output:
  output_dir: ./output/run_001
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with live_server(tmp_path_factory.mktemp("live"), "--first-run") as started:
        yield started


def blocks(language: str, section: str) -> list[str]:
    text = (settings.BASE_DIR / "README.md").read_text(encoding="utf-8")
    [found] = re.findall(rf"^## {section}$(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    return re.findall(rf"^```{language}\n(.*?)^```$", found, re.MULTILINE | re.DOTALL)


def run_block(server: LiveServer, folder: Path, number: int) -> str:
    """What a reader sees who pastes the block, with another port."""
    script = blocks("bash", "Workflow")[number].replace("localhost:8000", f"localhost:{server.port}")
    command = ["bash", "-e", "-o", "pipefail", "-c", script]
    return subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout


def assert_is_sft_export(path: Path, count: int) -> None:
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [[*record] for record in records] == [["id", "prompts", "final_answer", "metadata"]] * count
    assert {record["metadata"]["format"] for record in records} == {"tunix_sft"}


def test_workflow_from_dataset_to_training_files(server: LiveServer, tmp_path: Path) -> None:
    built = json.loads(run_block(server, tmp_path, 0))
    key = "my_training_data-v1"
    assert (built["dataset_key"], built["trace_count"]) == (key, 100)
    assert_is_sft_export(tmp_path / "training_data.jsonl", 100)
    assert (tmp_path / "training_config.yaml").read_text() == MANIFEST.format(key=key) + "\n"


def test_status_is_asked(server: LiveServer, tmp_path: Path) -> None:
    fields = ["available", "version", "runtime_required", "message"]
    assert [*json.loads(run_block(server, tmp_path, 1))] == fields


def test_sample_dataset_is_exported_and_gets_a_manifest(server: LiveServer, tmp_path: Path) -> None:
    assert run_block(server, tmp_path, 2) == ""
    assert_is_sft_export(tmp_path / "export.jsonl", 100)
    assert (tmp_path / "config.yaml").read_text() == MANIFEST.format(key="ungar_hcd-v1") + "\n"


def test_made_up_traces_are_not_found(server: LiveServer, tmp_path: Path) -> None:
    assert run_block(server, tmp_path, 3) == ""
    ids = "550e8400-e29b-41d4-a716-446655440000, 660f9500-f39c-52e5-b827-557766551111"
    assert json.loads((tmp_path / "export.jsonl").read_text()) == {"detail": f"Trace not found: {ids}"}


def test_every_block_of_the_workflow_is_tested() -> None:
    assert len(blocks("bash", "Workflow")) == 4


def test_manifest_shown_is_the_one_generated() -> None:
    [shown] = blocks("yaml", "Hyperparameters")
    assert shown == MANIFEST.format(key="my_dataset-v1")
    assert yaml.safe_load(shown)["training"]["learning_rate"] == 2e-5


def test_every_configuration_variable_is_listed() -> None:
    text = (settings.BASE_DIR / "README.md").read_text(encoding="utf-8")
    names = re.findall(r"^\| `([A-Z_]+)` \|", text, re.MULTILINE)
    assert names == [*Environment.model_fields]
