"""Building datasets over HTTP: what a build takes, and what becomes of a key that exists."""

from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.datasets.models import Dataset
from apps.datasets.tests.factories import make_dataset, make_recipe
from apps.traces.tests.factories import make_trace, make_traces

JSON = "application/json"
NOBODY = "550e8400-e29b-41d4-a716-446655440000"


def _build(api: Client, **overrides: Any) -> tuple[int, dict[str, Any]]:
    response = api.post("/api/datasets/build", make_recipe(**overrides), JSON)
    return response.status_code, response.json()


# --- Build -------------------------------------------------------------------------------------


def test_a_build_answers_what_it_made(api: Client) -> None:
    make_traces(3)
    status, answer = _build(api)
    assert status == 201
    assert answer == {
        "dataset_key": "letters-v1",
        "build_id": str(Dataset.objects.get().build_id),
        "trace_count": 3,
        "manifest_path": "/api/datasets/letters-v1",
    }
    assert api.get(answer["manifest_path"]).json()["build_id"] == answer["build_id"]


def test_the_default_is_the_latest_100(api: Client) -> None:
    traces = make_traces(2)
    body = {"dataset_name": "n", "dataset_version": "v1"}
    assert api.post("/api/datasets/build", body, JSON).status_code == 201
    found = api.get("/api/datasets/n-v1").json()
    assert (found["limit"], found["selection_strategy"], found["filters"]) == (100, "latest", {})
    assert found["trace_ids"] == [str(trace.id) for trace in reversed(traces)]


@pytest.mark.parametrize(
    ("name", "version", "key"),
    [
        ("my data/set", "v 1", "my_data_set-v_1"),
        ("a" * 128, "b" * 64, "a" * 128 + "-" + "b" * 64),
        ("0", "0", "0-0"),
        ("A.b_c-D", "1.0-rc.1", "A.b_c-D-1.0-rc.1"),
        ("a..", "b", "a..-b"),
        ("a", "_1", "a-_1"),
        ("a", "-1", "a--1"),
        ("a", "/", "a-_"),
    ],
)
def test_the_key_is_made_of_name_and_version(api: Client, name: str, version: str, key: str) -> None:
    make_trace()
    status, answer = _build(api, dataset_name=name, dataset_version=version)
    assert (status, answer.get("dataset_key")) == (201, key)
    found = api.get(f"/api/datasets/{key}").json()
    assert (found["dataset_name"], found["dataset_version"]) == (name, version)


@pytest.mark.parametrize(
    ("overrides", "path"),
    [
        ({"dataset_name": ""}, "dataset_name"),
        ({"dataset_name": "a" * 129}, "dataset_name"),
        ({"dataset_name": None}, "dataset_name"),
        ({"dataset_name": "/etc"}, "dataset_name"),
        ({"dataset_name": ".."}, "dataset_name"),
        ({"dataset_name": "-a"}, "dataset_name"),
        ({"dataset_name": "é"}, "dataset_name"),
        ({"dataset_name": "a\n"}, "dataset_name"),
        ({"dataset_name": "a?b"}, "dataset_name"),
        ({"dataset_version": ""}, "dataset_version"),
        ({"dataset_version": "v" * 65}, "dataset_version"),
        ({"dataset_version": "v\\"}, "dataset_version"),
        ({"dataset_version": 1}, "dataset_version"),
        ({"filters": None}, "filters"),
        ({"filters": []}, "filters"),
        ({"trace_ids": []}, "trace_ids"),
        ({"trace_ids": ["x"]}, "trace_ids.0"),
        ({"trace_ids": [NOBODY] * 10_001}, "trace_ids"),
        ({"limit": 0}, "limit"),
        ({"limit": 10_001}, "limit"),
        ({"limit": 3.0}, "limit"),
        ({"limit": True}, "limit"),
        ({"limit": "3"}, "limit"),
        ({"selection_strategy": "oldest"}, "selection_strategy"),
        ({"selection_strategy": None}, "selection_strategy"),
        ({"seed": 1.0}, "seed"),
        ({"seed": 2**63}, "seed"),
        ({"session_id": "s" * 129}, "session_id"),
        ({"parent_dataset_id": "p" * 257}, "parent_dataset_id"),
        ({"training_run_id": "r" * 129}, "training_run_id"),
        ({"replace": None}, "replace"),
        ({"replace": 1}, "replace"),
        ({"name": "x"}, "name"),
    ],
)
def test_a_refused_value_is_named(api: Client, overrides: dict[str, Any], path: str) -> None:
    make_trace()
    status, answer = _build(api, **overrides)
    assert (status, [*answer["errors"]]) == (400, [path])
    assert Dataset.objects.count() == 0


def test_all_errors_are_listed(api: Client) -> None:
    status, answer = _build(api, dataset_name="", limit=0, x=1)
    assert (status, sorted(answer["errors"])) == (400, ["dataset_name", "limit", "x"])


def test_random_needs_a_seed(api: Client) -> None:
    make_trace()
    message = "Random selection strategy requires a seed for reproducibility"
    status, answer = _build(api, selection_strategy="random")
    assert (status, answer["detail"].removeprefix("seed: ")) == (400, message)
    assert _build(api, selection_strategy="random", seed=None)[0] == 400


@pytest.mark.parametrize("overrides", [{"filters": {"k": 1}}, {"selection_strategy": "random", "seed": 1}])
def test_trace_ids_do_not_go_with_a_selection(api: Client, overrides: dict[str, Any]) -> None:
    status, _ = _build(api, trace_ids=[str(make_trace().id)], **overrides)
    assert status == 400


def test_a_trace_is_taken_once(api: Client) -> None:
    id = str(make_trace().id)
    assert _build(api, trace_ids=[id, id])[0] == 400


def test_unknown_trace_ids_are_all_listed(api: Client) -> None:
    missing = [str(UUID(int=n)) for n in range(12)]
    status, answer = _build(api, trace_ids=[missing[0], str(make_trace().id), *missing[1:]])
    assert (status, [id for id in missing if id not in answer["detail"]]) == (404, [])
    assert Dataset.objects.count() == 0


@pytest.mark.parametrize("overrides", [{}, {"filters": {"k": 1}}])
def test_nothing_is_built_of_nothing(api: Client, overrides: dict[str, Any]) -> None:
    status, answer = _build(api, **overrides)
    assert (status, [*answer]) == (400, ["detail"])
    assert Dataset.objects.count() == 0


def test_only_json_is_parsed(api: Client) -> None:
    assert api.post("/api/datasets/build", "dataset_name=x", "text/plain").status_code == 415


# --- The same key again ------------------------------------------------------------------------


def test_the_same_recipe_and_members_are_the_same_build(api: Client) -> None:
    make_traces(3, meta={"k": 1})
    status, first = _build(api, filters={"k": 1})
    assert (status, _build(api, filters={"k": 1.0})) == (201, (200, first))
    make_trace(meta={"k": 2})
    assert _build(api, filters={"k": 1}) == (200, first)
    assert _build(api, filters={"k": 1}, replace=True) == (200, first)
    assert Dataset.objects.count() == 1


def test_where_it_belongs_is_no_part_of_the_recipe(api: Client) -> None:
    make_trace()
    _, first = _build(api, session_id="a")
    assert _build(api, session_id="b", training_run_id="c", parent_dataset_id="d") == (200, first)


@pytest.mark.parametrize(
    "overrides",
    [
        {"limit": 2},
        {"limit": 100},
        {"seed": 1},
        {"selection_strategy": "random", "seed": 1},
        {"filters": {"k": 1}},
    ],
)
def test_another_recipe_is_a_conflict(api: Client, overrides: dict[str, Any]) -> None:
    make_traces(2, meta={"k": 1})
    _build(api)
    status, answer = _build(api, **overrides)
    assert status == 409
    assert answer == {
        "detail": "The dataset letters-v1 exists with other content. Choose another version, or replace it."
    }


def test_another_name_of_the_same_key_is_a_conflict(api: Client) -> None:
    make_trace()
    assert _build(api, dataset_name="a b")[0] == 201
    assert _build(api, dataset_name="a/b")[0] == 409


def test_other_members_are_a_conflict(api: Client) -> None:
    make_trace()
    _, first = _build(api)
    make_trace()
    assert _build(api)[0] == 409
    assert api.get("/api/datasets/letters-v1").json()["build_id"] == first["build_id"]


def test_other_trace_ids_or_another_order_are_a_conflict(api: Client) -> None:
    ids = [str(trace.id) for trace in make_traces(3)]
    _, first = _build(api, trace_ids=ids[:2])
    assert _build(api, trace_ids=ids[:2]) == (200, first)
    for other in (ids[1::-1], ids[:1], ids, [ids[0], ids[2]]):
        assert _build(api, trace_ids=other)[0] == 409
    assert _build(api)[0] == 409


def test_the_same_members_by_selection_are_another_recipe(api: Client) -> None:
    ids = [str(trace.id) for trace in reversed(make_traces(2))]
    _build(api)
    assert _build(api, trace_ids=ids)[0] == 409


def test_replacing_supersedes_the_build_before(api: Client) -> None:
    make_trace()
    _, first = _build(api)
    before = api.get("/api/datasets/letters-v1").json()
    make_trace()
    status, second = _build(api, replace=True)
    assert (status, second["trace_count"]) == (201, 2)
    assert api.get("/api/datasets/letters-v1").json()["build_id"] == second["build_id"]
    assert api.get(f"/api/datasets/letters-v1?build={first['build_id']}").json() == before
    assert [item["build_id"] for item in api.get("/api/datasets").json()["data"]] == [second["build_id"]]


def test_replacing_what_is_not_there_builds_it(api: Client) -> None:
    make_trace()
    assert _build(api, replace=True)[0] == 201


def test_a_replacement_of_nothing_leaves_the_build(api: Client) -> None:
    make_trace()
    _, first = _build(api)
    assert _build(api, filters={"k": 1}, replace=True)[0] == 400
    assert api.get("/api/datasets/letters-v1").json()["build_id"] == first["build_id"]


def test_only_staff_replaces(client: Client, user: User, staff: User) -> None:
    make_trace()
    make_dataset()
    body = make_recipe(limit=1, replace=True)
    for account, status in ((user, 403), (staff, 201)):
        client.force_login(account)
        response = client.post("/api/datasets/build", body, JSON, headers={"host": "localhost"})
        assert response.status_code == status
