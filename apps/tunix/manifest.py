"""The training manifest: a dataset and hyperparameters as YAML."""

import re
from dataclasses import dataclass
from functools import cache

import yaml
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.record import Verb, insert_recorded
from apps.core.digests import sha256_hex
from apps.core.errors import not_found
from apps.core.sql import column_names, prepared, typed_placeholders
from apps.datasets.models import Dataset
from apps.tunix.models import (
    BATCH_SIZE,
    DEFAULT_LEARNING_RATE,
    MAX_SEQ_LENGTH,
    NUM_EPOCHS,
    Manifest,
)


@dataclass(frozen=True)
class Training:
    """What a run needs beside its data."""

    model_id: str
    output_dir: str
    learning_rate: float = DEFAULT_LEARNING_RATE
    num_epochs: int = NUM_EPOCHS.default
    batch_size: int = BATCH_SIZE.default
    max_seq_length: int = MAX_SEQ_LENGTH.default


_TEMPLATE = """\
version: "1.0"
runner: tunix
mode: sft
model:
  model_id: {model_id}
dataset:
  format: tunix_sft
  path: {path}
training:
  learning_rate: {learning_rate}
  num_epochs: {num_epochs}
  batch_size: {batch_size}
  max_seq_length: {max_seq_length}
output:
  output_dir: {output_dir}
"""

# Without quotes goes only what neither a YAML 1.1 nor a YAML 1.2 reader takes for anything but text:
# no number, date, bool, null, and no character with a meaning of its own.
_PLAIN = re.compile(r"[A-Za-z./][A-Za-z0-9./_-]*")
_MISREAD = re.compile(r"(?i)y|n|yes|no|on|off|true|false|null|\.(inf|nan)|\.[\d._e-]*|\.*")


def _text(value: str) -> str:
    """A YAML scalar that reads back as this text."""
    if _PLAIN.fullmatch(value) and not _MISREAD.fullmatch(value):
        return value
    # On one line whatever the width: a folded text would be one more thing that readers disagree on.
    quoted = yaml.dump(value, Dumper=yaml.CSafeDumper, default_style='"', allow_unicode=True, width=2**31 - 1)
    return str(quoted).rstrip("\n")


def _float(value: float) -> str:
    """A YAML 1.1 reader takes an exponent for a number only behind a decimal point."""
    text = repr(value)
    return text if "." in text else text.replace("e", ".0e")


def render_manifest(dataset_key: str, training: Training) -> str:
    return _TEMPLATE.format(
        model_id=_text(training.model_id),
        path=_text(f"./datasets/{dataset_key}.jsonl"),
        learning_rate=_float(training.learning_rate),
        num_epochs=training.num_epochs,
        batch_size=training.batch_size,
        max_seq_length=training.max_seq_length,
        output_dir=_text(training.output_dir),
    )


_GIVEN = [field for field in Manifest._meta.concrete_fields if field.name != "dataset"]


@cache
def _statement() -> str:
    """Looks the build up and refers to it at once: nothing can take the key in between."""
    return (
        f"INSERT INTO {Manifest._meta.db_table} ({column_names(_GIVEN)}, dataset_id)"
        f" SELECT {typed_placeholders(_GIVEN)}, id FROM {Dataset._meta.db_table}"
        " WHERE key = %s AND superseded_at IS NULL RETURNING dataset_id"
    )


def generate_manifest(dataset_key: str, training: Training, *, created_by: User | None) -> Manifest:
    """Store the manifest of the current build of `dataset_key`. Raises ValidationError when there is none."""
    text = render_manifest(dataset_key, training)
    manifest = Manifest(
        dataset_key=dataset_key,
        yaml=text,
        sha256=sha256_hex(text.encode()),
        created_at=timezone.now(),
        created_by=created_by,
        **vars(training),
    )
    _insert(manifest)
    return manifest


def _insert(manifest: Manifest) -> None:
    [values] = prepared(_GIVEN, [[field.value_from_object(manifest) for field in _GIVEN]])
    found = insert_recorded(
        _statement(),
        [*values, manifest.dataset_key],
        Verb.GENERATED_MANIFEST,
        manifest.pk,
        details={"dataset": manifest.dataset_key},
    )
    if found is None:
        raise not_found("Dataset", manifest.dataset_key)
    manifest.dataset_id = found[0]
    manifest._state.adding = False
