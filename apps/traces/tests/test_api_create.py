"""Creating traces: what is accepted comes back equal, what is refused is named."""

import json
import re
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from apps.traces.models import Trace
from apps.traces.tests.factories import make_payload

JSON = "application/json"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def _payload_of(api: Client, id: str) -> dict[str, Any]:
    payload: dict[str, Any] = api.get(f"/api/traces/{id}").json()["payload"]
    return payload


def _make_steps(count: int) -> list[dict[str, Any]]:
    return [{"i": i, "type": "s", "content": "c"} for i in range(count)]


def _nest(depth: int) -> dict[str, Any]:
    """A meta of this many objects within each other."""
    return {"a": _nest(depth - 1)} if depth > 1 else {}


def _compact(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _with_raw_meta(text: str) -> str:
    """The JSON of a trace whose meta is this very text."""
    return json.dumps(make_payload(meta="@")).replace('"@"', text)


def test_answers_id_time_and_version(api: Client) -> None:
    response = api.post("/api/traces", make_payload(), JSON)
    answer = response.json()
    assert response.status_code == 201
    assert [*answer] == ["id", "created_at", "trace_version"]
    assert str(UUID(answer["id"])) == answer["id"]
    assert _TIME.fullmatch(answer["created_at"])
    assert answer["trace_version"] == "1.0"


def test_non_ascii_is_answered_unescaped(api: Client) -> None:
    id = api.post("/api/traces", make_payload(prompt="27 × 19 🂡"), JSON).json()["id"]
    assert '"prompt":"27 × 19 🂡"'.encode() in api.get(f"/api/traces/{id}").content


@pytest.mark.parametrize(
    "overrides",
    [
        {"trace_version": "v" * 64},
        {"prompt": "é" * 50_000},
        {"prompt": "🂡" * 50_000},
        {"prompt": " "},
        {"final_answer": "a" * 50_000},
        {"steps": _make_steps(1_000)},
        {"steps": [{"i": 2**63 - 1, "type": "t" * 64, "content": "c" * 20_000}]},
        {"meta": None},
        {"meta": {}},
        {"meta": _nest(63)},
        {"meta": {"": "", "z": 2**63 - 1, "a": -(2**63), "list": [1, 1.5, True, None, "x", {"k": []}]}},
        {"meta": {"floats": [1.0, 0.1, 1e-7, 1e22, 5e-324, 1.7976931348623157e308, -1.5e-10]}},
        {"meta": {"text": '\u2028\u0085\ufeff\ufffe\x01\x7f\t"\\/ e\u0301 \U0001f468\u200d\U0001f469'}},
    ],
    ids=lambda overrides: str([*overrides]),
)
def test_what_is_accepted_comes_back_equal(api: Client, overrides: dict[str, Any]) -> None:
    sent = make_payload(**overrides)
    response = api.post("/api/traces", sent, JSON)
    assert response.status_code == 201
    assert json.dumps(_payload_of(api, response.json()["id"])) == json.dumps(sent)


def test_absent_meta_comes_back_as_null(api: Client) -> None:
    sent = make_payload()
    del sent["meta"]
    id = api.post("/api/traces", sent, JSON).json()["id"]
    assert _payload_of(api, id) == {**sent, "meta": None}


def test_steps_are_stored_by_ascending_i(api: Client) -> None:
    steps = [{"i": i, "type": "t", "content": f"step {i}"} for i in (7, 0, 1_000, 3)]
    id = api.post("/api/traces", make_payload(steps=steps), JSON).json()["id"]
    assert [step["i"] for step in _payload_of(api, id)["steps"]] == [0, 3, 7, 1_000]


_STEP = {"i": 0, "type": "t", "content": "c"}
_REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"trace_version": ""}, "trace_version"),
    ({"trace_version": "v" * 65}, "trace_version"),
    ({"trace_version": None}, "trace_version"),
    ({"trace_version": 1}, "trace_version"),
    ({"prompt": ""}, "prompt"),
    ({"prompt": "🂡" * 50_001}, "prompt"),
    ({"prompt": None}, "prompt"),
    ({"prompt": ["x"]}, "prompt"),
    ({"final_answer": ""}, "final_answer"),
    ({"final_answer": "a" * 50_001}, "final_answer"),
    ({"final_answer": True}, "final_answer"),
    ({"steps": []}, "steps"),
    ({"steps": None}, "steps"),
    ({"steps": {"0": _STEP}}, "steps"),
    ({"steps": _make_steps(1_001)}, "steps"),
    ({"steps": [_STEP, None]}, "steps.1"),
    ({"steps": [{**_STEP, "i": -1}]}, "steps.0.i"),
    ({"steps": [{**_STEP, "i": 3.0}]}, "steps.0.i"),
    ({"steps": [{**_STEP, "i": True}]}, "steps.0.i"),
    ({"steps": [{**_STEP, "i": "1"}]}, "steps.0.i"),
    ({"steps": [{**_STEP, "i": None}]}, "steps.0.i"),
    ({"steps": [{"type": "t", "content": "c"}]}, "steps.0.i"),
    ({"steps": [{**_STEP, "type": ""}]}, "steps.0.type"),
    ({"steps": [{**_STEP, "type": "t" * 65}]}, "steps.0.type"),
    ({"steps": [{**_STEP, "content": ""}]}, "steps.0.content"),
    ({"steps": [{**_STEP, "content": "c" * 20_001}]}, "steps.0.content"),
    ({"steps": [{**_STEP, "note": "x"}]}, "steps.0.note"),
    ({"meta": []}, "meta"),
    ({"meta": "x"}, "meta"),
    ({"meta": False}, "meta"),
    ({"extra": 1}, "extra"),
    ({"id": None}, "id"),
]


@pytest.mark.parametrize(("overrides", "path"), _REFUSED)
def test_a_refused_value_is_named(api: Client, overrides: dict[str, Any], path: str) -> None:
    response = api.post("/api/traces", make_payload(**overrides), JSON)
    answer = response.json()
    assert response.status_code == 400
    assert [*answer["errors"]] == [path]
    assert answer["detail"] == f"{path}: {answer['errors'][path][0]}"
    assert Trace.objects.count() == 0


def test_two_steps_of_one_number_are_refused_with_a_path(api: Client) -> None:
    response = api.post("/api/traces", make_payload(steps=[_STEP, {**_STEP, "content": "d"}]), JSON)
    assert response.status_code == 400
    assert [path.partition(".")[0] for path in response.json()["errors"]] == ["steps"]


def test_all_errors_are_listed(api: Client) -> None:
    steps = [_STEP, {"i": "x", "type": "", "content": "c", "y": 1}]
    response = api.post("/api/traces", {"prompt": "", "steps": steps, "x": 1}, JSON)
    assert response.status_code == 400
    assert sorted(response.json()["errors"]) == [
        *("final_answer", "prompt", "steps.1.i", "steps.1.type", "steps.1.y", "trace_version", "x")
    ]


@pytest.mark.parametrize(
    "body", ["{", "[1,]", "{'a': 1}", b"\xff", "[" * 100_000, "NaN", "1 2", '{"a": 01}', " "]
)
def test_what_is_not_json_is_400(api: Client, body: str | bytes) -> None:
    response = api.post("/api/traces", body, JSON)
    assert response.status_code == 400
    assert [*response.json()] == ["detail"]


def test_a_body_is_utf_8(api: Client) -> None:
    for encoding in ("utf-16", "utf-16-le", "utf-32-be", "latin-1"):
        body = json.dumps(make_payload(), ensure_ascii=False).encode(encoding)
        assert api.post("/api/traces", body, JSON).status_code == 400


@pytest.mark.parametrize("body", ["null", "1", '"x"', "[]", "true"])
def test_a_trace_is_an_object(api: Client, body: str) -> None:
    assert api.post("/api/traces", body, JSON).status_code == 400


@pytest.mark.parametrize(
    ("meta", "path"),
    [
        ('{"a": {"b": 1, "b": 1}}', "meta.a.b"),
        ('{"a": ["x", "\\u0000"]}', "meta.a.1"),
        ('{"a": "\\ud800"}', "meta.a"),
        ('{"a": "\\udc00\\ud800"}', "meta.a"),
        ('{"a": 1e400}', "meta.a"),
        ('{"a": -1e400}', "meta.a"),
        ('{"a": 9223372036854775808}', "meta.a"),
        ('{"a": -9223372036854775809}', "meta.a"),
        ('{"a": [0, {"b": 1' + "0" * 400 + "}]}", "meta.a.1.b"),
        (json.dumps(_nest(64)), "meta" + ".a" * 63),
        ('{"a":' + "[" * 63 + "]" * 63 + "}", "meta.a" + ".0" * 62),
    ],
)
def test_json_outside_the_domain_is_refused_with_its_path(api: Client, meta: str, path: str) -> None:
    response = api.post("/api/traces", _with_raw_meta(meta), JSON)
    assert response.status_code == 400
    assert [*response.json()["errors"]] == [path]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_json_number_is_refused(api: Client, number: str) -> None:
    assert api.post("/api/traces", _with_raw_meta('{"a": ' + number + "}"), JSON).status_code == 400


@pytest.mark.parametrize("text", ['{"a\\u0000": 1}', '{"\\ud800": 1}'])
def test_a_key_outside_the_domain_is_refused(api: Client, text: str) -> None:
    assert api.post("/api/traces", _with_raw_meta(text), JSON).status_code == 400


def test_a_key_that_stands_twice_in_the_trace_is_refused(api: Client) -> None:
    body = json.dumps(make_payload()).replace('"prompt"', '"prompt": "x", "prompt"')
    response = api.post("/api/traces", body, JSON)
    assert response.status_code == 400
    assert [*response.json()["errors"]] == ["prompt"]


def test_a_trace_may_have_trace_max_bytes_as_compact_json(api: Client, settings: Settings) -> None:
    sent = make_payload(prompt="é" * 700)
    settings.TRACE_MAX_BYTES = len(_compact(sent))
    assert api.post("/api/traces", json.dumps(sent, indent=2), JSON).status_code == 201
    response = api.post("/api/traces", {**sent, "final_answer": "5134"}, JSON)
    assert response.status_code == 413
    assert response.json() == {
        "detail": f"Trace is larger than the limit of {settings.TRACE_MAX_BYTES} bytes."
    }


def test_a_trace_of_a_batch_has_the_same_limit(api: Client, settings: Settings) -> None:
    sent = make_payload(prompt="é" * 700)
    settings.TRACE_MAX_BYTES = len(_compact(sent))
    assert api.post("/api/traces/batch", [sent] * 10, JSON).status_code == 201
    response = api.post("/api/traces/batch", [sent, {**sent, "final_answer": "5134"}], JSON)
    assert response.status_code == 413
    assert Trace.objects.count() == 10


def test_a_body_may_be_four_times_a_trace(api: Client, settings: Settings) -> None:
    settings.TRACE_MAX_BYTES = 1_024
    assert api.post("/api/traces", json.dumps(make_payload()).ljust(4_096), JSON).status_code == 201
    response = api.post("/api/traces", json.dumps(make_payload()).ljust(4_097), JSON)
    assert response.status_code == 413
    assert response.json() == {"detail": "The request body is larger than the limit of 4096 bytes."}


@pytest.mark.parametrize(("size", "status"), [(4_096, 201), (4_097, 413), (100_000, 413)])
def test_a_chunked_body_is_cut_at_the_limit(api: Client, settings: Settings, size: int, status: int) -> None:
    settings.TRACE_MAX_BYTES = 1_024
    body = BytesIO(json.dumps(make_payload()).encode().ljust(size))
    chunked: dict[str, Any] = {"wsgi.input": body, "CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}
    assert api.post("/api/traces", content_type=JSON, **chunked).status_code == status


def test_a_batch_body_may_have_64_mib(api: Client) -> None:
    body = json.dumps([make_payload()]).encode()
    assert api.post("/api/traces/batch", body.ljust(64 << 20), JSON).status_code == 201
    assert api.post("/api/traces/batch", body.ljust((64 << 20) + 1), JSON).status_code == 413


@pytest.mark.parametrize("path", ["/api/traces", "/api/traces/batch"])
@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "text/json", ""],
)
def test_only_json_is_parsed(api: Client, path: str, content_type: str) -> None:
    response = api.generic("POST", path, json.dumps(make_payload()), content_type)
    assert response.status_code == 415
    assert response.json() == {"detail": "Send the body as Content-Type: application/json."}


def test_a_charset_beside_the_type_does_no_harm(api: Client) -> None:
    response = api.post("/api/traces", json.dumps(make_payload()), "application/json; charset=utf-8")
    assert response.status_code == 201


def test_an_unknown_query_parameter_is_named(api: Client) -> None:
    response = api.post("/api/traces?dry=1", make_payload(), JSON)
    assert response.status_code == 400
    assert [*response.json()["errors"]] == ["dry"]
    assert Trace.objects.count() == 0
