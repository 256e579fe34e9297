"""What is there already is found, however many traces have one prompt, and without reading them again."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest

from apps.core.ids import new_id
from apps.imports import duplicates
from apps.imports.duplicates import Known
from apps.imports.prepare import Plan, Ready, prepare_rows
from apps.imports.rows import Row
from apps.traces.ingest import store_traces
from apps.traces.tests.factories import make_payload

pytestmark = pytest.mark.django_db


def traces(*answers: Any, **overrides: Any) -> list[Ready]:
    rows = [Row(1, make_payload(final_answer=str(answer), **overrides), None, 1) for answer in answers]
    return [item for chunk in prepare_rows(rows, Plan(format="trace")) for item in chunk.ready]


def store(new: Sequence[Ready], act: UUID | None = None) -> None:
    store_traces([item.derived for item in new if item.derived], created_by=None, ingest_id=act or new_id())


def answers(new: Sequence[Ready]) -> list[str]:
    return [item.derived.final_answer for item in new if item.derived]


@pytest.fixture(params=[1, 3, 1_000], ids=["all", "some", "none"])
def crowd(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """From how many traces on a prompt is remembered: what is found is the same."""
    monkeypatch.setattr(duplicates, "CROWD", request.param)


@pytest.mark.usefixtures("crowd")
def test_equal_for_a_reader_is_a_duplicate() -> None:
    store(traces("a b", "caf\u00e9", "c"))
    store(traces("a", prompt="another"))
    known, act = Known(), new_id()
    found = known.new_of(traces(" a  b", "cafe\u0301", "a", "d", "d ", "ab"), act)
    assert answers(found) == ["a", "d", "ab"]
    store(found, act)
    assert answers(known.new_of(traces("a", "d\n", "e"), act)) == ["e"]
    assert answers(known.new_of(traces("a", "b", prompt="another"), act)) == ["b"]


@pytest.mark.usefixtures("crowd")
def test_texts_that_are_cut_otherwise_are_no_duplicates() -> None:
    store(traces("a", steps=[{"i": 0, "type": "x", "content": "b c"}]))
    steps = [{"i": n, "type": "x", "content": text} for n, text in enumerate("bc")]
    assert answers(Known().new_of(traces("a", steps=steps), new_id())) == ["a"]


@pytest.mark.usefixtures("crowd")
def test_what_another_act_brings_meanwhile_is_found() -> None:
    known, act = Known(), new_id()
    store(traces(*range(5)))
    own = known.new_of(traces(4, 5), act)
    store(own, act)
    store(traces(6, 7))
    store(traces(8, prompt="another"))
    assert answers(known.new_of(traces(*range(4, 10)), act)) == ["8", "9"]


def test_a_crowd_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "CROWD", 10)
    store(traces(*range(50)))
    known, act = Known(), new_id()
    read = counted(monkeypatch)
    for start in range(0, 200, 20):
        store(known.new_of(traces(*range(start, start + 20)), act), act)
    assert len(read) == 50
    store(traces(*range(900, 930)))
    assert known.new_of(traces(3, 60, 199, 901), act) == []
    assert len(read) == 80


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "CROWD", 10)
    monkeypatch.setattr(duplicates, "MOST", 49)
    store(traces(*range(50)))
    store(traces(*range(20), prompt="another"))
    known, act = Known(), new_id()
    read = counted(monkeypatch)
    for expected in (50, 100):
        assert known.new_of(traces(3, 49), act) == []
        assert len(read) == expected
    for _ in range(2):
        assert known.new_of(traces(3, prompt="another"), act) == []
        assert len(read) == 120


def counted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Grows by each stored trace that is read."""
    read: list[Any] = []

    def count(stored: Any) -> Any:
        for content in plain(stored):
            read.append(content)
            yield content

    plain = duplicates._read
    monkeypatch.setattr(duplicates, "_read", count)
    return read
