"""A page of the record of acts."""

from dataclasses import dataclass
from typing import Any

from apps.audit.models import Act
from apps.core.keyset import NEWEST_FIRST, Count, count_rows, read_window


@dataclass(frozen=True)
class Browsed:
    """`before` and `after` are the cursors of the neighbouring pages."""

    acts: list[Act]
    count: Count
    before: str | None
    after: str | None


def browse_acts(*, after: str = "", before: str = "", **filters: Any) -> Browsed:
    """Newest first; `filters` as of ActQuerySet.matching. Raises ValidationError for what is no cursor."""
    found = Act.objects.matching(**filters)
    window = read_window(found, NEWEST_FIRST, after=after, before=before)
    acts = [*Act.objects.with_keys(window.keys).newest_first()]
    return Browsed(acts, count_rows(found), window.before, window.after)
