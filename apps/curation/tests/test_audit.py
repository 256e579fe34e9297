"""What is said of traces is recorded as done by somebody: one row an act, none for what changed nothing."""

from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.audit.models import Act
from apps.curation.curate import MAX_NAMED, Change, add_note, curate_traces
from apps.curation.models import Note, Review
from apps.traces.models import Trace
from apps.traces.tests.factories import make_trace, make_traces

pytestmark = pytest.mark.django_db

JSON = "application/json"


def said() -> list[tuple[str, str, int, dict[str, Any]]]:
    """Without the acts that made the traces."""
    acts = Act.objects.exclude(verb="made-trace").order_by("pk")
    return [(act.verb, act.key, act.rows, act.detail) for act in acts]


def test_one_trace_is_named_with_what_was_said_of_it() -> None:
    trace = make_trace()
    one = Trace.objects.with_keys([trace.pk])
    curate_traces(one, Change(["a", "b"]), created_by=None)
    curate_traces(one, Change(["c"], ["a"], "approved"), created_by=None)
    add_note(trace, "Nobody else's business", created_by=None)
    key = str(trace.pk)
    assert said() == [
        ("curated-trace", key, 2, {"added": ["a", "b"]}),
        ("curated-trace", key, 3, {"added": ["c"], "removed": ["a"], "review": "approved"}),
        ("noted-trace", key, 1, {}),
    ]


def test_many_are_one_act_that_counts_its_rows() -> None:
    traces = make_traces(MAX_NAMED + 2)
    curate_traces(Trace.objects.all(), Change(["a"], review="rejected"), created_by=None)
    ids = sorted(str(trace.pk) for trace in traces)[:MAX_NAMED]
    details = {"added": ["a"], "review": "rejected", "traces": MAX_NAMED + 2, "ids": ids}
    assert said() == [("curated-trace", "", 2 * (MAX_NAMED + 2), details)]


def test_what_changed_nothing_is_no_act() -> None:
    make_traces(2)
    change = Change(["a"], ["never"], "approved")
    for _ in range(2):
        curate_traces(Trace.objects.all(), change, created_by=None)
    curate_traces(Trace.objects.none(), change, created_by=None)
    assert [(rows, detail["added"], "removed" in detail) for _, _, rows, detail in said()] == [
        (4, ["a"], False)
    ]


def test_pages_and_calls_say_who(user: User) -> None:
    key = make_trace().pk
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    for path, form in {"tags": {"add": "a"}, "notes": {"text": "n"}, "review": {"state": "approved"}}.items():
        client.post(f"/traces/{key}/{path}", form)
    for path, body in {"tags": {"add": ["b"]}, "notes": {"text": "n"}, "review": {"state": "new"}}.items():
        client.post(f"/api/traces/{key}/{path}", body, JSON)
    client.post("/traces/curate", {"all": "1", "apply": "1", "add_tags": "c"})
    client.post("/api/curation", {"where": {}, "add_tags": ["d"]}, JSON)
    acts = Act.objects.filter(verb__in=["curated-trace", "noted-trace"]).order_by("pk")
    assert {(act.actor_name, act.actor_id, act.key) for act in acts} == {("reader", user.pk, str(key))}
    assert [act.verb for act in acts] == ["curated-trace", "noted-trace", "curated-trace"] * 2 + [
        "curated-trace",
        "curated-trace",
    ]


def test_the_page_of_acts_finds_them(api: Client) -> None:
    curate_traces(Trace.objects.with_keys([make_trace().pk]), Change(["a"]), created_by=None)
    page = api.get("/audit?verb=curated-trace")
    assert [act.rows for act in page.context["browsed"].acts] == [1]
    assert "Tagged or reviewed trace" in page.text
    [act] = api.get("/api/audit?verb=curated-trace").json()["data"]
    assert act["details"] == {"added": ["a"]}


def test_what_the_admin_deletes_is_recorded(staff: User) -> None:
    staff.is_superuser = True
    staff.save()
    trace = make_trace()
    curate_traces(Trace.objects.with_keys([trace.pk]), Change(review="approved"), created_by=None)
    note = add_note(trace, "n", created_by=None)
    client = Client(headers={"host": "localhost"})
    client.force_login(staff)
    client.post(f"/admin/curation/note/{note.pk}/delete/", {"post": "yes"})
    chosen = {"action": "delete_selected", "_selected_action": [Review.objects.get().pk], "post": "yes"}
    client.post("/admin/curation/review/", chosen)
    assert (Note.objects.count(), Review.objects.count()) == (0, 0)
    acts = Act.objects.filter(verb="deleted-record", actor_name="keeper").order_by("pk")
    assert [(act.key, act.rows, act.detail["kind"]) for act in acts] == [
        (str(note.pk), 1, "note"),
        (acts[1].detail["ids"][0], 1, "review"),
    ]
