"""A page of the list of manifests."""

from dataclasses import dataclass

from apps.core.keyset import Count, Sort, count_rows, read_window
from apps.tunix.models import Manifest

_NEWEST = Sort("pk", is_descending=True)


@dataclass(frozen=True)
class Browsed:
    """`before` and `after` are the cursors of the neighbouring pages."""

    manifests: list[Manifest]
    count: Count
    before: str | None
    after: str | None


def browse_manifests(
    *, dataset_key: str | None = None, model: str | None = None, after: str = "", before: str = ""
) -> Browsed:
    """Newest first. Raises ValidationError for what is no cursor."""
    found = Manifest.objects.matching(dataset_key=dataset_key, model=model)
    window = read_window(found, _NEWEST, after=after, before=before)
    return Browsed(Manifest.objects.rows(window.keys), count_rows(found), window.before, window.after)
