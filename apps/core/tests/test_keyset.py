from collections.abc import Iterator
from random import Random
from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.core.errors import messages_by_path
from apps.core.keyset import COUNTED, Count, Page, Sort, Window, count_rows, read_window
from apps.traces.models import Trace
from apps.traces.tests.factories import make_trace, make_traces

pytestmark = pytest.mark.django_db

FIELDS = ["pk", "step_count", "char_count", "score", "created_at", "source"]
SORTS = [Sort(field, is_descending) for field in FIELDS for is_descending in (False, True)]
SIZE = 4

each_sort = pytest.mark.parametrize("sort", SORTS, ids=str)


def make_steps(lengths: list[int]) -> list[dict[str, Any]]:
    return [{"i": i, "type": "t", "content": "x" * length} for i, length in enumerate(lengths)]


def make_tied_traces(count: int) -> None:
    """Few different numbers of steps, of characters and sources, so that many rows are equal in them."""
    random = Random(count)
    for _ in range(count):
        lengths = [random.choice([1, 300]) for _ in range(random.randint(1, 3))]
        make_trace(steps=make_steps(lengths), meta={"source": random.choice(["a_b", "ä", ""])})


def in_order(sort: Sort) -> list[UUID]:
    """The keys as Python sorts them."""
    traces = [*Trace.objects.all()]
    traces.sort(key=lambda trace: (getattr(trace, sort.field), trace.pk), reverse=sort.is_descending)
    return [trace.pk for trace in traces]


def read(sort: Sort, **cursor: str) -> Window:
    return read_window(Trace.objects.all(), sort, size=SIZE, **cursor)


def forward(sort: Sort) -> Iterator[Window]:
    yield (first := read(sort))
    yield from behind(sort, first)


def behind(sort: Sort, window: Window) -> Iterator[Window]:
    while window.after:
        yield (window := read(sort, after=window.after))


def backward(sort: Sort, window: Window) -> Iterator[Window]:
    yield window
    while window.before:
        yield (window := read(sort, before=window.before))


@each_sort
@pytest.mark.parametrize("count", [1, SIZE, SIZE + 1, 3 * SIZE, 3 * SIZE + 1])
def test_every_row_is_met_once_in_both_directions(sort: Sort, count: int) -> None:
    make_tied_traces(count)
    expected = in_order(sort)
    windows = [*forward(sort)]
    assert [key for window in windows for key in window.keys] == expected

    back = [*backward(sort, windows[-1])]
    assert [key for window in reversed(back) for key in window.keys] == expected
    assert [window.after for window in reversed(back)] == [window.after for window in windows]


@each_sort
def test_a_page_has_the_cursors_of_its_neighbours_only(sort: Sort) -> None:
    make_traces(SIZE + 1)
    first, last = forward(sort)
    assert (first.before is None, first.after is None) == (True, False)
    assert (last.before is None, last.after is None) == (False, True)
    assert read(sort, before=str(last.before)) == first


@each_sort
def test_nothing_is_an_empty_page(sort: Sort) -> None:
    assert read(sort) == Window([], None, None)


def test_a_page_behind_the_last_row_is_empty() -> None:
    make_traces(2)
    sort = Sort("pk", is_descending=True)
    last = in_order(sort)[-1]
    assert read(sort, after=str(last)).keys == []


@each_sort
def test_rows_that_come_and_go_while_one_pages_do_not_move_the_others(sort: Sort) -> None:
    make_tied_traces(3 * SIZE)
    before = in_order(sort)
    first = read(sort)

    make_tied_traces(2 * SIZE)
    Trace.objects.filter(pk=first.keys[-1]).delete()  # the row that the cursor names
    rest = [key for window in behind(sort, first) for key in window.keys]
    assert [key for key in rest if key in before] == before[SIZE:]
    assert rest == [key for key in in_order(sort) if key in rest]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("side", ["after", "before"])
def test_a_cursor_of_the_same_list_is_read_whatever_its_value(field: str, side: str) -> None:
    make_traces(2)
    values = {
        "pk": "",
        "created_at": "9999-12-31T23:59:59Z_",
        "source": "ä b_'%_\U0001f642_",
        "score": "inf_",
    }
    cursor = f"{values.get(field, '2147483647_')}ffffffff-ffff-ffff-ffff-ffffffffffff"
    read(Sort(field, is_descending=False), **{side: cursor})


@pytest.mark.parametrize(
    ("field", "cursor"),
    [
        ("pk", "x"),
        ("pk", "1_00000000-0000-7000-8000-000000000000"),
        ("step_count", "00000000-0000-7000-8000-000000000000"),
        ("step_count", "1.5_00000000-0000-7000-8000-000000000000"),
        ("step_count", "1_"),
        ("step_count", f"{10**30}_00000000-0000-7000-8000-000000000000"),
        ("step_count", "-1_00000000-0000-7000-8000-000000000000"),
        ("step_count", "1_x"),
        ("step_count", "_"),
        ("score", "high_00000000-0000-7000-8000-000000000000"),
        ("score", "1_2_00000000-0000-7000-8000-000000000000_1"),
        ("created_at", "yesterday_00000000-0000-7000-8000-000000000000"),
    ],
)
def test_what_is_no_cursor_is_refused(field: str, cursor: str) -> None:
    make_traces(1)
    with pytest.raises(ValidationError) as refusal:
        read(Sort(field, is_descending=False), after=cursor)
    assert messages_by_path(refusal.value) == {"cursor": ["This is no cursor of this list."]}


@each_sort
@pytest.mark.parametrize("count", [1, 3, 100])
def test_a_page_is_one_query(sort: Sort, count: int) -> None:
    make_traces(count)
    with CaptureQueriesContext(connection) as counted:
        read(sort)
    assert len(counted) == 1


@each_sort
def test_a_walk_gives_up_where_its_reach_does_not_fill_the_page(sort: Sort) -> None:
    make_tied_traces(4 * SIZE)
    along, page = Trace.objects.all(), Page(sort, size=SIZE)
    keys = in_order(sort)
    rows = Trace.objects.filter(pk__in=keys[::2])
    last = keys[2 * SIZE]  # the one that tells that there is a next page

    assert page.walk(rows, along, reach=2 * SIZE - 1) is None
    found = page.walk(rows, along, reach=2 * SIZE)
    assert found == page.read(rows)
    assert found is not None
    assert found.keys == keys[: 2 * SIZE : 2]
    assert page.walk(rows.exclude(pk=last), along, reach=2 * SIZE) is None


@each_sort
def test_what_a_walk_reaches_to_the_end_of_is_complete(sort: Sort) -> None:
    make_tied_traces(SIZE)
    rows = Trace.objects.filter(pk=in_order(sort)[-1])
    assert Page(sort, size=SIZE).walk(rows, Trace.objects.all(), reach=SIZE) == Window(
        [rows[0].pk], None, None
    )


@each_sort
def test_gathered_rows_are_in_the_same_order(sort: Sort) -> None:
    make_tied_traces(3 * SIZE)
    rows = Trace.objects.all()
    window = read(sort)
    while window.after:
        page = Page(sort, after=window.after, size=SIZE)
        window = page.read(rows)
        assert page.gather(rows) == window
    page = Page(sort, before=str(window.before), size=SIZE)
    assert page.gather(rows) == page.read(rows)


@pytest.mark.parametrize(
    ("number", "text", "is_exact"),
    [(0, "0", True), (COUNTED, "10,000", True), (COUNTED + 1, "10,000+", False)],
)
def test_a_count_is_exact_to_its_limit(number: int, text: str, is_exact: bool) -> None:
    count = Count(number)
    assert (str(count), count.is_exact) == (text, is_exact)


def test_rows_are_counted_up_to_the_limit_and_one_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.core.keyset.COUNTED", 3)
    found = [count_rows(Trace.objects.filter(pk__in=[t.pk for t in make_traces(n)])) for n in (0, 3, 4, 6)]
    assert [(count.number, str(count)) for count in found] == [(0, "0"), (3, "3"), (4, "3+"), (4, "3+")]
