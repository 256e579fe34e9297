"""What is derived from a trace when it comes in, and that it comes in whole or not at all."""

import hashlib
import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from apps.accounts.models import User
from apps.core.ids import new_id, time_of
from apps.traces.derive import derive
from apps.traces.ingest import COLUMNS, Row, _copy, _insert, _origin, ingest_traces, parse_trace
from apps.traces.models import Trace
from apps.traces.tests.factories import make_payload, make_trace

pytestmark = pytest.mark.django_db


def _make_steps(count: int, content: str) -> list[dict[str, Any]]:
    return [{"i": i, "type": "t", "content": content} for i in range(count)]


@pytest.mark.parametrize(
    ("count", "chars", "score"),
    [(1, 1, 5.1), (3, 60, 21.0), (10, 500, 100), (1_000, 500, 100), (10, 1, 50.1), (1, 20_000, 55)],
)
def test_the_baseline_score_is_computed_at_ingest(count: int, chars: int, score: float) -> None:
    assert make_trace(steps=_make_steps(count, "é" * chars)).score == score


def test_counts_are_of_code_points() -> None:
    trace = make_trace(prompt="🂡é", final_answer="x", steps=_make_steps(3, "27 × 19"))
    assert (trace.step_count, trace.char_count) == (3, 2 + 1 + 3 * 7)
    assert trace.step_lengths == [7, 7, 7]


def test_the_digest_is_of_the_canonical_json_of_the_five_fields() -> None:
    payload = make_payload(meta={"b": 1, "a": "é"})
    canonical = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert make_trace(**payload).content_digest == hashlib.sha256(canonical.encode()).hexdigest()


def test_equal_traces_have_equal_digests() -> None:
    one = make_trace(meta={"a": 1, "b": {"x": 1, "y": 2}})
    same = make_trace(meta={"b": {"y": 2, "x": 1}, "a": 1})
    assert one.content_digest == same.content_digest
    assert one.id != same.id


def test_the_digest_does_not_depend_on_the_order_in_which_steps_were_sent() -> None:
    steps = _make_steps(3, "c")
    assert make_trace(steps=steps).content_digest == make_trace(steps=steps[::-1]).content_digest


@pytest.mark.parametrize(
    "overrides",
    [
        {"trace_version": "1.1"},
        {"prompt": "other"},
        {"final_answer": "514"},
        {"steps": _make_steps(1, "c")},
        {"meta": None},
        {"meta": {}},
    ],
)
def test_every_field_counts_for_the_digest(overrides: dict[str, Any]) -> None:
    assert make_trace().content_digest != make_trace(**overrides).content_digest


@pytest.mark.parametrize(
    ("overrides", "count"),
    [
        ({}, 0),
        ({"prompt": "<start_of_turn>user<end_of_turn>"}, 2),
        ({"prompt": "<bos>", "final_answer": "<eos><pad>"}, 3),
        ({"steps": _make_steps(4, "a <bos> b <bos>")}, 8),
        ({"prompt": "<BOS> < bos> bos> <bos <unk> <<bos>"}, 1),
        ({"meta": {"k": "<bos>"}}, 0),
    ],
)
def test_control_tokens_of_the_texts_are_counted(overrides: dict[str, Any], count: int) -> None:
    assert make_trace(**overrides).control_tokens == count


@pytest.mark.parametrize(
    "prompt", ["caf\u00e9 au lait", "cafe\u0301 au lait", " café  au\n\tlait ", "café\u00a0au lait"]
)
def test_prompts_that_read_alike_share_a_hash(prompt: str) -> None:
    assert make_trace(prompt=prompt).prompt_hash == make_trace(prompt="café au lait").prompt_hash


@pytest.mark.parametrize("prompt", ["Café au lait", "cafe au lait", "caféau lait"])
def test_prompts_that_read_otherwise_do_not(prompt: str) -> None:
    assert make_trace(prompt=prompt).prompt_hash != make_trace(prompt="café au lait").prompt_hash


@pytest.mark.parametrize(
    ("meta", "source"),
    [
        ({"source": "gsm8k"}, "gsm8k"),
        ({"source": "é" * 256}, "é" * 256),
        ({"source": "s" * 257}, ""),
        ({"source": 1}, ""),
        ({"source": ["x"]}, ""),
        ({"source": None}, ""),
        ({"Source": "x"}, ""),
        ({}, ""),
        (None, ""),
    ],
)
def test_source_is_a_short_text_of_meta(meta: dict[str, Any] | None, source: str) -> None:
    assert make_trace(meta=meta).source == source


def test_ids_ascend_and_carry_the_time() -> None:
    stored = ingest_traces([parse_trace(make_payload())] * 50, created_by=None)
    assert [trace.id for trace in stored] == sorted(trace.id for trace in stored)
    assert [trace.created_at for trace in stored] == [time_of(trace.id) for trace in stored]
    read = {trace.id: trace.created_at for trace in Trace.objects.all()}
    assert read == {trace.id: trace.created_at for trace in stored}


def test_one_act_has_one_ingest_id(user: User) -> None:
    payload = parse_trace(make_payload())
    ingest_traces([payload, payload], created_by=user)
    assert len({*Trace.objects.values_list("ingest_id", "created_by")}) == 1
    act = uuid4()
    for _ in range(2):
        ingest_traces([payload], created_by=user, ingest_id=act)
    assert Trace.objects.filter(ingest_id=act, created_by=user).count() == 2


def _insert_with_another(rows: list[Row]) -> None:
    _insert([*rows, (new_id(), *rows[0][1:])])


def test_every_way_into_the_table_writes_the_same() -> None:
    payload = parse_trace(make_payload(prompt="tab\t\\N \\. \"'\r\n", meta={"z": [1.0, None], "a": "\u2028"}))
    ways: list[Callable[[list[Row]], None]] = [_insert, _insert_with_another]
    ways += [_copy] if connection.vendor == "postgresql" else []
    for way in ways:
        row = (*_origin(new_id(), None), *derive(payload))
        way([row])
        assert Trace.objects.values_list(*COLUMNS).get(pk=row[0]) == row


def test_what_is_derived_and_where_it_came_from_is_all_of_a_trace() -> None:
    assert sorted(COLUMNS) == sorted(field.attname for field in Trace._meta.concrete_fields)


@pytest.mark.parametrize("count", [2, 5])
def test_a_fault_in_one_row_stores_none(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = make_trace().id
    ids = [new_id() for _ in range(count - 1)] + [taken]
    monkeypatch.setattr("apps.traces.ingest.new_id", iter([new_id(), *ids]).__next__)
    payloads = [parse_trace(make_payload())] * count
    # Django does not translate what PostgreSQL says to COPY.
    with pytest.raises((DatabaseError, psycopg.DatabaseError)), transaction.atomic():
        ingest_traces(payloads, created_by=None)
    assert [trace.id for trace in Trace.objects.all()] == [taken]


def test_a_stored_trace_cannot_be_saved() -> None:
    trace = make_trace()
    trace.prompt = "other"
    with pytest.raises(TypeError, match="immutable"):
        trace.save()
    assert Trace.objects.get().prompt == make_payload()["prompt"]


def test_a_trace_does_not_come_in_past_ingest() -> None:
    with pytest.raises(TypeError, match="ingest"):
        Trace.objects.create(prompt="x")


def test_text_is_stored_as_compact_json_in_the_order_of_its_keys() -> None:
    trace = make_trace(meta={"z": "×", "a": {"y": 1.0, "x": []}})
    assert trace.meta == '{"z":"×","a":{"y":1.0,"x":[]}}'
    assert make_trace(meta=None).meta == "null"
