"""`where` of a build over HTTP: the filters of the list of traces."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from apps.datasets.describe import where_params
from apps.datasets.models import Dataset
from apps.datasets.selection import Where
from apps.datasets.tests.factories import make_recipe
from apps.traces.models import Trace
from apps.traces.tests.factories import make_trace

JSON = "application/json"
FAR = 2**62


def _build(api: Client, **overrides: Any) -> tuple[int, dict[str, Any]]:
    response = api.post("/api/datasets/build", make_recipe(**overrides), JSON)
    return response.status_code, response.json()


def _steps(*contents: str) -> list[dict[str, Any]]:
    return [{"i": n, "type": "t", "content": content} for n, content in enumerate(contents)]


def _store() -> None:
    """a: 1 step, 6 characters, score 5.1; b: 2 steps, 8, 10.1; c: 3 steps, 312, 25.0."""
    make_trace(prompt="a Alpha", final_answer="x", steps=_steps("1"), meta={"source": "s", "level": 1})
    make_trace(prompt="b", final_answer="ALPHA", steps=_steps("1", "2"), meta={"source": "t", "level": "1"})
    make_trace(prompt="c", final_answer="z", steps=_steps(("alpha " * 20)[:100], "2", "3"), meta=None)


def _prompts(key: str = "letters-v1") -> str:
    """The first letters of the members, oldest first."""
    return "".join(trace.prompt[0] for trace in [*Dataset.objects.named(key).members(0, 100)][::-1])


WHERE = [
    ({}, "abc"),
    ({"q": "alpha"}, "abc"),
    ({"q": "a a"}, "a"),
    ({"q": "%"}, ""),
    ({"source": "t"}, "b"),
    ({"source": "T"}, ""),
    ({"meta": {"level": "1"}}, "ab"),
    ({"meta": {"level": "1", "source": "t"}}, "b"),
    ({"meta": {"level": "2"}}, ""),
    ({"steps": {"min": 2}}, "bc"),
    ({"steps": {"max": 2}}, "ab"),
    ({"steps": {"min": 2, "max": 2}}, "b"),
    ({"steps": {"min": 2, "max": None}}, "bc"),
    ({"steps": {"max": 0}}, ""),
    ({"steps": {"max": FAR}}, "abc"),
    ({"steps": {"min": FAR}}, ""),
    ({"chars": {"min": 9}}, "ac"),
    ({"chars": {"max": 9}}, "ab"),
    ({"chars": {"min": -FAR, "max": 8}}, "b"),
    ({"score": {"min": 5.1, "max": 5.1}}, "a"),
    ({"score": {"min": 6}}, "bc"),
    ({"q": "alpha", "steps": {"max": 2}, "chars": {"min": 9}, "source": "s"}, "a"),
    ({"q": "alpha", "steps": {"max": 2}, "source": "u"}, ""),
]


@pytest.mark.parametrize(("where", "found"), WHERE)
def test_all_that_is_given_must_hold(api: Client, where: dict[str, Any], found: str) -> None:
    _store()
    status, answer = _build(api, where=where)
    if not found:
        assert (status, [*answer], Dataset.objects.count()) == (400, ["detail"], 0)
        return
    assert (status, answer["trace_count"], _prompts()) == (201, len(found), found)


@pytest.mark.parametrize(("where", "found"), [case for case in WHERE if str(FAR) not in str(case)])
def test_the_list_of_traces_finds_as_many(api: Client, where: dict[str, Any], found: str) -> None:
    _store()
    page = api.get(f"/traces?{urlencode(where_params(Where.model_validate(where)))}")
    assert page.context["browsed"].count.number == len(found)


def test_filters_and_where_hold_both(api: Client) -> None:
    _store()
    assert _build(api, filters={"level": 1}, where={"q": "alpha"})[1]["trace_count"] == 1
    assert _build(api, dataset_version="v2", filters={"level": 1}, where={"source": "t"})[0] == 400


@pytest.mark.parametrize(
    ("where", "path"),
    [
        (None, "where"),
        ([], "where"),
        ({"p": 1}, "where.p"),
        ({"q": ""}, "where.q"),
        ({"q": "q" * 1_001}, "where.q"),
        ({"q": 1}, "where.q"),
        ({"source": ""}, "where.source"),
        ({"source": "s" * 257}, "where.source"),
        ({"meta": {"k": 1}}, "where.meta.k"),
        ({"meta": None}, "where.meta"),
        ({"steps": {"min": "2"}}, "where.steps.min"),
        ({"steps": {"min": 2.5}}, "where.steps.min"),
        ({"steps": {"min": True}}, "where.steps.min"),
        ({"steps": {"min": 3, "max": 2}}, "where.steps"),
        ({"steps": {"least": 2}}, "where.steps.least"),
        ({"steps": 2}, "where.steps"),
        ({"chars": {"max": "9"}}, "where.chars.max"),
        ({"score": {"max": "9"}}, "where.score.max"),
        ({"in_dataset": ""}, "where.in_dataset"),
        ({"in_dataset": "k" * 300}, "where.in_dataset"),
    ],
)
def test_a_refused_value_is_named(api: Client, where: Any, path: str) -> None:
    make_trace()
    status, answer = _build(api, where=where)
    assert (status, [*answer["errors"]]) == (400, [path])
    assert Dataset.objects.count() == 0


@pytest.mark.parametrize(
    ("in_dataset", "found"),
    [("any", "ab"), ("none", "c"), ("one-v1", "a"), ("-one-v1", "bc"), ("two-v1", "b"), ("-two-v1", "ac")],
)
def test_a_dataset_may_be_said_to_hold_them_or_not(api: Client, in_dataset: str, found: str) -> None:
    _store()
    ids = [str(trace.id) for trace in Trace.objects.order_by("pk")]
    for name, id in (("one", ids[0]), ("two", ids[1])):
        assert _build(api, dataset_name=name, trace_ids=[id])[0] == 201
    assert _build(api, where={"in_dataset": in_dataset})[0] == 201
    assert _prompts() == found


@pytest.mark.parametrize("in_dataset", ["none-v1", "-none-v1", "--", "-", "É"])
def test_an_unknown_dataset_is_404(api: Client, in_dataset: str) -> None:
    make_trace()
    status, answer = _build(api, where={"in_dataset": in_dataset})
    assert (status, answer) == (404, {"detail": f"Dataset not found: {in_dataset.removeprefix('-')}"})


def test_trace_ids_do_not_go_with_it(api: Client) -> None:
    ids = [str(make_trace().id)]
    assert _build(api, trace_ids=ids, where={"q": "27"}) == (
        400,
        {"detail": "Give either trace_ids or where, not both"},
    )
    assert _build(api, trace_ids=ids, where={})[0] == 201


def test_the_same_where_again_is_the_same_build(api: Client) -> None:
    _store()
    where = {"q": "alpha", "steps": {"min": 2}}
    status, first = _build(api, where=where)
    assert status == 201
    for same in (where, {"steps": {"max": None, "min": 2}, "q": "alpha", "source": None}):
        assert _build(api, where=same) == (200, first)
    for other in ({}, {"q": "alpha"}, {"q": "Alpha", "steps": {"min": 2}}):
        assert _build(api, where=other)[0] == 409
    assert _build(api, where={}, filters={"source": "s"})[0] == 409


def test_it_is_read_back_as_it_was_given(api: Client) -> None:
    _store()
    where = {"q": "alpha", "meta": {"level": "1"}, "steps": {"min": 1}, "score": {"max": 99.5}}
    _build(api, where=where)
    found = api.get("/api/datasets/letters-v1").json()
    assert (found["where"], api.get("/api/datasets").json()["data"][0]["where"]) == (where, where)


def test_random_takes_from_what_it_means(api: Client) -> None:
    _store()
    _build(api, where={"steps": {"min": 2}}, selection_strategy="random", seed=1, limit=2)
    assert sorted(_prompts()) == ["b", "c"]


@pytest.mark.django_db
@pytest.mark.parametrize("in_dataset", ["letters-v1", "-letters-v1"])
def test_what_is_replaced_does_not_choose_its_successor(api: Client, in_dataset: str) -> None:
    """By then the key would mean the successor, which is empty."""
    _store()
    assert _build(api, where={"q": "alpha"}, limit=2)[0] == 201
    status, answer = _build(api, where={"in_dataset": in_dataset}, replace=True)
    assert (status, [*answer["errors"]]) == (400, ["where.in_dataset"])
    assert _prompts() == "bc"


@pytest.mark.django_db
def test_what_came_in_last_is_curated_too(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.traces.models.MAX_UNINDEXED", 1)
    _store()
    answer = api.post("/api/curation", {"where": {"q": "alpha"}, "add_tags": ["a"]}, JSON).json()
    assert answer["traces"] == 3
