from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from apps.core.ids import isoformat, new_id, time_of

AN_HOUR_EAST = timezone(timedelta(hours=1))


def test_ids_ascend() -> None:
    ids = [new_id() for _ in range(10_000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)


def test_ids_are_version_7() -> None:
    assert (type(new_id()), new_id().version) == (UUID, 7)


def test_an_id_carries_its_moment() -> None:
    before = datetime.now(UTC)
    moment = time_of(new_id())
    after = datetime.now(UTC)
    assert before - timedelta(milliseconds=1) <= moment <= after


def test_the_moment_is_read_to_the_millisecond() -> None:
    # The example of RFC 9562, appendix A.6: Tuesday, February 22, 2022 2:22:22.00 PM GMT-05:00
    id = UUID("017F22E2-79B0-7CC3-98C4-DC0C0C07398F")
    assert time_of(id) == datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2025, 12, 22, 10, tzinfo=UTC), "2025-12-22T10:00:00.000000Z"),
        (
            datetime(2025, 12, 22, 10, 0, 0, 1, tzinfo=timezone(timedelta(hours=1))),
            "2025-12-22T09:00:00.000001Z",
        ),
    ],
)
def test_times_are_utc_with_six_decimals(moment: datetime, text: str) -> None:
    assert isoformat(moment) == text
