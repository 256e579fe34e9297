"""Time-ordered keys."""

from datetime import UTC, datetime
from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """UUIDv7 (RFC 9562, 5.7): later ids sort after earlier ones, also within a millisecond of one process."""
    return uuid7()


def time_of(id: UUID) -> datetime:
    """The moment that a UUIDv7 carries, in UTC to the millisecond.

    A row that takes its time from its key sorts by age when it sorts by key.
    """
    return datetime.fromtimestamp((id.int >> 80) / 1000, UTC)


def lowest_id(moment: datetime) -> UUID:
    """No UUIDv7 of this moment or a later one sorts before it; of a moment before 1970 there is none."""
    return UUID(int=max(0, int(moment.timestamp() * 1000)) << 80)


def isoformat(moment: datetime) -> str:
    """ISO 8601 in UTC with six decimals and `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
