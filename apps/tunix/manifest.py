"""The training manifest: a dataset and hyperparameters as YAML."""

import re
from dataclasses import dataclass
from typing import Any

import yaml
from django.utils import timezone

from apps.accounts.models import User
from apps.core.digests import sha256_hex
from apps.datasets.models import Dataset
from apps.tunix.models import Manifest


@dataclass(frozen=True)
class Training:
    """What a run needs beside its data."""

    model_id: str
    output_dir: str
    learning_rate: float
    num_epochs: int
    batch_size: int
    max_seq_length: int


class _Quoted(str):
    """A text that is written in double quotes."""


class _Dumper(yaml.CSafeDumper):
    pass


_Dumper.add_representer(
    _Quoted, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style='"')
)

# Without quotes goes only what neither a YAML 1.1 nor a YAML 1.2 reader takes for anything but text:
# no number, date, bool, null, and no character with a meaning of its own.
_PLAIN = re.compile(r"[A-Za-z./][A-Za-z0-9./_-]*")
_MISREAD = re.compile(r"(?i)y|n|yes|no|on|off|true|false|null|\.(inf|nan)|\.[\d._e-]*|\.*")


def _text(value: str) -> str:
    is_plain = _PLAIN.fullmatch(value) and not _MISREAD.fullmatch(value)
    return value if is_plain else _Quoted(value)


def render_manifest(dataset_key: str, training: Training) -> str:
    """The YAML, in the key order of the contract."""
    content: dict[str, Any] = {
        "version": _Quoted("1.0"),
        "runner": "tunix",
        "mode": "sft",
        "model": {"model_id": _text(training.model_id)},
        "dataset": {"format": "tunix_sft", "path": _text(f"./datasets/{dataset_key}.jsonl")},
        "training": {
            "learning_rate": training.learning_rate,
            "num_epochs": training.num_epochs,
            "batch_size": training.batch_size,
            "max_seq_length": training.max_seq_length,
        },
        "output": {"output_dir": _text(training.output_dir)},
    }
    # An unlimited width: a folded line would be one more thing that readers disagree on.
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=2**31 - 1)


def generate_manifest(dataset: Dataset, training: Training, *, created_by: User | None) -> Manifest:
    text = render_manifest(dataset.key, training)
    return Manifest.objects.create(
        dataset=dataset,
        dataset_key=dataset.key,
        model_id=training.model_id,
        output_dir=training.output_dir,
        learning_rate=training.learning_rate,
        num_epochs=training.num_epochs,
        batch_size=training.batch_size,
        max_seq_length=training.max_seq_length,
        yaml=text,
        sha256=sha256_hex(text.encode()),
        created_at=timezone.now(),
        created_by=created_by,
    )
