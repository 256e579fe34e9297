"""Whatever the API accepts comes back equal and exports as JSON Lines; whatever it refuses, it names."""

import json
from typing import Any

from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.formats.gemma import count_control_tokens

# The rows of all examples stay until the end of the test: none of them gets in another one's way.
FEW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

INT64 = 2**63
CHARACTERS = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
TOKENS = st.sampled_from(
    ["<start_of_turn>", "<end_of_turn>", "<bos>", "<", "\u2028", "\r\n", "\\", '"', "%", "𝄞"]
)
TEXT = st.lists(CHARACTERS | TOKENS, min_size=1, max_size=8).map("".join)
NAME = st.text(CHARACTERS, min_size=1, max_size=64)
SCALAR = (
    st.none()
    | st.booleans()
    | st.integers(-INT64, INT64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(CHARACTERS, max_size=8)
)
KEYS = st.text(CHARACTERS, max_size=8) | st.sampled_from(
    ["source", "created_at", "trace_version", "format", "source_trace_id", "meta.format"]
)
JSON = st.recursive(
    SCALAR,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(CHARACTERS, max_size=8), inner, max_size=4)
    ),
    max_leaves=10,
)
STEPS = st.lists(
    st.fixed_dictionaries({"i": st.integers(0, INT64 - 1), "type": NAME, "content": TEXT}),
    min_size=1,
    max_size=5,
    unique_by=lambda step: step["i"],
)
TRACE = st.fixed_dictionaries(
    {"trace_version": NAME, "prompt": TEXT, "final_answer": TEXT, "steps": STEPS},
    optional={"meta": st.none() | st.dictionaries(KEYS, JSON, max_size=4)},
)


def post(api: Client, path: str, body: Any) -> Any:
    return api.post(path, json.dumps(body), content_type="application/json")


def stored(trace: dict[str, Any]) -> dict[str, Any]:
    """What is kept of an accepted trace."""
    return {**trace, "steps": sorted(trace["steps"], key=lambda step: step["i"]), "meta": trace.get("meta")}


def spelled(value: Any) -> str:
    """Equal texts are equal values in the same order, with 1 and 1.0, 0.0 and -0.0 apart."""
    return json.dumps(value)


@given(TRACE)
@FEW
def test_what_is_accepted_comes_back_equal(api: Client, trace: dict[str, Any]) -> None:
    created = post(api, "/api/traces", trace)
    assert created.status_code == 201, created.text
    payload = api.get(f"/api/traces/{created.json()['id']}").json()["payload"]
    expected = stored(trace)
    assert spelled(payload["meta"]) == spelled(expected["meta"])
    assert payload == expected


def export(api: Client, key: str, format: str) -> list[dict[str, Any]]:
    response = api.get(f"/api/datasets/{key}/export.jsonl?format={format}")
    body: bytes = response.getvalue()
    lines = body.split(b"\n")
    assert (response.status_code, lines.pop(), len(body)) == (200, b"", int(response["Content-Length"]))
    return [json.loads(line) for line in lines]


@given(st.lists(TRACE, min_size=1, max_size=3))
@FEW
def test_what_is_accepted_exports_as_json_lines(api: Client, traces: list[dict[str, Any]]) -> None:
    created = post(api, "/api/traces/batch", traces)
    assert created.status_code == 201, created.text
    ids = [trace["id"] for trace in created.json()["traces"]]
    recipe = {"dataset_name": "d", "dataset_version": ids[0], "trace_ids": ids}
    key = post(api, "/api/datasets/build", recipe).json()["dataset_key"]
    kept = [stored(trace) for trace in traces]

    for record, trace, id in zip(export(api, key, "trace"), kept, ids, strict=True):
        assert (record["id"], record["prompts"]) == (id, trace["prompt"])
        assert record["trace_steps"] == [step["content"] for step in trace["steps"]]
        assert record["final_answer"] == trace["final_answer"]
        assert spelled([*trace["meta"].values()] if trace["meta"] else []) == spelled(own_values(record, 2))
    for record, trace, id in zip(export(api, key, "tunix_sft"), kept, ids, strict=True):
        assert (record["id"], record["final_answer"]) == (id, trace["final_answer"])
        assert count_control_tokens([record["prompts"]]) == 4  # those of the template
        assert spelled([*trace["meta"].values()] if trace["meta"] else []) == spelled(own_values(record, 3))
    for record, id in zip(export(api, key, "training_example"), ids, strict=True):
        assert record["metadata"]["source_trace_id"] == id
        assert count_control_tokens([record["prompt"], record["response"]]) == 0


def own_values(record: dict[str, Any], system_keys: int) -> list[Any]:
    """The values of the trace's own meta: those behind the system's."""
    return [*record["metadata"].values()][system_keys:]


@given(JSON)
@FEW
def test_any_other_body_is_refused_with_a_sentence(api: Client, body: Any) -> None:
    for path in ("/api/traces", "/api/traces/batch", "/api/datasets/build", "/api/tunix/sft/manifest"):
        response = post(api, path, body)
        assert response.status_code in (400, 413)
        refusal = response.json()
        assert refusal["detail"]
        if isinstance(body, dict) and path != "/api/traces/batch":
            assert refusal["errors"]


WRONG: list[tuple[str, Any]] = [
    ("trace_version", None),
    ("trace_version", ""),
    ("prompt", 1),
    ("prompt", "p\0"),
    ("final_answer", "\ud800"),
    ("final_answer", ["a"]),
    ("steps", []),
    ("steps.0", "first"),
    ("steps.0.i", -1),
    ("steps.0.i", 1.0),
    ("steps.0.i", True),
    ("steps.0.i", INT64),
    ("steps.0.type", ""),
    ("steps.0.content", None),
    ("steps.0.extra", 1),
    ("meta", "text"),
    ("meta.deep", {"a": "\0"}),
    ("extra", None),
]


def put(trace: Any, path: str, value: Any) -> Any:
    """A copy of `trace` with `value` at `path`."""
    copy = json.loads(json.dumps({"meta": {}, **trace}))
    copy["meta"] = copy["meta"] or {}
    *parents, last = path.split(".")
    place = copy
    for name in parents:
        place = place[int(name) if name.isdigit() else name]
    place[int(last) if last.isdigit() else last] = value
    return copy


@given(TRACE, st.sampled_from(WRONG), st.integers(0, 2))
@FEW
def test_what_is_refused_is_named_by_its_path(
    api: Client, trace: dict[str, Any], wrong: tuple[str, Any], position: int
) -> None:
    path, value = wrong
    expected = path + (".a" if isinstance(value, dict) else "")
    refused = put(trace, path, value)

    response = post(api, "/api/traces", refused)
    assert (response.status_code, [*response.json()["errors"]]) == (400, [expected])

    batch = [trace] * 3
    batch[position] = refused
    response = post(api, "/api/traces/batch", batch)
    assert (response.status_code, [*response.json()["errors"]]) == (400, [f"{position}.{expected}"])
    assert api.get("/api/traces").json()["data"] == []
