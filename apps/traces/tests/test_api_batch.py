"""Creating many traces in one call: in order, all or nothing."""

from typing import Any

import pytest
from django.test import Client

from apps.traces.models import Trace
from apps.traces.tests.factories import make_payload

JSON = "application/json"


def _post(api: Client, body: Any) -> tuple[int, dict[str, Any]]:
    response = api.post("/api/traces/batch", body, JSON)
    return response.status_code, response.json()


@pytest.mark.parametrize("count", [1, 2, 1_000])
def test_stores_all_in_the_order_of_the_request(api: Client, count: int) -> None:
    status, answer = _post(api, [make_payload(prompt=f"Question {n}") for n in range(count)])
    assert (status, [*answer], answer["created_count"]) == (201, ["created_count", "traces"], count)
    assert [*answer["traces"][0]] == ["id", "created_at", "trace_version"]
    ids = [trace["id"] for trace in answer["traces"]]
    prompts = {str(trace.id): trace.prompt for trace in Trace.objects.all()}
    assert [prompts[id] for id in ids] == [f"Question {n}" for n in range(count)]
    assert ids == sorted(ids)


def test_what_a_batch_stores_comes_back_as_from_a_single_call(api: Client) -> None:
    sent = make_payload(prompt='tab\t \\N "quoted" \\\\ \r\n', meta={"z": [1.0, None], "a": "\\."})
    _, answer = _post(api, [sent, make_payload(meta=None)])
    [first, second] = [api.get(f"/api/traces/{trace['id']}").json() for trace in answer["traces"]]
    assert first == {**answer["traces"][0], "payload": sent}
    assert [*first["payload"]["meta"]] == ["z", "a"]
    assert second["payload"] == make_payload(meta=None)


def test_an_empty_batch_is_refused(api: Client) -> None:
    assert _post(api, []) == (400, {"detail": "Batch must contain at least one trace"})


def test_a_batch_above_the_maximum_is_refused(api: Client) -> None:
    assert _post(api, [1] * 1_001) == (400, {"detail": "Batch size (1001) exceeds maximum (1000)"})


@pytest.mark.parametrize("body", [{}, {"traces": [make_payload()]}, '"x"', "null"])
def test_a_batch_is_a_bare_array(api: Client, body: Any) -> None:
    status, answer = _post(api, body)
    assert (status, [*answer]) == (400, ["detail"])


def test_one_bad_trace_refuses_all_and_is_named(api: Client) -> None:
    batch = [make_payload() for _ in range(18)]
    batch[17]["prompt"] = ""
    status, answer = _post(api, batch)
    assert (status, [*answer["errors"]]) == (400, ["17.prompt"])
    assert answer["detail"] == f"17.prompt: {answer['errors']['17.prompt'][0]}"
    assert Trace.objects.count() == 0


def test_the_errors_of_all_traces_are_listed(api: Client) -> None:
    bad_step = {"i": 0, "type": "t", "content": ""}
    batch = [make_payload(extra=1), make_payload(), make_payload(prompt=1, steps=[bad_step]), None]
    status, answer = _post(api, batch)
    assert status == 400
    assert [*answer["errors"]] == ["0.extra", "2.prompt", "2.steps.0.content", "3"]


def test_json_outside_the_domain_is_refused_with_its_path(api: Client) -> None:
    status, answer = _post(api, [make_payload(), make_payload(meta={"a": ["\0"]})])
    assert (status, [*answer["errors"]]) == (400, ["1.meta.a.0"])
    assert Trace.objects.count() == 0


def test_two_steps_of_one_number_are_refused_with_a_path(api: Client) -> None:
    step = {"i": 3, "type": "t", "content": "c"}
    status, answer = _post(api, [make_payload(), make_payload(steps=[step, step])])
    assert status == 400
    assert [path.split(".")[:2] for path in answer["errors"]] == [["1", "steps"]]


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_other_methods_are_405(api: Client, method: str) -> None:
    response = getattr(api, method)("/api/traces/batch")
    # GET and DELETE mean the trace with the id "batch" to nobody.
    assert response.status_code == 405
    assert [*response.json()] == ["detail"]
