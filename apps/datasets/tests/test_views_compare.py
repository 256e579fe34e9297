"""The page that compares two datasets."""

import random
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.datasets.compare import Comparison, compare_datasets
from apps.datasets.models import Dataset
from apps.datasets.tests.factories import make_dataset, make_recipe
from apps.traces.ingest import ingest_traces, parse_trace
from apps.traces.tests.factories import make_payload, make_traces


def _ids(count: int) -> list[UUID]:
    payload = parse_trace(make_payload())
    return [stored.id for stored in ingest_traces([payload] * count, created_by=None)]


def _make(version: str, ids: list[UUID]) -> Dataset:
    return make_dataset(dataset_version=version, trace_ids=[*map(str, ids)])


def _summary(found: Comparison) -> tuple[int, int, int, bool]:
    return found.kept, found.came.count, found.went.count, found.is_reordered


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(6))
def test_it_finds_what_sets_find(seed: int) -> None:
    rng, ids = random.Random(seed), _ids(12)
    a, b = (rng.sample(ids, rng.randint(1, 12)) for _ in range(2))
    if seed % 2:
        b = sorted(b, key=lambda item: a.index(item) if item in a else -1)
    found = compare_datasets(_make("v1", a), _make("v2", b))
    common = [id for id in a if id in b]
    assert _summary(found) == (
        *(len(common), len({*b} - {*a}), len({*a} - {*b})),
        common != [id for id in b if id in a],
    )
    assert [trace.pk for trace in found.came.traces] == [id for id in b if id not in a]
    assert [trace.pk for trace in found.went.traces] == [id for id in a if id not in b]


@pytest.mark.django_db
def test_equal_ones_are_equal_and_others_have_nothing_in_common() -> None:
    ids = _ids(4)
    base, same, turned, other = (
        _make(version, some)
        for version, some in (("v1", ids[:3]), ("v2", ids[:3]), ("v3", ids[2::-1]), ("v4", ids[3:]))
    )
    found = [compare_datasets(base, dataset) for dataset in (same, turned, other)]
    assert [_summary(comparison) for comparison in found] == [
        *((3, 0, 0, False), (3, 0, 0, True), (0, 1, 3, False))
    ]
    assert [comparison.is_equal for comparison in found] == [True, False, False]


def test_long_lists_are_read_in_pages(api: Client) -> None:
    ids = _ids(130)
    _make("v1", ids[:5])
    _make("v2", ids[:1:-1])
    query, found = "base=letters-v1&other=letters-v2", []
    while query is not None:
        page = api.get(f"/datasets/compare?{query}")
        came, went = page.context["lists"]
        found.append([trace.pk for trace in came["part"].traces])
        query = came["next"]
    assert found == [ids[:79:-1], ids[79:29:-1], ids[29:4:-1]]
    assert (came["part"].count, came["first"]) == (125, "base=letters-v1&other=letters-v2")
    assert [trace.pk for trace in went["part"].traces] == ids[:2]


def test_recipes_and_figures_stand_side_by_side(api: Client) -> None:
    make_traces(3)
    make_dataset(limit=2, session_id="s")
    make_dataset(dataset_version="v2", where={"q": "question"}, session_id="s")
    page = api.get("/datasets/compare?base=letters-v1&other=letters-v2")
    lines = {line.label: line for line in (*page.context["recipes"], *page.context["figures"])}
    assert (lines["Selection"].base, lines["Selection"].other) == (
        *("all traces · newest first · up to 2", "search: question · newest first · all of them"),
    )
    assert [lines[label].differs for label in ("Selection", "Name", "Session", "Digest")] == [
        *(True, False, False, True),
    ]
    assert lines["Traces"][1:] == ("2", "3", "+1")
    assert lines["Most steps"][1:] == ("2", "2", "")
    assert page.text.count("<mark>") == sum(line.differs for line in lines.values())


def test_a_superseded_build_can_be_compared(api: Client) -> None:
    make_traces(1)
    first = make_dataset()
    make_traces(1)
    api.post("/api/datasets/build", make_recipe(replace=True), "application/json")
    page = api.get(f"/datasets/compare?base=letters-v1&base_build={first.build_id}&other=letters-v1")
    assert _summary(page.context["comparison"]) == (1, 1, 0, False)
    assert "letters-v1 (superseded) → letters-v1" in page.text


@pytest.mark.parametrize(
    ("query", "status", "fields"),
    [
        ("", 200, []),
        ("base=letters-v1", 200, []),
        ("base=letters-v1&other=none-v1", 422, ["other"]),
        ("base=x&other=y", 422, ["base", "other"]),
        ("base=letters-v1&other=letters-v1&base_build=x", 422, ["base_build"]),
        ("base=letters-v1&other=letters-v1&came_after=x", 422, ["came_after"]),
    ],
)
def test_it_asks_for_what_it_lacks(api: Client, query: str, status: int, fields: list[str]) -> None:
    make_traces(1)
    make_dataset()
    page = api.get(f"/datasets/compare?{query}")
    assert (page.status_code, [*page.context["form"].errors]) == (status, fields)
    assert 'value="letters-v1"' in page.text


def test_it_takes_as_many_queries_for_1_as_for_many(api: Client) -> None:
    counts = set()
    for size in (1, 3, 100):
        ids = _ids(2 * size)
        _make(f"a{size}", ids[:size])
        _make(f"b{size}", ids[size:])
        with CaptureQueriesContext(connection) as queries:
            found: Any = api.get(f"/datasets/compare?base=letters-a{size}&other=letters-b{size}")
        assert found.context["comparison"].came.count == size
        counts.add(len(queries))
    assert len(counts) == 1
