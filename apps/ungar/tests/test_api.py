"""Generating and exporting High Card Duel episodes over HTTP."""

import json
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from apps.traces.models import Trace
from apps.traces.tests.factories import make_trace
from apps.ungar.tests.test_high_card_duel import SEED_42

JSON = "application/json"
EXPORT = "/api/ungar/high-card-duel/export.jsonl"
NOBODY = "550e8400-e29b-41d4-a716-446655440000"


def _generate(api: Client, **body: Any) -> tuple[int, dict[str, Any]]:
    response = api.post("/api/ungar/high-card-duel/generate", body, JSON)
    return response.status_code, response.json()


def _read_meta(trace: Trace) -> dict[str, Any]:
    meta: dict[str, Any] = json.loads(trace.meta)
    return meta


def _exported_ids(response: Any) -> list[str]:
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/x-ndjson")
    return [json.loads(line)["id"] for line in response.getvalue().splitlines()]


def test_status_says_whether_the_package_is_there(api: Client) -> None:
    response = api.get("/api/ungar/status")
    assert (response.status_code, response.json()) == (200, {"available": False, "version": None})


# --- Generation --------------------------------------------------------------------------------


def test_seed_42_deals_the_cards_of_the_contract(api: Client) -> None:
    status, answer = _generate(api, count=5, seed=42)
    ids = answer["trace_ids"]
    metas = [_read_meta(Trace.objects.get(pk=id)) for id in ids]
    assert status == 201
    assert [(meta["my_card"], meta["opponent_card"], meta["result"]) for meta in metas] == SEED_42
    assert [(meta["seed"], meta["episode_index"]) for meta in metas] == [(42, index) for index in range(5)]
    assert answer["preview"] == [
        {"trace_id": id, "game": "high_card_duel", "result": result, "my_card": mine}
        for id, (mine, _, result) in zip(ids, SEED_42[:3], strict=False)
    ]


def test_an_episode_is_stored_as_a_trace(api: Client) -> None:
    _, answer = _generate(api, count=1, seed=42)
    trace = Trace.objects.get()
    assert (str(trace.id), trace.source, trace.step_count) == (answer["trace_ids"][0], "ungar", 4)
    payload = api.get(f"/api/traces/{trace.id}").json()["payload"]
    assert payload["prompt"] == "High Card Duel: You have 1 hidden card. Action: reveal."
    assert payload["final_answer"] == "reveal"
    assert [(step["i"], step["type"], step["content"]) for step in payload["steps"]] == [
        (0, "legal_moves", "Legal moves: [reveal]"),
        (1, "observation", "My hand: TS"),
        (2, "unseen", "Unseen cards: 51"),
        (3, "decision", "Action chosen: reveal"),
    ]


@pytest.mark.parametrize(("count", "previewed"), [(1, 1), (2, 2), (3, 3), (100, 3)])
def test_up_to_three_are_previewed(api: Client, count: int, previewed: int) -> None:
    status, answer = _generate(api, count=count, seed=1)
    assert (status, len(answer["trace_ids"]), len(answer["preview"])) == (201, count, previewed)
    assert Trace.objects.count() == count


def test_without_persist_nothing_is_stored(api: Client) -> None:
    status, answer = _generate(api, count=5, seed=42, persist=False)
    assert (status, answer["trace_ids"], Trace.objects.count()) == (201, [], 0)
    assert [(item["trace_id"], item["my_card"], item["result"]) for item in answer["preview"]] == [
        (None, mine, result) for mine, _, result in SEED_42[:3]
    ]


@pytest.mark.parametrize("body", [{}, {"seed": None}])
def test_a_drawn_seed_is_recorded_and_deals_the_same_again(api: Client, body: dict[str, Any]) -> None:
    _, answer = _generate(api, count=4, **body)
    metas = [_read_meta(Trace.objects.get(pk=id)) for id in answer["trace_ids"]]
    [seed] = {meta["seed"] for meta in metas}
    _, again = _generate(api, count=4, seed=seed)
    assert [_read_meta(Trace.objects.get(pk=id)) for id in again["trace_ids"]] == metas


def test_seeds_are_drawn_anew(api: Client) -> None:
    for _ in range(4):
        _generate(api, count=1)
    assert len({_read_meta(trace)["seed"] for trace in Trace.objects.all()}) == 4


@pytest.mark.parametrize("seed", [0, -1, 2**63 - 1, -(2**63)])
def test_every_int64_is_a_seed(api: Client, seed: int) -> None:
    status, answer = _generate(api, count=2, seed=seed)
    assert status == 201
    assert {_read_meta(Trace.objects.get(pk=id))["seed"] for id in answer["trace_ids"]} == {seed}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "count"),
        ({"count": 0}, "count"),
        ({"count": 101}, "count"),
        ({"count": 3.0}, "count"),
        ({"count": True}, "count"),
        ({"count": None}, "count"),
        ({"count": 1, "seed": 1.0}, "seed"),
        ({"count": 1, "seed": "42"}, "seed"),
        ({"count": 1, "seed": 2**63}, "seed"),
        ({"count": 1, "persist": None}, "persist"),
        ({"count": 1, "persist": 0}, "persist"),
        ({"count": 1, "game": "x"}, "game"),
    ],
)
def test_a_refused_value_is_named(api: Client, body: dict[str, Any], path: str) -> None:
    status, answer = _generate(api, **body)
    assert (status, [*answer["errors"]]) == (400, [path])
    assert Trace.objects.count() == 0


def test_only_json_is_parsed_and_only_by_post(api: Client) -> None:
    path = "/api/ungar/high-card-duel/generate"
    assert api.post(path, "count=1", "text/plain").status_code == 415
    assert api.get(path).status_code == 405


# --- Export ------------------------------------------------------------------------------------


def test_the_newest_episodes_are_exported_newest_first(api: Client) -> None:
    _, answer = _generate(api, count=5, seed=42)
    make_trace()
    ids = answer["trace_ids"][::-1]
    assert _exported_ids(api.get(EXPORT)) == ids
    assert _exported_ids(api.get(f"{EXPORT}?limit=2")) == ids[:2]


def test_the_export_is_in_format_trace(api: Client) -> None:
    _generate(api, count=1, seed=42)
    [line] = api.get(EXPORT).getvalue().splitlines()
    record = json.loads(line)
    assert [*record] == ["id", "prompts", "trace_steps", "final_answer", "metadata"]
    assert record["trace_steps"][1] == "My hand: TS"
    assert [*record["metadata"]][:3] == ["created_at", "trace_version", "source"]


def test_the_limit_is_100(api: Client) -> None:
    for seed in (0, 100):
        _generate(api, count=60, seed=seed)
    assert len(_exported_ids(api.get(EXPORT))) == 100
    assert len(_exported_ids(api.get(f"{EXPORT}?limit=10000"))) == 120


def test_ids_are_exported_in_the_order_given(api: Client) -> None:
    ids = _generate(api, count=4, seed=42)[1]["trace_ids"]
    wanted = [ids[2], ids[0], ids[3]]
    assert _exported_ids(api.get(EXPORT, {"trace_ids": ",".join(wanted)})) == wanted
    response = api.get(EXPORT, {"trace_ids": ",".join(wanted), "limit": "2"})
    assert _exported_ids(response) == wanted[:2]
    assert response.headers["X-Tunix-Truncated"] == "true"


def test_the_headers_say_how_many_there_are(api: Client) -> None:
    _generate(api, count=5, seed=42)
    for limit, counts in ((5, ("5", "5", "false")), (2, ("2", "5", "true"))):
        response = api.get(f"{EXPORT}?limit={limit}")
        names = ("X-Tunix-Record-Count", "X-Tunix-Total-Count", "X-Tunix-Truncated")
        assert len(_exported_ids(response)) == limit
        assert tuple(response.headers[name] for name in names) == counts


def test_without_episodes_the_export_is_empty(api: Client) -> None:
    make_trace()
    response = api.get(EXPORT)
    assert (_exported_ids(response), response.headers["Content-Length"]) == ([], "0")
    assert response.headers["Content-Disposition"] == 'attachment; filename="traces.jsonl"'


def test_unknown_ids_are_all_listed(api: Client) -> None:
    missing = [str(UUID(int=n)) for n in range(3)]
    response = api.get(EXPORT, {"trace_ids": ",".join([str(make_trace().id), *missing])})
    assert (response.status_code, response.json()) == (
        404,
        {"detail": f"Trace not found: {', '.join(missing)}"},
    )


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("limit=0", "limit"),
        ("limit=10001", "limit"),
        ("limit=x", "limit"),
        ("trace_ids=", "trace_ids"),
        ("trace_ids=x", "trace_ids"),
        (f"trace_ids={NOBODY},", "trace_ids"),
        ("format=trace", "format"),
    ],
)
def test_a_refused_parameter_is_named(api: Client, query: str, path: str) -> None:
    response = api.get(f"{EXPORT}?{query}")
    assert (response.status_code, [*response.json()["errors"]]) == (400, [path])


def test_a_limit_is_an_integer(api: Client) -> None:
    response = api.get(f"{EXPORT}?limit=3.0")
    body = response.getvalue()
    assert (response.status_code, body[:1]) == (400, b"{")
