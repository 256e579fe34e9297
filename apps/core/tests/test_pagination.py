from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.core.errors import messages_by_path
from apps.core.pagination import PageQuery, paginate
from apps.core.requests import validate
from apps.traces.models import Trace
from apps.traces.tests.factories import make_traces

pytestmark = pytest.mark.django_db


def page(**query: Any) -> dict[str, Any]:
    rows = Trace.objects.newest_first()
    return paginate(rows, validate(PageQuery, query), lambda trace: {"prompt": trace.prompt})


def prompts(found: dict[str, Any]) -> list[str]:
    return [item["prompt"] for item in found["data"]]


def test_a_page_that_is_the_last_points_nowhere() -> None:
    make_traces(2)
    found = page(limit=2)
    assert prompts(found) == ["Question 1", "Question 0"]
    assert found["pagination"] == {"limit": 2, "offset": 0, "next_offset": None, "next_cursor": None}


def test_nothing_is_an_empty_page() -> None:
    assert page() == {
        "data": [],
        "pagination": {"limit": 20, "offset": 0, "next_offset": None, "next_cursor": None},
    }


def test_a_page_points_to_the_next_by_offset_and_by_cursor() -> None:
    traces = make_traces(3)
    found = page(limit=2)
    assert found["pagination"] == {
        "limit": 2,
        "offset": 0,
        "next_offset": 2,
        "next_cursor": str(traces[1].pk),
    }


def test_an_offset_skips() -> None:
    make_traces(4)
    found = page(limit=2, offset=1)
    assert prompts(found) == ["Question 2", "Question 1"]
    assert found["pagination"]["next_offset"] == 3


@pytest.mark.parametrize("offset", [4, 5, 2**63 - 1 - 21])
def test_an_offset_behind_the_end_finds_nothing(offset: int) -> None:
    make_traces(4)
    assert prompts(page(offset=offset)) == []


def test_cursors_walk_through_everything_once() -> None:
    make_traces(5)
    seen, cursor = [], None
    for _ in range(3):
        found = page(limit=2, cursor=cursor)
        seen += prompts(found)
        cursor = found["pagination"]["next_cursor"]
    assert seen == [f"Question {n}" for n in (4, 3, 2, 1, 0)]
    assert cursor is None


def test_a_walk_by_cursor_does_not_see_what_came_after_it_began() -> None:
    make_traces(3)
    cursor = page(limit=2)["pagination"]["next_cursor"]
    make_traces(2, prompt="new")
    assert prompts(page(limit=2, cursor=cursor)) == ["Question 0"]


def test_a_page_by_cursor_has_no_offset_to_go_on_with() -> None:
    traces = make_traces(4)
    found = page(limit=1, cursor=str(traces[3].pk))
    assert found["pagination"] == {
        "limit": 1,
        "offset": 0,
        "next_offset": None,
        "next_cursor": str(traces[2].pk),
    }


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"cursor": "x"}, "This is no cursor of this list."),
        ({"cursor": ""}, "This is no cursor of this list."),
        (
            {"cursor": "00000000-0000-7000-8000-000000000000", "offset": 1},
            "Give either offset or cursor, not both",
        ),
    ],
)
def test_a_wrong_cursor_is_refused(query: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        page(**query)
    assert messages_by_path(refusal.value) == {"cursor": [message]}


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(
    ("query", "queries"),
    [({}, 1), ({"cursor": "ffffffff-0000-7000-8000-000000000000"}, 1), ({"offset": 1}, 2)],
)
def test_a_page_costs_the_same_at_any_size(count: int, query: dict[str, Any], queries: int) -> None:
    make_traces(count + 1)
    with CaptureQueriesContext(connection) as counted:
        page(limit=count, **query)
    assert len(counted) == queries


def test_rows_may_be_tuples_that_begin_with_the_key() -> None:
    traces = make_traces(2)
    rows = Trace.objects.newest_first().values_list("id", "prompt")
    found = paginate(rows, PageQuery(limit=1), lambda row: {"prompt": row[1]})
    assert (prompts(found), found["pagination"]["next_cursor"]) == (["Question 1"], str(traces[1].pk))
