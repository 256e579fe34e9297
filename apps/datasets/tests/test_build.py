"""Which traces a build selects, in which order, and that nothing changes them afterwards."""

import hashlib
import json
import random
from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from apps.audit.tests.factories import STATEMENTS_SEEN
from apps.datasets import build
from apps.datasets.models import Dataset
from apps.datasets.rank import SeededRank
from apps.datasets.tests.factories import make_dataset
from apps.traces.ingest import ingest_traces, parse_trace
from apps.traces.models import Trace
from apps.traces.tests.factories import make_payload, make_trace, make_traces

pytestmark = pytest.mark.django_db


def _members(dataset: Dataset) -> list[UUID]:
    return [*dataset.trace_ids()]


def _make_many(count: int, **overrides: Any) -> list[UUID]:
    payload = parse_trace(make_payload(**overrides))
    return [stored.id for stored in ingest_traces([payload] * count, created_by=None)]


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


# --- Selection ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("limit", "count"), [(None, 7), (100, 7), (7, 7), (3, 3), (1, 1)])
def test_latest_takes_the_newest_newest_first(limit: int | None, count: int) -> None:
    ids = _make_many(7)
    assert _members(make_dataset(limit=limit)) == ids[::-1][:count]


@pytest.mark.parametrize("seed", [0, 42, -1, 2**63 - 1, -(2**63)])
@pytest.mark.parametrize("limit", [None, 5])
def test_random_is_by_ascending_md5_of_seed_and_id(seed: int, limit: int | None) -> None:
    ids = _make_many(40)
    ranked = sorted(ids, key=lambda trace_id: _md5(f"{seed}:{trace_id}"))
    assert _members(make_dataset(selection_strategy="random", seed=seed, limit=limit)) == ranked[:limit]


@pytest.mark.parametrize("seed", [42, -1])
def test_every_database_draws_the_same_for_a_trace(seed: int) -> None:
    ids = _make_many(3)
    drawn = Trace.objects.annotate(rank=SeededRank(seed)).values_list("id", "rank")
    assert {*drawn} == {(id, _md5(f"{seed}:{id}")) for id in ids}


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ({}, 12),
        ({"steps": {"min": 1}}, 12),
        ({"steps": {"max": 2}}, 6),
        ({"chars": {"min": 1}, "score": {"min": 0}}, 12),
        ({"source": "odd"}, 6),
        ({"source": "odd", "steps": {"min": 1, "max": 3}}, 3),
        ({"split": {"part": "train", "percent": 1}}, 12),
        ({"split": {"part": "validation", "percent": 99}}, 12),
    ],
)
@pytest.mark.parametrize("strategy", ["latest", "random"])
def test_all_that_match_stand_in_order_whichever_index_finds_them(
    where: dict[str, Any], count: int, strategy: str
) -> None:
    for n in range(12):  # neither steps nor lengths nor scores nor prompts ascend with age
        steps = [{"i": i, "type": "t", "content": "c" * (n % 5 + 1)} for i in range(n % 4 + 1)]
        make_trace(prompt=f"{n * 7 % 12}", steps=steps, meta={"source": "odd" if n % 2 else "even"})
    members = _members(make_dataset(where=where, selection_strategy=strategy, seed=3))
    drawn = sorted(members, key=lambda trace_id: _md5(f"3:{trace_id}"))
    assert members == (drawn if strategy == "random" else sorted(members, reverse=True))
    assert len(members) == count


def test_random_applies_to_what_matches() -> None:
    matching = _make_many(9, meta={"k": 1})
    _make_many(9, meta={"k": 2})
    ranked = sorted(matching, key=lambda trace_id: _md5(f"7:{trace_id}"))
    dataset = make_dataset(selection_strategy="random", seed=7, limit=4, filters={"k": 1})
    assert _members(dataset) == ranked[:4]


def test_trace_ids_are_taken_in_the_order_given() -> None:
    ids = _make_many(12)
    random.Random(1).shuffle(ids)
    assert _members(make_dataset(trace_ids=[*map(str, ids)])) == ids


def test_trace_ids_may_be_10_000() -> None:
    ids = _make_many(10_000)
    dataset = make_dataset(trace_ids=[*map(str, ids)])
    assert (dataset.trace_count, _members(dataset)) == (10_000, ids)


def test_no_limit_takes_more_than_10_000_and_the_manifest_then_lists_none(api: Client) -> None:
    ids = _make_many(10_001)
    dataset = make_dataset(limit=None)
    assert _members(dataset) == ids[::-1]
    assert api.get(f"/api/datasets/{dataset.key}").json()["trace_ids"] is None
    last = api.get(f"/api/datasets/{dataset.key}/entries?offset=10000").json()
    assert (last["data"], last["pagination"]["next_cursor"]) == ([str(ids[0])], None)


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"k": 1}, ["integer", "float"]),
        ({"k": 1.0}, ["integer", "float"]),
        ({"k": "1"}, ["text"]),
        ({"k": True}, ["true"]),
        ({"k": False}, ["false"]),
        ({"k": 0}, ["zero"]),
        ({"k": None}, ["null"]),
        ({"k": ""}, ["empty"]),
        ({"k": [1]}, ["list"]),
        ({"k": {"a": None, "b": 1.0}}, ["object"]),
        ({"k": 1, "n": 2}, ["float"]),
        ({"n": None}, []),
        ({}, "all"),
    ],
)
def test_filters_match_strictly(filters: dict[str, Any], found: list[str] | str) -> None:
    metas: dict[str, Any] = {
        "integer": {"k": 1},
        "float": {"k": 1.0, "n": 2},
        "text": {"k": "1"},
        "true": {"k": True},
        "false": {"k": False},
        "zero": {"k": 0},
        "null": {"k": None},
        "empty": {"k": ""},
        "list": {"k": [1.0]},
        "object": {"k": {"b": 1, "a": None}},
        "without the key": {"m": 1},
        "without meta": None,
    }
    for prompt, meta in metas.items():
        make_trace(prompt=prompt, meta=meta)
    if not found:
        with pytest.raises(ValidationError):
            make_dataset(filters=filters)
        return
    prompts = {trace.id: trace.prompt for trace in Trace.objects.all()}
    selected = [prompts[id] for id in reversed(_members(make_dataset(filters=filters)))]
    assert selected == ([*metas] if found == "all" else found)


@pytest.mark.parametrize("source", ["a", "A", "a ", "1", 1, 1.0, True, None, "", "x" * 256, "x" * 257, ["a"]])
@pytest.mark.parametrize("more", [{}, {"k": 1}])
def test_a_filter_by_source_matches_as_strictly(source: Any, more: dict[str, Any]) -> None:
    metas: list[Any] = [
        {"source": value} for value in ("a", "A", "1", 1, True, None, "", "x" * 256, "x" * 257)
    ]
    metas += [{**meta, "k": 1} for meta in metas]
    made = {make_trace(meta=meta).id: meta for meta in [*metas, {}, None]}
    filters = {"source": source, **more}
    wanted = [
        id
        for id, meta in made.items()
        if meta and all(key in meta and _are_same(meta[key], value) for key, value in filters.items())
    ]
    for where in ({}, {"source": "a"}):
        held = [id for id in wanted if not where or (made[id] or {})["source"] == "a"]
        if held:
            dataset = make_dataset(dataset_version=f"v{len(where)}", filters=filters, where=where)
            assert _members(dataset) == held[::-1]
        else:
            with pytest.raises(ValidationError):
                make_dataset(filters=filters, where=where)


def _are_same(a: Any, b: Any) -> bool:
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def test_filters_reach_every_trace_and_not_only_the_newest() -> None:
    [wanted] = _make_many(1, meta={"rare": True})
    _make_many(300)
    assert _members(make_dataset(filters={"rare": True}, limit=1)) == [wanted]


# --- What is kept of it ------------------------------------------------------------------------


def test_the_digest_is_over_the_digests_of_the_traces_in_order() -> None:
    traces = make_traces(3, meta={"b": 1, "a": "é"})
    wanted = [traces[1], traces[0], traces[2]]
    digest = hashlib.sha256()
    for trace in wanted:
        fields = {**make_payload(meta={"b": 1, "a": "é"}), "prompt": trace.prompt}
        canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        digest.update(hashlib.sha256(canonical.encode()).hexdigest().encode())
    assert make_dataset(trace_ids=[str(trace.id) for trace in wanted]).content_digest == digest.hexdigest()


@pytest.mark.parametrize("count", [2, 3, 4, 6, 7])
@pytest.mark.parametrize("overrides", [{}, {"selection_strategy": "random", "seed": 1}])
def test_what_is_said_of_the_members_is_the_same_in_pages_of_any_size(
    monkeypatch: pytest.MonkeyPatch, count: int, overrides: dict[str, Any]
) -> None:
    traces = {trace.id: trace for trace in make_traces(count, meta={"a": 1})}
    whole = make_dataset(dataset_version="v1", **overrides)
    monkeypatch.setattr(build, "_PAGE", 3)
    paged = make_dataset(dataset_version="v2", **overrides)
    digest = hashlib.sha256("".join(traces[id].content_digest for id in _members(paged)).encode())
    assert paged.content_digest == whole.content_digest == digest.hexdigest()
    assert (paged.stats, paged.histograms) == (whole.stats, whole.histograms)
    assert paged.trace_count == count


def test_the_digest_depends_on_the_content_and_order_only() -> None:
    first = [*map(str, (trace.id for trace in make_traces(2)))]
    copies = [*map(str, (trace.id for trace in make_traces(2)))]
    digests = [
        make_dataset(dataset_version=f"v{n}", trace_ids=ids).content_digest
        for n, ids in enumerate((first, copies, first[::-1], first[:1]))
    ]
    assert digests[0] == digests[1]
    assert len({*digests}) == 3


def test_stats_are_of_prompt_answer_and_steps() -> None:
    step = {"type": "t", "content": "cé"}
    make_trace(prompt="pp", final_answer="a", steps=[{"i": i, **step} for i in range(2)])
    make_trace(prompt="🂡", final_answer="a", steps=[{"i": i, **step} for i in range(7)])
    make_trace(prompt="p", final_answer="a", steps=[{"i": 0, **step}])
    assert make_dataset().stats == {
        "trace_count": 3,
        "avg_step_count": 3.33,
        "min_step_count": 1,
        "max_step_count": 7,
        "avg_total_chars": 9.0,
    }


def test_a_dataset_is_frozen(api: Client) -> None:
    make_traces(3)
    dataset = make_dataset(selection_strategy="random", seed=3)
    paths = [f"/api/datasets/{dataset.key}{rest}" for rest in ("", "/entries")]
    before = [api.get(path).json() for path in paths]
    exported = api.get(f"/api/datasets/{dataset.key}/export.jsonl").getvalue()
    make_traces(3)
    api.post(f"/api/traces/{_members(dataset)[0]}/score", {"criteria": "baseline"}, "application/json")
    assert [api.get(path).json() for path in paths] == before
    assert api.get(f"/api/datasets/{dataset.key}/export.jsonl").getvalue() == exported


def test_a_superseded_build_keeps_members_digest_and_export(api: Client) -> None:
    make_traces(2)
    first = make_dataset()
    path = f"/api/datasets/{first.key}/export.jsonl?build={first.build_id}"
    members, exported = _members(first), api.get(path).getvalue()
    make_trace()
    body = {"dataset_name": first.name, "dataset_version": first.version, "limit": None, "replace": True}
    assert api.post("/api/datasets/build", body, "application/json").status_code == 201
    kept = Dataset.objects.get(pk=first.pk)
    assert (_members(kept), kept.content_digest) == (members, first.content_digest)
    assert api.get(path).getvalue() == exported
    assert len(api.get(f"/api/datasets/{first.key}/export.jsonl").getvalue().splitlines()) == 3


def test_a_stored_dataset_cannot_be_saved() -> None:
    make_trace()
    dataset = make_dataset()
    dataset.name = "other"
    with pytest.raises(TypeError, match="frozen"):
        dataset.save()


@pytest.mark.parametrize("overrides", [{}, {"selection_strategy": "random", "seed": 1}])
def test_a_build_takes_as_many_queries_for_1_as_for_3(
    django_assert_num_queries: DjangoAssertNumQueries, overrides: dict[str, Any]
) -> None:
    settings = 1 if connection.vendor == "postgresql" else 0
    for version, count in (("v1", 1), ("v2", 2)):
        make_traces(count)
        # Savepoint and its release, the key, the dataset, its entries, their sums, the result.
        with django_assert_num_queries(8 + STATEMENTS_SEEN + settings):
            make_dataset(dataset_version=version, **overrides)
