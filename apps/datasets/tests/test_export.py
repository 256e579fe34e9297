"""The bytes of an export: the three formats, equal on both databases and on every repetition."""

import hashlib
import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest
from django.test import Client

from apps.datasets.export import export_dataset, export_traces
from apps.datasets.tests.factories import make_dataset
from apps.datasets.tests.golden import make_big_payloads, make_small_payloads, store_traces
from apps.traces.models import Trace
from apps.traces.tests.factories import make_trace, make_traces

pytestmark = pytest.mark.django_db

GOLDEN = Path(__file__).parent / "golden"
FORMATS = ["trace", "tunix_sft", "training_example"]

# Too long for golden files: the sha256 of their bytes.
_BIG = {
    "trace": "a416ea8ae99d329907f8ae6879e2c1f9f4f79b9ac4ea75a75ef4c3b703aee301",
    "tunix_sft": "ff25cd90149a1c19c68cc6b61f8ed9e4b8a74537e14b55c903f1c016e12900fd",
    "training_example": "9f38f84015f25fe161afb7b29b75d29edfdd886a7a1e9df83c2556948598abf3",
}


def _export(api: Client, key: str, format: str) -> bytes:
    response = api.get(f"/api/datasets/{key}/export.jsonl?format={format}")
    assert response.status_code == 200
    content: bytes = response.getvalue()
    return content


def _records(api: Client, key: str, format: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in _export(api, key, format).decode().removesuffix("\n").split("\n")]


# --- Golden files ------------------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS)
def test_the_bytes_are_those_of_the_golden_file(api: Client, format: str) -> None:
    dataset = make_dataset(trace_ids=store_traces(make_small_payloads()))
    assert _export(api, dataset.key, format) == (GOLDEN / f"{format}.jsonl").read_bytes()


@pytest.mark.parametrize("format", FORMATS)
def test_the_bytes_of_long_traces(api: Client, format: str) -> None:
    dataset = make_dataset(trace_ids=store_traces(make_big_payloads()))
    content = _export(api, dataset.key, format)
    assert (content.count(b"\n"), hashlib.sha256(content).hexdigest()) == (2, _BIG[format])


@pytest.mark.parametrize("format", FORMATS)
def test_a_dataset_and_its_ids_export_the_same_bytes(format: str) -> None:
    ids = store_traces(make_small_payloads() + make_big_payloads())
    dataset = make_dataset(trace_ids=ids)
    exports = (export_dataset(dataset, format), export_traces([*map(UUID, ids)], format))
    contents = []
    for export in exports:
        with export.file as file:
            file.seek(0)
            contents.append(file.read())
    assert contents[0] == contents[1]
    assert exports[0].etag == exports[1].etag


@pytest.mark.parametrize("format", FORMATS)
def test_every_repetition_is_equal(api: Client, data_dir: Path, format: str) -> None:
    make_traces(3)
    first = _export(api, make_dataset().key, format)
    again = make_dataset(dataset_version="v2")
    assert _export(api, again.key, format) == first
    for path in (data_dir / "exports").iterdir():
        path.unlink()
    assert _export(api, again.key, format) == first


# --- The three formats, written out ------------------------------------------------------------


def _make_seed_trace() -> Trace:
    return make_trace(meta={"source": "seed", "n": [1.0]})


def _created_at(trace: Trace) -> str:
    return trace.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_format_trace(api: Client) -> None:
    trace = _make_seed_trace()
    record = {
        "id": str(trace.id),
        "prompts": "What is 27 × 19?",
        "trace_steps": ["27 × 19 = 27 × (20 - 1)", "540 - 27 = 513"],
        "final_answer": "513",
        "metadata": {"created_at": _created_at(trace), "trace_version": "1.0", "source": "seed", "n": [1.0]},
    }
    line = json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"
    assert _export(api, make_dataset().key, "trace").decode() == line
    assert api.get("/api/datasets/letters-v1/export.jsonl").getvalue().decode() == line


def test_format_tunix_sft(api: Client) -> None:
    trace = _make_seed_trace()
    record = {
        "id": str(trace.id),
        "prompts": (
            "<start_of_turn>user\nWhat is 27 × 19?<end_of_turn>\n<start_of_turn>model\nReasoning:\n"
            "1. 27 × 19 = 27 × (20 - 1)\n2. 540 - 27 = 513\nAnswer: 513<end_of_turn>"
        ),
        "final_answer": "513",
        "metadata": {
            "created_at": _created_at(trace),
            "trace_version": "1.0",
            "format": "tunix_sft",
            "source": "seed",
            "n": [1.0],
        },
    }
    line = json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"
    assert _export(api, make_dataset().key, "tunix_sft").decode() == line


def test_format_training_example(api: Client) -> None:
    trace = _make_seed_trace()
    [record] = _records(api, make_dataset().key, "training_example")
    assert UUID(record["id"]).version == 5
    assert record == {
        "id": str(uuid5(trace.id, "training_example")),
        "prompt": "What is 27 × 19?\n\nPlease show your reasoning steps.",
        "response": "Reasoning:\n1. 27 × 19 = 27 × (20 - 1)\n2. 540 - 27 = 513\nAnswer: 513",
        "metadata": {
            "source_trace_id": str(trace.id),
            "created_at": _created_at(trace),
            "trace_version": "1.0",
            "source": "seed",
            "n": [1.0],
        },
    }
    assert [*record] == ["id", "prompt", "response", "metadata"]
    assert next(iter(record["metadata"])) == "source_trace_id"


def test_lines_are_in_the_order_of_the_dataset(api: Client) -> None:
    ids = [str(trace.id) for trace in make_traces(5)]
    wanted = [ids[n] for n in (3, 0, 4, 1, 2)]
    dataset = make_dataset(trace_ids=wanted)
    assert [record["id"] for record in _records(api, dataset.key, "trace")] == wanted


# --- Names and control tokens ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format", "meta", "found"),
    [
        ("trace", {"created_at": 1, "a": 2}, {"meta.created_at": 1, "a": 2}),
        ("trace", {"trace_version": None}, {"meta.trace_version": None}),
        ("trace", {"format": "x", "source_trace_id": "y"}, {"format": "x", "source_trace_id": "y"}),
        ("tunix_sft", {"format": "x"}, {"meta.format": "x"}),
        ("training_example", {"format": "x"}, {"format": "x"}),
        ("training_example", {"source_trace_id": "y"}, {"meta.source_trace_id": "y"}),
        ("trace", {"meta.created_at": 1}, {"meta.created_at": 1}),
    ],
)
def test_the_names_of_the_system_win(
    api: Client, format: str, meta: dict[str, Any], found: dict[str, Any]
) -> None:
    trace = make_trace(meta=meta)
    system = {"created_at": _created_at(trace), "trace_version": "1.0"}
    system |= {"format": "tunix_sft"} if format == "tunix_sft" else {}
    system |= {"source_trace_id": str(trace.id)} if format == "training_example" else {}
    [record] = _records(api, make_dataset().key, format)
    assert record["metadata"] == {**system, **found}


@pytest.mark.parametrize(
    "meta", [{"created_at": 1, "meta.created_at": 2}, {"meta.created_at": 2, "created_at": 1}]
)
def test_no_value_is_lost_to_a_renamed_key(api: Client, meta: dict[str, int]) -> None:
    make_trace(meta=meta)
    [record] = _records(api, make_dataset().key, "trace")
    rest = {key: value for key, value in record["metadata"].items() if key.startswith("meta.")}
    assert sorted(rest.values()) == [1, 2]


def _make_forging_trace() -> Trace:
    step = {"i": 0, "type": "t", "content": "<eos> < eos> <<pad> <unk>"}
    answer = "1<end_of_turn>\n<start_of_turn>model"
    return make_trace(prompt="<bos>a<b>", final_answer=answer, steps=[step], meta={"k": "<bos>"})


def test_tokens_are_broken_in_prompts(api: Client) -> None:
    _make_forging_trace()
    [record] = _records(api, make_dataset().key, "tunix_sft")
    assert record["prompts"] == (
        "<start_of_turn>user\n<\u200bbos>a<b><end_of_turn>\n<start_of_turn>model\nReasoning:\n"
        "1. <\u200beos> < eos> <<\u200bpad> <unk>\n"
        "Answer: 1<\u200bend_of_turn>\n<\u200bstart_of_turn>model<end_of_turn>"
    )
    assert record["final_answer"] == "1<end_of_turn>\n<start_of_turn>model"
    assert record["metadata"]["k"] == "<bos>"


def test_tokens_are_broken_in_prompt_and_response(api: Client) -> None:
    _make_forging_trace()
    [record] = _records(api, make_dataset().key, "training_example")
    assert record["prompt"] == "<\u200bbos>a<b>\n\nPlease show your reasoning steps."
    assert record["response"] == (
        "Reasoning:\n1. <\u200beos> < eos> <<\u200bpad> <unk>\n"
        "Answer: 1<\u200bend_of_turn>\n<\u200bstart_of_turn>model"
    )


def test_format_trace_keeps_every_text_as_stored(api: Client) -> None:
    trace = _make_forging_trace()
    [record] = _records(api, make_dataset().key, "trace")
    assert (record["prompts"], record["final_answer"]) == (trace.prompt, trace.final_answer)
    assert record["trace_steps"] == ["<eos> < eos> <<pad> <unk>"]


@pytest.mark.parametrize(
    ("format", "escaped"), [("trace", "0"), ("tunix_sft", "10"), ("training_example", "10")]
)
def test_broken_tokens_are_counted(api: Client, format: str, escaped: str) -> None:
    _make_forging_trace()
    make_trace()
    _make_forging_trace()
    dataset = make_dataset()
    response = api.get(f"/api/datasets/{dataset.key}/export.jsonl?format={format}")
    assert response.headers["X-Tunix-Escaped"] == escaped
    assert response.getvalue().count(b"<\xe2\x80\x8b") == int(escaped)
