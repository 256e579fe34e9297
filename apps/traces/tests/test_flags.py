"""Flags as they are stored and found."""

from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from apps.formats.flags import FLAGS
from apps.traces.models import Trace
from apps.traces.tests.factories import make_trace

pytestmark = pytest.mark.django_db

migration = import_module("apps.traces.migrations.0008_flag_existing")


def steps(*contents: str) -> list[dict[str, object]]:
    return [{"i": n, "type": "t", "content": content} for n, content in enumerate(contents)]


def store() -> dict[str, Trace]:
    return {
        "control tokens": make_trace(prompt="<bos>"),
        "empty step": make_trace(steps=steps(" ", "513")),
        "repeated step": make_trace(steps=steps("513", "513")),
        "answer missing": make_trace(steps=steps("513", "x")),
        "very long": make_trace(prompt="x" * 9_000),
        "": make_trace(),
    }


def test_they_are_stored_at_ingest() -> None:
    assert {name: trace.flag_names for name, trace in store().items()} == {
        name: [name] if name else [] for name in (*FLAGS, "")
    }


@pytest.mark.parametrize("is_walked", [False, True])
@pytest.mark.parametrize("name", [*FLAGS])
def test_each_finds_its_own(name: str, is_walked: bool) -> None:
    traces = store()
    both = make_trace(prompt="<bos>" + "x" * 9_000, steps=steps(" ", " ", "x"))
    assert {*Trace.objects.matching(flag=name, is_walked=is_walked)} == {traces[name], both}


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL knows how many there are")
def test_the_few_are_found_by_their_index() -> None:
    found = Trace.objects.matching(flag="very long").values("pk")
    assert "USING COVERING INDEX flagged_traces" in found.explain()


def test_what_was_there_before_is_flagged_by_the_migration(
    django_assert_num_queries: DjangoAssertNumQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migration, "BATCH", 4)
    store()
    expected = dict(Trace.objects.values_list("pk", "flags"))
    Trace.objects.update(flags=0)
    with django_assert_num_queries(3 + 5):  # batches, kinds of each
        migration.flag_existing(apps, SimpleNamespace(connection=connection))
    assert dict(Trace.objects.values_list("pk", "flags")) == expected
