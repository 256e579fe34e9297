"""What a manifest says, and what is different in another."""

from difflib import unified_diff
from typing import NamedTuple

from apps.tunix.models import LABELS, Manifest


class Compared(NamedTuple):
    label: str
    base: str
    other: str

    @property
    def is_different(self) -> bool:
        return self.base != self.other


class DiffLine(NamedTuple):
    """`sign` is "+", "-" or a space."""

    sign: str
    text: str


def compare_fields(base: Manifest, other: Manifest) -> list[Compared]:
    before, after = base.values, other.values
    shown = [Compared(label, str(before[name]), str(after[name])) for name, label in LABELS.items()]
    builds = Compared("Build of the dataset", str(base.dataset.build_id), str(other.dataset.build_id))
    return [shown[0], builds, *shown[1:]]


def compare_yaml(base: Manifest, other: Manifest) -> list[DiffLine]:
    """The whole text with what goes and what comes; empty where nothing differs."""
    before, after = (manifest.yaml.removesuffix("\n").split("\n") for manifest in (base, other))
    lines = unified_diff(before, after, lineterm="", n=max(len(before), len(after)))
    return [DiffLine(line[0], line[1:]) for line in [*lines][3:]]
