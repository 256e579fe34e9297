"""The YAML of a manifest: the seed's sample to the byte, and read back equal by YAML 1.1 and 1.2."""

import hashlib
from dataclasses import asdict
from io import StringIO
from typing import Any

import pytest
import yaml
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from apps.datasets.build import build_dataset
from apps.datasets.serializers import BuildRequest
from apps.datasets.tests.factories import make_dataset, make_recipe
from apps.traces.tests.factories import make_trace
from apps.tunix.manifest import Training, generate_manifest, render_manifest
from apps.tunix.models import Manifest

_SAMPLE = """\
version: "1.0"
runner: tunix
mode: sft
model:
  model_id: google/gemma-2b-it
dataset:
  format: tunix_sft
  path: ./datasets/my_dataset-v1.jsonl
training:
  learning_rate: 2.0e-05
  num_epochs: 3
  batch_size: 8
  max_seq_length: 2048
output:
  output_dir: ./output/run_001
"""


def _make_training(**overrides: Any) -> Training:
    values: dict[str, Any] = {
        "model_id": "google/gemma-2b-it",
        "output_dir": "./output/run_001",
        "learning_rate": 2e-5,
        "num_epochs": 3,
        "batch_size": 8,
        "max_seq_length": 2048,
    }
    return Training(**{**values, **overrides})


def _expected(key: str, training: Training) -> dict[str, Any]:
    hyperparameters = asdict(training)
    return {
        "version": "1.0",
        "runner": "tunix",
        "mode": "sft",
        "model": {"model_id": hyperparameters.pop("model_id")},
        "dataset": {"format": "tunix_sft", "path": f"./datasets/{key}.jsonl"},
        "output": {"output_dir": hyperparameters.pop("output_dir")},
        "training": hyperparameters,
    }


def _read_1_2(text: str) -> Any:
    reader = YAML(typ="safe", pure=True)
    reader.version = (1, 2)
    return reader.load(StringIO(text, newline=""))


def _assert_reads_back(key: str, training: Training) -> None:
    text = render_manifest(key, training)
    expected = _expected(key, training)
    for found in (yaml.safe_load(text), _read_1_2(text)):
        assert found == expected
        assert type(found["training"]["learning_rate"]) is float


def test_the_yaml_is_the_sample_to_the_byte() -> None:
    assert render_manifest("my_dataset-v1", _make_training()) == _SAMPLE


_TRICKY = [
    *("yes", "No", "on", "OFF", "y", "N", "true", "False", "null", "NULL", "~", "=", "<<"),
    *(
        "1e-5",
        "1.0",
        "0x1f",
        "0o17",
        "017",
        "0b1",
        "1_000",
        "12:30:45",
        "190:20:30.15",
        "2025-01-01",
        "+1",
        "-",
    ),
    *(".5", ".e1", ".1e5", "._1", ".inf", "-.INF", ".NaN", "...", "---", ".", "..", "/", "1.", "685_230.15"),
    *("2001-12-14t21:59:43.10-05:00", "'", '"', "'single'", '"double"', "it's", "back\\slash", "\\n"),
    *("line\nbreak", "\n", "\r\n", "\r", "trailing\n\n", "tab\t", " leading", "  two", "trailing ", " "),
    *(
        "ключ",
        "模型",
        "🂡",
        "\U0001f468\u200d\U0001f469",
        "e\u0301",
        "\u2028",
        "\u2029",
        "\u0085",
        "\ufeff",
        "\u00a0",
    ),
    *("\x01", "\x1b[0m", "\x7f", "\x9f", "\ufffe", "\uffff", "\U0010ffff", "\ue000", "\u200b"),
    *(
        "key: value",
        "a:",
        ":a",
        "# x",
        "a #b",
        "- a",
        "-a",
        "? a",
        "!tag",
        "&a",
        "*a",
        "@a",
        "`a`",
        "%a",
        "|",
        ">",
    ),
    *(
        "[a]",
        "{a: 1}",
        "{{ x }}",
        ", a",
        "]",
        "}",
        "a, b",
        "${HOME}/run",
        "C:\\run",
        "~/run",
        "s3://bucket/run",
    ),
    *("./a-b_c.d/e", "/abs/path", "google/gemma-2b-it", "a" * 256, "a b " * 64, "word\n" * 50),
]


@pytest.mark.parametrize("text", _TRICKY)
def test_tricky_texts_read_back_equal(text: str) -> None:
    _assert_reads_back("my_dataset-v1", _make_training(model_id=text, output_dir=text))


@pytest.mark.parametrize("rate", [1, 1.0, 0.1, 0.5, 1e-4, 2e-5, 1e-5, 3.5e-7, 5e-324, 0.30000000000000004])
def test_the_learning_rate_is_a_float(rate: float) -> None:
    _assert_reads_back("k-v1", _make_training(learning_rate=float(rate)))


@pytest.mark.parametrize(
    ("rate", "text"),
    [(2e-5, "2.0e-05"), (1e-4, "0.0001"), (1.0, "1.0"), (1.5e-7, "1.5e-07"), (5e-324, "5.0e-324")],
)
def test_the_learning_rate_has_a_point(rate: float, text: str) -> None:
    assert f"  learning_rate: {text}\n" in render_manifest("k-v1", _make_training(learning_rate=rate))


@pytest.mark.parametrize("key", ["a-v1", "0-0", "1.5-2", "A.b_c-1.0", "a--", "2025-01-01"])
def test_every_key_is_a_path(key: str) -> None:
    _assert_reads_back(key, _make_training())


# What the API accepts: neither NUL nor a surrogate.
_CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
_TEXTS = (
    st.text(_CHARACTERS, min_size=1, max_size=256)
    | st.text("0123456789.-+_:eExXoOTZ /", min_size=1, max_size=16)
    | st.text("yesnotrufalNULinf~=<>-.", min_size=1, max_size=6)
    | st.text(" \t\r\n\u0085\u2028\u2029\ufeff'\"\\#:-?,[]{}&*!|>%@`a", min_size=1, max_size=32)
)


_TRAININGS = st.builds(
    Training,
    model_id=_TEXTS,
    output_dir=_TEXTS,
    learning_rate=st.floats(0, 1, exclude_min=True),
    num_epochs=st.integers(1, 100),
    batch_size=st.integers(1, 512),
    max_seq_length=st.integers(128, 32_768),
)


@given(_TRAININGS)
def test_whatever_is_accepted_reads_back_equal(training: Training) -> None:
    _assert_reads_back("my_dataset-v1", training)


# --- The record --------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_manifest_is_kept_as_it_was_handed_out() -> None:
    make_trace()
    dataset = make_dataset()
    training = _make_training(model_id="модель\n", output_dir="\u2028")
    manifest = Manifest.objects.get(pk=generate_manifest(dataset.key, training, created_by=None).pk)
    assert manifest.yaml == render_manifest(dataset.key, training)
    assert manifest.sha256 == hashlib.sha256(manifest.yaml.encode()).hexdigest()
    assert {name: getattr(manifest, name) for name in asdict(training)} == asdict(training)
    with pytest.raises(TypeError, match="Generate a new one"):
        manifest.save()


@pytest.mark.django_db
def test_a_manifest_keeps_pointing_at_its_build() -> None:
    make_trace()
    first = make_dataset()
    before = generate_manifest(first.key, _make_training(), created_by=None)
    make_trace()
    recipe = BuildRequest.model_validate(make_recipe()).recipe
    second, _ = build_dataset(recipe, created_by=None, replace=True)
    after = generate_manifest(first.key, _make_training(), created_by=None)
    builds = {manifest.pk: manifest.dataset for manifest in Manifest.objects.all()}
    assert builds == {before.pk: first, after.pk: second}


@pytest.mark.django_db
def test_an_unknown_dataset_has_no_manifest() -> None:
    with pytest.raises(ValidationError, match="Dataset not found: no-v1"):
        generate_manifest("no-v1", _make_training(), created_by=None)
    assert Manifest.objects.count() == 0
