"""Stretches of time to choose from; years, months and days are named as dates begin: "2026", "2026-11"."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

_FORMATS = ("%Y", "%Y-%m", "%Y-%m-%d")
_LABELS = ("%Y", "%B %Y", "%Y-%m-%d")
_RECENT = {"today": ("Today", 1), "7d": ("Past 7 days", 7), "30d": ("Past 30 days", 30)}


class Period(NamedTuple):
    """From `start` to before `end`, in UTC."""

    name: str
    label: str
    start: datetime
    end: datetime


def parse_period(name: str, now: datetime) -> Period | None:
    """None for what names no period."""
    if name in _RECENT:
        return _recent(name, now)
    depth = name.count("-")
    try:
        return _period(datetime.strptime(name, _FORMATS[depth]).replace(tzinfo=UTC), depth)
    except (ValueError, IndexError, OverflowError):
        return None


def recent_periods(now: datetime) -> list[Period]:
    return [_recent(name, now) for name in _RECENT]


def periods_within(first: datetime, last: datetime, name: str) -> list[Period]:
    """What can be chosen next where `name` is chosen and there is something from `first` to `last`.

    The years, newest first; below a chosen year its months, below a chosen month its days.
    """
    parts = name.split("-")[: len(_FORMATS) - 1]
    names = ("-".join(parts[:end]) for end in range(1, len(parts) + 1))
    chosen = [period for each in names if (period := parse_period(each, last)) and each not in _RECENT]
    if chosen:
        first, last = max(first, chosen[-1].start), min(last, chosen[-1].end - timedelta.resolution)
    return [*chosen, *reversed([*_periods(first, last, len(chosen))])]


def _periods(first: datetime, last: datetime, depth: int) -> Iterator[Period]:
    period = _period(first, depth)
    while period.start <= last:
        yield period
        period = _period(period.end, depth)


def _recent(name: str, now: datetime) -> Period:
    label, days = _RECENT[name]
    end = _start(now, 2) + timedelta(days=1)
    return Period(name, label, end - timedelta(days=days), end)


def _period(moment: datetime, depth: int) -> Period:
    start = _start(moment, depth)
    # So many days later it is the next period, whether this one is the longest of its kind or not.
    end = _start(start + timedelta(days=(366, 31, 1)[depth]), depth)
    return Period(start.strftime(_FORMATS[depth]), start.strftime(_LABELS[depth]), start, end)


def _start(moment: datetime, depth: int) -> datetime:
    start = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return start.replace(day=1 if depth < 2 else start.day, month=1 if depth < 1 else start.month)
