from datetime import UTC, datetime, timedelta

import pytest

from apps.core.ids import lowest_id, new_id, time_of
from apps.core.periods import parse_period, periods_within, recent_periods

NOW = datetime(2024, 3, 1, 15, 30, tzinfo=UTC)


def day(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}T00:00:00+00:00")


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("2024", "2024-01-01", "2025-01-01"),
        ("2023", "2023-01-01", "2024-01-01"),
        ("2024-02", "2024-02-01", "2024-03-01"),
        ("2023-02", "2023-02-01", "2023-03-01"),
        ("2024-12", "2024-12-01", "2025-01-01"),
        ("2024-01", "2024-01-01", "2024-02-01"),
        ("2024-02-29", "2024-02-29", "2024-03-01"),
        ("2024-12-31", "2024-12-31", "2025-01-01"),
        ("today", "2024-03-01", "2024-03-02"),
        ("7d", "2024-02-24", "2024-03-02"),
        ("30d", "2024-02-01", "2024-03-02"),
    ],
)
def test_a_period_is_from_its_start_to_before_its_end(name: str, start: str, end: str) -> None:
    period = parse_period(name, NOW)
    assert period is not None
    assert (period.name, period.start, period.end) == (name, day(start), day(end))


@pytest.mark.parametrize(
    "name", ["", "x", "2023-02-29", "2024-13", "2024-01-01-01", "9999", "0", "-", "2024-"]
)
def test_what_names_no_period_is_none(name: str) -> None:
    assert parse_period(name, NOW) is None


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("", ["2024", "2023"]),
        ("nonsense", ["2024", "2023"]),
        ("7d", ["2024", "2023"]),
        ("2024", ["2024", "2024-03", "2024-02", "2024-01"]),
        ("2023", ["2023", "2023-12"]),
        ("2023-12", ["2023", "2023-12", "2023-12-31", "2023-12-30"]),
        ("2023-12-31", ["2023", "2023-12", "2023-12-31", "2023-12-30"]),
        ("2020", ["2020"]),
    ],
)
def test_one_goes_from_years_to_months_to_days(name: str, names: list[str]) -> None:
    first = datetime(2023, 12, 30, 23, tzinfo=UTC)
    assert [period.name for period in periods_within(first, NOW, name)] == names


def test_the_recent_ones_have_words() -> None:
    assert [period.label for period in recent_periods(NOW)] == ["Today", "Past 7 days", "Past 30 days"]


def test_no_id_of_a_moment_sorts_before_its_lowest() -> None:
    id = new_id()
    moment = time_of(id)
    assert lowest_id(moment) <= id < lowest_id(moment + timedelta(milliseconds=1))
    assert time_of(lowest_id(moment)) == moment
