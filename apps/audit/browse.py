"""A page of the record of acts."""

from dataclasses import dataclass
from typing import Any

from apps.audit.models import Act
from apps.core.keyset import Count, Sort, count_rows, read_window

_NEWEST = Sort("pk", is_descending=True)


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
    window = read_window(found, _NEWEST, after=after, before=before)
    acts = [*Act.objects.with_keys(window.keys).newest_first()]
    return Browsed(acts, count_rows(found), window.before, window.after)
