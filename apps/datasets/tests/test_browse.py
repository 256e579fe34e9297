"""The list of traces against what Python finds by looking at every trace, whichever way a page is found."""

import json
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.core.keyset import Sort
from apps.core.ranges import Bounds
from apps.datasets.browse import Browsed, browse_traces
from apps.datasets.models import Dataset
from apps.datasets.selection import COLUMNS, Where, few_outside, select_traces
from apps.datasets.tests.factories import make_dataset
from apps.formats.search_terms import is_found, parse_query, search_body
from apps.traces.models import MAX_SOURCES, Trace
from apps.traces.tests.factories import make_trace, make_traces

pytestmark = pytest.mark.django_db

COUNT = 120
WORDS = ["alpha", "beta", "gamma", "100%", "a_b"]
SOURCES = ["common", "common", "common", "rare", ""]
LEVELS: list[Any] = [1, "1", 2, True, None, "true"]
SORTS = [Sort(field, down) for field in ("pk", "step_count", "char_count", "score") for down in (False, True)]

# What is called few, many and near, so that each way to find a page is taken.
WAYS = {
    "by keys": {"traces.models.RARE": 5},
    "gathered": {"datasets.browse.FEW": 0, "traces.models.RARE": 1_000},
    "walked near": {"core.keyset.COUNTED": 0} | {"traces.models.FEW": 0, "traces.models.search.COUNTED": 0},
    "walked far": {
        "traces.models.FEW": 0,
        "core.keyset.COUNTED": 0,
        "datasets.browse.REACH": 55,
        "datasets.browse.FAR_REACH": 90,
    },
}

each_way = pytest.mark.parametrize("way", WAYS)


@pytest.fixture
def traces(db: None) -> list[Trace]:
    """Also a dataset of the newest and one of chosen traces."""
    random = Random(1)
    made = [make_trace(**_payload(random)) for _ in range(COUNT)]
    make_dataset(dataset_name="newest", limit=70)
    chosen = [str(trace.pk) for trace in random.sample(made, 20)]
    make_dataset(dataset_name="chosen", trace_ids=chosen, limit=100)
    return made


def _payload(random: Random) -> dict[str, Any]:
    steps = [
        {"i": i, "type": "t", "content": f"{random.choice(WORDS)} " * random.choice([1, 40])}
        for i in range(random.choice([1, 1, 2, 3, 12]))
    ]
    meta: dict[str, Any] = {"level": random.choice(LEVELS)}
    if source := random.choice(SOURCES):
        meta["source"] = source
    prompt, answer = random.choice(WORDS), random.choice(WORDS)
    return {"prompt": prompt, "final_answer": answer, "steps": steps, "meta": meta}


def make_where(random: Random) -> Where:
    """Of each filter about every third is on."""
    values: dict[str, Any] = {
        "q": random.choice([*WORDS, "none of these"]),
        "source": random.choice([*SOURCES[:4], "unknown"]),
        "meta": {"level": random.choice(["1", "2", "true", "null", "3"])},
        "steps": _bounds(random, [1, 2, 3, 12]),
        "chars": _bounds(random, [20, 200, 400, 2_000]),
        "score": _bounds(random, [5.5, 10.0, 20.0, 70.0]),
        "in_dataset": random.choice(["any", "none", "newest-v1", "-newest-v1", "chosen-v1", "-chosen-v1"]),
    }
    return Where.model_validate({name: value for name, value in values.items() if random.random() < 0.3})


def _bounds(random: Random, values: list[Any]) -> dict[str, Any]:
    low, high = sorted(random.choices(values, k=2))
    return random.choice([{"min": low}, {"max": high}, {"min": low, "max": high}])


def meets(trace: Trace, where: Where, holders: set[str]) -> bool:
    texts = [trace.prompt, trace.final_answer, *(step["content"] for step in json.loads(trace.steps))]
    meta = json.loads(trace.meta)
    return (
        (where.q is None or is_found(parse_query(where.q), search_body(texts)))
        and (where.source is None or trace.source == where.source)
        and all(text in (meta[key], json.dumps(meta[key])) for key, text in where.meta.items())
        and all(_is_within(getattr(trace, column), where.bounds(column)) for column in COLUMNS.values())
        and _is_member(where.in_dataset, holders)
    )


def _is_within(value: float, bounds: Bounds[Any]) -> bool:
    return (bounds.min is None or value >= bounds.min) and (bounds.max is None or value <= bounds.max)


def _is_member(wanted: str | None, holders: set[str]) -> bool:
    if wanted in (None, "any", "none"):
        return wanted is None or bool(holders) == (wanted == "any")
    return (wanted.removeprefix("-") in holders) != wanted.startswith("-")


def expected(traces: list[Trace], where: Where) -> list[Trace]:
    holders: dict[Any, set[str]] = {trace.pk: set() for trace in traces}
    for dataset in Dataset.objects.all():
        for id in dataset.trace_ids():
            holders[id].add(dataset.key)
    return [trace for trace in traces if meets(trace, where, holders[trace.pk])]


def pages(where: Where, sort: Sort) -> Iterator[Browsed]:
    yield (page := browse_traces(where, sort))
    while page.after:
        yield (page := browse_traces(where, sort, after=page.after))


@pytest.mark.parametrize("is_walked", [False, True])
def test_every_filter_finds_what_python_finds(traces: list[Trace], is_walked: bool) -> None:
    random = Random(2)
    sizes = []
    for _ in range(150):
        where = make_where(random)
        found = sorted(trace.pk for trace in select_traces(where, is_walked=is_walked))
        assert found == [trace.pk for trace in expected(traces, where)], where
        sizes.append(len(found))
    assert (min(sizes), max(sizes)) == (0, COUNT)
    assert sum(0 < size < COUNT for size in sizes) > 50  # most of them tell something apart


@each_way
def test_every_page_of_every_order(traces: list[Trace], way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in WAYS[way].items():
        monkeypatch.setattr(f"apps.{name}", value)
    random = Random(3)
    for number in range(80):
        where, sort = make_where(random), SORTS[number % len(SORTS)]
        matching = expected(traces, where)
        matching.sort(key=lambda trace: (getattr(trace, sort.field), trace.pk), reverse=sort.is_descending)
        there = [*pages(where, sort)]
        assert [trace.pk for page in there for trace in page.traces] == [trace.pk for trace in matching]

        back = [there.pop()]
        while back[-1].before:
            back.append(browse_traces(where, sort, before=back[-1].before))
        assert [page.traces for page in back[1:]] == [page.traces for page in reversed(there)]
        assert [page.after for page in back[1:]] == [page.after for page in reversed(there)]


def test_the_count_is_that_of_all_that_match(traces: list[Trace]) -> None:
    random = Random(4)
    for number in range(40):
        where, sort = make_where(random), SORTS[number % len(SORTS)]
        assert browse_traces(where, sort).count.number == len(expected(traces, where))


@pytest.mark.parametrize(("count", "said"), [(2, "2"), (3, "3"), (4, "3+"), (5, "3+")])
@pytest.mark.parametrize("where", [Where(), Where(source="test"), Where(steps=Bounds[int](min=2))])
def test_a_count_ends_above_its_limit(
    count: int, said: str, where: Where, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.core.keyset.COUNTED", 3)
    make_traces(count)
    assert [str(browse_traces(where, sort).count) for sort in SORTS] == [said] * len(SORTS)


def test_a_cursor_outside_the_filter_finds_only_what_matches(traces: list[Trace]) -> None:
    sort = Sort("step_count", is_descending=False)
    nil = "00000000-0000-0000-0000-000000000000"
    where = Where(steps=Bounds[int](min=2, max=3))
    everything = [trace.pk for page in pages(where, sort) for trace in page.traces][:50]
    assert [trace.pk for trace in browse_traces(where, sort, after=f"1_{nil}").traces] == everything
    assert browse_traces(where, sort, after=f"4_{nil}").traces == []
    assert browse_traces(where, sort, before=f"2_{nil}").traces == []


@pytest.mark.parametrize("sort", ["age", "-age", "steps", "-chars", "score"])
@pytest.mark.parametrize(
    "filters",
    [
        "",
        "source=test",
        "steps_min=2&score_max=99",
        "q=27&meta.source=test",
        "in_dataset=letters-v{count}",
        "in_dataset=none",
    ],
)
def test_a_page_costs_the_same_number_of_queries_at_any_size(api: Client, sort: str, filters: str) -> None:
    counted = []
    for count in (1, 3, 100):
        make_traces(count - Trace.objects.count())
        make_dataset(dataset_version=f"v{count}")
        with CaptureQueriesContext(connection) as seen:
            response = api.get(f"/traces?sort={sort}&{filters.format(count=count)}")
        assert response.context["browsed"].count.number == (0 if "none" in filters else count)
        counted.append(len(seen))
    assert counted == [counted[0]] * 3
    assert counted[0] <= (20 if "q=" in filters else 14)


@pytest.mark.parametrize("wanted", ["none", "-letters-v1"])
def test_what_came_after_a_build_is_all_that_is_outside(wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """But where others are as well, or more than are near: then all traces are looked at."""
    monkeypatch.setattr("apps.datasets.selection.REACH", 3)
    where = Where(in_dataset=wanted)

    def outside() -> list[Any]:
        found = sorted(trace.pk for trace in select_traces(where))
        for sort in SORTS:
            assert sorted(trace.pk for trace in browse_traces(where, sort).traces) == found
        return found

    old = make_trace().pk
    make_traces(4)
    make_dataset(limit=4)
    assert few_outside(where) is None
    assert outside() == [old]
    Trace.objects.with_keys([old]).delete()
    assert few_outside(where) == outside() == []
    newer = [make_trace().pk for _ in range(3)]
    assert few_outside(where) == outside() == newer
    monkeypatch.setattr("apps.datasets.selection.FEW", 2)
    assert few_outside(where) is None
    monkeypatch.setattr("apps.datasets.selection.FEW", 3)
    newer.append(make_trace().pk)
    assert few_outside(where) is None
    assert outside() == newer


def test_nothing_is_outside_of_what_is_not_asked_for() -> None:
    make_dataset(trace_ids=[str(make_trace().pk)], limit=1)
    for wanted in (None, "any", "letters-v1"):
        assert few_outside(Where(in_dataset=wanted)) is None


def test_sources_in_order_each_once_without_the_empty_one() -> None:
    for source in ["b", "a", "b", None, "", "ä", "B"]:
        make_trace(meta={"source": source})
    assert sorted(Trace.objects.sources()) == ["B", "a", "b", "ä"]


def test_sources_of_nothing() -> None:
    assert Trace.objects.sources() == []
    make_trace(meta=None)
    assert Trace.objects.sources() == []


def test_sources_end_at_their_limit() -> None:
    names = [f"{number:03}" for number in range(MAX_SOURCES + 2)]
    for name in reversed(names):
        make_trace(meta={"source": name})
    with CaptureQueriesContext(connection) as seen:
        assert Trace.objects.sources() == names[:MAX_SOURCES]
    assert len(seen) == 1
