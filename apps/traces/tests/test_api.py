"""Listing, reading, deleting, scoring and comparing traces."""

from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from apps.traces.models import Score, Trace
from apps.traces.tests.factories import make_payload, make_trace, make_traces

JSON = "application/json"
NOBODY = UUID("550e8400-e29b-41d4-a716-446655440000")


def _list(api: Client, **query: Any) -> dict[str, Any]:
    response = api.get("/api/traces", query)
    assert response.status_code == 200, response.json()
    answer: dict[str, Any] = response.json()
    return answer


def _ids(page: dict[str, Any]) -> list[str]:
    return [item["id"] for item in page["data"]]


def _newest_first(traces: list[Trace]) -> list[str]:
    return [str(trace.id) for trace in reversed(traces)]


# --- The list ----------------------------------------------------------------------------------


def test_an_empty_list_has_one_page(api: Client) -> None:
    pagination = {"limit": 20, "offset": 0, "next_offset": None, "next_cursor": None}
    assert _list(api) == {"data": [], "pagination": pagination}


def test_the_list_shows_what_a_reader_chooses_by(api: Client) -> None:
    trace = make_trace()
    [item] = _list(api)["data"]
    assert item == {
        "id": str(trace.id),
        "created_at": trace.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "trace_version": "1.0",
        "source": "test",
        "score": trace.score,
        "step_count": 2,
        "char_count": len("What is 27 × 19?" + "513" + "27 × 19 = 27 × (20 - 1)" + "540 - 27 = 513"),
    }


def test_the_list_is_newest_first_in_pages_of_20(api: Client) -> None:
    traces = make_traces(21)
    page = _list(api)
    assert _ids(page) == _newest_first(traces)[:20]
    cursor = page["data"][-1]["id"]
    assert page["pagination"] == {"limit": 20, "offset": 0, "next_offset": 20, "next_cursor": cursor}


def test_offsets_lead_through_the_whole_list(api: Client) -> None:
    traces = make_traces(5)
    found, offset = [], 0
    while offset is not None:
        page = _list(api, limit=2, offset=offset)
        found += _ids(page)
        offset = page["pagination"]["next_offset"]
    assert found == _newest_first(traces)


def test_cursors_lead_through_the_whole_list_while_it_grows(api: Client) -> None:
    traces = make_traces(5)
    page = _list(api, limit=2)
    found = _ids(page)
    while page["pagination"]["next_cursor"]:
        make_trace()
        page = _list(api, limit=2, cursor=page["pagination"]["next_cursor"])
        found += _ids(page)
    assert found == _newest_first(traces)


def test_a_page_that_ends_with_the_list_has_no_next(api: Client) -> None:
    make_traces(2)
    pagination = {"limit": 2, "offset": 0, "next_offset": None, "next_cursor": None}
    assert _list(api, limit=2)["pagination"] == pagination


@pytest.mark.parametrize("offset", [1, 100, 2**63 - 1])
def test_an_offset_behind_the_end_is_an_empty_page(api: Client, offset: int) -> None:
    make_trace()
    assert _list(api, offset=offset)["data"] == []


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("limit=", "limit"),
        ("limit=3.0", "limit"),
        ("limit=true", "limit"),
        ("offset=-1", "offset"),
        ("offset=9223372036854775808", "offset"),
        ("offset=1e1", "offset"),
        ("cursor=x", "cursor"),
        ("cursor=%00", "cursor"),
        ("offset=1&cursor=550e8400-e29b-41d4-a716-446655440000", "cursor"),
        ("sort=score", "sort"),
        ("Limit=1", "Limit"),
        ("source=%00", "source"),
        ("meta.k=%00", "meta.k"),
    ],
)
def test_a_refused_parameter_is_named(api: Client, query: str, path: str) -> None:
    response = api.get(f"/api/traces?{query}")
    assert response.status_code == 400
    assert [*response.json()["errors"]] == [path]


def test_all_refused_parameters_are_named(api: Client) -> None:
    response = api.get("/api/traces?limit=0&offset=-1&sort=x")
    assert sorted(response.json()["errors"]) == ["limit", "offset", "sort"]


def test_meta_alone_is_no_filter(api: Client) -> None:
    assert api.get("/api/traces?meta=x").status_code == 400


@pytest.mark.parametrize("path", ["/api/traces?meta.difficulty=easy&source=test&q=27", "/api/traces"])
def test_the_list_takes_as_many_queries_for_1_as_for_3(
    api: Client, django_assert_num_queries: DjangoAssertNumQueries, path: str
) -> None:
    # Words: what is not indexed yet, its texts, how many the index has and which. PostgreSQL is asked whether
    # a value of meta is rare, and for its traces then.
    queries = 1 + 4 * ("q=" in path) + 2 * ("meta." in path and connection.vendor == "postgresql")
    for count in (1, 2):
        for _ in range(count):
            make_trace(meta={"source": "test", "difficulty": "easy"})
        with django_assert_num_queries(queries):
            api.get(path)


# --- Filters -----------------------------------------------------------------------------------


def _matched(api: Client, query: str) -> list[str]:
    """The prompts that a query finds, oldest first."""
    found = api.get(f"/api/traces?{query}").json()["data"]
    return [Trace.objects.get(pk=item["id"]).prompt for item in reversed(found)]


def test_source_is_that_of_meta(api: Client) -> None:
    make_trace(prompt="a", meta={"source": "gsm8k"})
    make_trace(prompt="b", meta={"source": "gsm8k-socratic"})
    make_trace(prompt="c", meta=None)
    assert _matched(api, "source=gsm8k") == ["a"]
    assert _matched(api, "source=") == ["c"]
    assert _matched(api, "source=other") == []


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("apple", ["An Apple?"]),
        ("answered", ["b"]),
        ("THIRD STEP", ["c"]),
        ("50%25", ["50% of _x_"]),
        ("_x_", ["50% of _x_"]),
        ("%25", []),
        ("a\\b", ["c"]),
        ("appl", []),
        ("appl*", ["An Apple?"]),
        ("%22step third%22", []),
        ("content", []),
        ("", ["An Apple?", "b", "c", "50% of _x_"]),
    ],
)
def test_q_looks_into_prompt_answer_and_steps(api: Client, words: str, found: list[str]) -> None:
    make_trace(prompt="An Apple?")
    make_trace(prompt="b", final_answer="answered")
    step = {"i": 0, "type": "content", "content": 'the "third step" a\\b'}
    make_trace(prompt="c", steps=[step, {**step, "i": 1, "content": "third step"}])
    make_trace(prompt="50% of _x_")
    assert _matched(api, f"q={words}") == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("meta.k=1", ["integer", "float", "text 1"]),
        ("meta.k=1.0", ["integer", "float"]),
        ("meta.k=true", ["true", "text true"]),
        ("meta.k=null", ["null"]),
        ("meta.k=easy", ["easy"]),
        ("meta.k=eas", []),
        ("meta.k=%22easy%22", ["easy"]),
        ("meta.k=", ["empty"]),
        ("meta.a.b=x", ["dotted key"]),
        ("meta.k=easy&meta.n=2", ["easy"]),
        ("meta.k=easy&meta.n=3", []),
        ("meta.%C3%A9=%F0%9F%82%A1", ["unicode"]),
        ("meta.meta.k=1", ["prefixed key"]),
    ],
)
def test_meta_matches_the_text_and_the_scalar(api: Client, query: str, found: list[str]) -> None:
    metas: dict[str, Any] = {
        "integer": {"k": 1},
        "float": {"k": 1.0},
        "text 1": {"k": "1"},
        "true": {"k": True},
        "text true": {"k": "true"},
        "null": {"k": None},
        "easy": {"k": "easy", "n": 2},
        "empty": {"k": ""},
        "dotted key": {"a.b": "x", "a": {"b": "y"}},
        "nested": {"a": {"b": "x"}},
        "unicode": {"é": "🂡"},
        "prefixed key": {"meta.k": 1},
        "none": None,
    }
    for prompt, meta in metas.items():
        make_trace(prompt=prompt, meta=meta)
    assert _matched(api, query) == found


def test_filters_and_pages_go_together(api: Client) -> None:
    traces = [make_trace(meta={"n": n % 2, "source": "s"}) for n in range(6)]
    page = _list(api, **{"meta.n": 1, "source": "s", "limit": 2})
    assert _ids(page) == [str(traces[5].id), str(traces[3].id)]
    page = _list(api, **{"meta.n": 1, "limit": 2, "cursor": page["pagination"]["next_cursor"]})
    assert _ids(page) == [str(traces[1].id)]


# --- One trace ---------------------------------------------------------------------------------


def test_a_trace_is_read_with_its_five_fields(api: Client) -> None:
    sent = make_payload(meta={"z": 1, "a": [1.0, None]})
    created = api.post("/api/traces", sent, JSON).json()
    answer = api.get(f"/api/traces/{created['id']}").json()
    assert answer == {**created, "payload": sent}
    assert [*answer["payload"]] == ["trace_version", "prompt", "final_answer", "steps", "meta"]


@pytest.mark.parametrize("method", ["get", "delete"])
@pytest.mark.parametrize("id", [str(NOBODY), "x", "1", "550e8400"])
def test_a_missing_trace_is_404(api: Client, method: str, id: str) -> None:
    response = getattr(api, method)(f"/api/traces/{id}")
    assert (response.status_code, response.json()) == (404, {"detail": f"Trace not found: {id}"})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("put", "/api/traces"),
        ("delete", "/api/traces"),
        ("post", f"/api/traces/{NOBODY}"),
        ("get", f"/api/traces/{NOBODY}/score"),
    ],
)
def test_a_wrong_method_is_405(api: Client, method: str, path: str) -> None:
    response = getattr(api, method)(path)
    assert (response.status_code, [*response.json()]) == (405, ["detail"])


@pytest.mark.parametrize("path", ["/api/traces/", f"/api/traces/{NOBODY}/", "/api/nothing", "/api"])
def test_any_other_path_is_404_as_json(api: Client, path: str) -> None:
    response = api.get(path)
    assert (response.status_code, [*response.json()]) == (404, ["detail"])


# --- Score and comparison ----------------------------------------------------------------------


def _score(api: Client, id: object, body: Any) -> tuple[int, dict[str, Any]]:
    response = api.post(f"/api/traces/{id}/score", body, JSON)
    return response.status_code, response.json()


def test_a_score_says_what_it_is_made_of(api: Client) -> None:
    trace = make_trace(steps=[{"i": i, "type": "t", "content": "c" * 60} for i in range(3)])
    status, answer = _score(api, trace.id, {"criteria": "baseline"})
    scored_at = answer["details"].pop("scored_at")
    assert (status, scored_at[-1]) == (201, "Z")
    assert answer == {
        "trace_id": str(trace.id),
        "score": 21.0,
        "details": {
            "step_count": 3,
            "avg_step_length": 60.0,
            "total_chars": 180,
            "step_score": 15.0,
            "length_score": 6.0,
            "criteria": "baseline",
        },
    }


def test_a_score_is_appended_and_becomes_that_of_the_trace(api: Client) -> None:
    trace = make_trace()
    Trace.objects.filter(pk=trace.pk).update(score=0)
    for _ in range(2):
        _score(api, trace.id, {"criteria": "baseline"})
    assert [score.value for score in Score.objects.filter(trace=trace)] == [trace.score] * 2
    assert Trace.objects.get(pk=trace.pk).score == trace.score


@pytest.mark.parametrize("body", [{}, {"criteria": "judge"}, {"criteria": None}, {"criteria": 1}])
def test_an_unknown_criterion_is_refused(api: Client, body: dict[str, Any]) -> None:
    status, answer = _score(api, make_trace().id, body)
    assert (status, [*answer["errors"]]) == (400, ["criteria"])
    assert Score.objects.count() == 0


def test_a_missing_trace_has_no_score(api: Client) -> None:
    found = _score(api, NOBODY, {"criteria": "baseline"})
    assert found == (404, {"detail": f"Trace not found: {NOBODY}"})


def test_two_traces_are_compared(api: Client) -> None:
    base, other = make_trace(), make_trace(meta=None)
    answer = api.get("/api/traces/compare", {"base": str(base.id), "other": str(other.id)}).json()
    assert [*answer] == ["base", "other"]
    for side, trace in (("base", base), ("other", other)):
        read = api.get(f"/api/traces/{trace.id}").json()
        assert answer[side] == {**read, "score": trace.score}


def test_a_trace_is_compared_with_itself(api: Client) -> None:
    id = str(make_trace().id)
    answer = api.get("/api/traces/compare", {"base": id, "other": id}).json()
    assert answer["base"] == answer["other"]


@pytest.mark.parametrize("side", ["base", "other"])
def test_a_missing_side_is_named(api: Client, side: str) -> None:
    query = {"base": str(make_trace().id), "other": str(make_trace().id), side: str(NOBODY)}
    response = api.get("/api/traces/compare", query)
    assert response.status_code == 404
    assert response.json() == {"detail": f"{side.capitalize()} trace {NOBODY} not found"}


def test_a_comparison_needs_two_ids(api: Client) -> None:
    response = api.get("/api/traces/compare", {"base": "x"})
    assert response.status_code == 400
    assert [*response.json()["errors"]] == ["base", "other"]
