"""A page of the list of datasets: names, below each its versions."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from django.db.models import Count

from apps.core.keyset import NEWEST_FIRST, Window, read_window
from apps.datasets.models import Dataset

NAMES = 20
VERSIONS = 5


@dataclass(frozen=True)
class Version:
    dataset: Dataset
    manifest_count: int


@dataclass(frozen=True)
class Name:
    """`older` is how many versions there are beside those listed."""

    name: str
    versions: list[Version]
    older: int


@dataclass(frozen=True)
class Catalogue:
    """`before` and `after` are the cursors of the neighbouring pages."""

    names: list[Name]
    before: str | None
    after: str | None


def list_names(text: str, *, after: str = "", before: str = "") -> Catalogue:
    """Names that contain `text`, the one built last first, each with its newest versions.

    Raises ValidationError for what is no cursor.
    """
    heads = Dataset.objects.current().with_name_like(text).heads()
    window = read_window(heads, NEWEST_FIRST, after=after, before=before, size=NAMES)
    counts = _version_counts(window)
    datasets = Dataset.objects.current().newest_of(counts, VERSIONS)
    return Catalogue(_group(datasets, counts), window.before, window.after)


def list_versions(name: str, *, after: str = "", before: str = "") -> Catalogue:
    """All versions of one name. Raises ValidationError for what is no cursor."""
    versions = Dataset.objects.current().of_name(name)
    window = read_window(versions, NEWEST_FIRST, after=after, before=before)
    datasets = versions.filter(pk__in=window.keys).newest_of([name], len(window.keys))
    return Catalogue(_group(datasets, {}), window.before, window.after)


def _version_counts(window: Window) -> dict[str, int]:
    """By name, in the order of the page."""
    names = Dataset.objects.filter(pk__in=window.keys).newest_first().values_list("name", flat=True)
    listed = [*names]
    found = Dataset.objects.current().filter(name__in=listed).order_by().values_list("name")
    counts = dict(found.annotate(Count("pk")))
    return {name: counts[name] for name in listed}


def _group(datasets: Iterable[Dataset], counts: dict[str, int]) -> list[Name]:
    found = [*datasets]
    uses = _manifest_counts(found)
    names: dict[str, list[Version]] = {name: [] for name in counts}
    for name, versions in groupby(found, attrgetter("name")):
        names.setdefault(name, []).extend(Version(dataset, uses[dataset.pk]) for dataset in versions)
    return [Name(name, rows, counts.get(name, len(rows)) - len(rows)) for name, rows in names.items()]


def _manifest_counts(datasets: list[Dataset]) -> dict[int, int]:
    """What is made of datasets stands above this app: the relation leads there, no import."""
    rows = Dataset.objects.filter(pk__in=[dataset.pk for dataset in datasets]).order_by()
    return dict(rows.values_list("pk").annotate(Count("manifests")))
