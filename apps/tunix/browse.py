"""A page of the list of manifests."""

from dataclasses import dataclass

from apps.core.keyset import NEWEST_FIRST, Count, count_rows, few_keys, read_window
from apps.tunix.models import Manifest

# So many keys are quicker sorted than looked for again in a walk over the table.
FEW = 1_000


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
    """Newest first. Raises ValidationError for what is no cursor.

    A part of a model's id has no index: where few match, these are looked for once, not once for their
    number and once for the page.
    """
    found = Manifest.objects.matching(dataset_key=dataset_key, model=model)
    keys = few_keys(found, FEW) if model else None
    if keys is not None:
        found = Manifest.objects.filter(pk__in=keys)
    window = read_window(found, NEWEST_FIRST, after=after, before=before)
    count = count_rows(found) if keys is None else Count(len(keys))
    return Browsed(Manifest.objects.rows(window.keys), count, window.before, window.after)
