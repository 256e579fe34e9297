"""What imports do is recorded, one row an act; what a worker does is the act of whoever asked for it."""

from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.accounts.tokens import create_token
from apps.audit.caller import COMMAND_LINE, LOCAL_OPERATOR
from apps.audit.models import Act
from apps.imports.cancel import cancel_import
from apps.imports.models import Import
from apps.imports.remove import ask_removal, remove_import
from apps.imports.tests.factories import (
    BAD,
    imported,
    lines,
    make_upload,
    perform,
    row,
    start,
    stored_in_part,
)
from apps.jobs.models import Job
from apps.jobs.sweep import sweep_jobs
from apps.jobs.tests.factories import claimed, let_die
from apps.traces.models import Trace

pytestmark = pytest.mark.django_db(transaction=True)

JSON, JSONL = "application/json", "application/jsonl"
VERBS = ["imported-trace", "found-overlaps", "removed-import"]


def bring_and_remove(client: Client) -> list[Act]:
    """An import, the search for overlaps and a removal, each done by a worker."""
    prompt = "one two three four five six seven eight"
    client.post("/api/imports?source=a", lines(row(prompt)), JSONL)
    perform(Import.objects.latest("pk"))
    client.post("/api/imports?source=b", lines(row(f"{prompt} nine")), JSONL)
    perform(Import.objects.latest("pk"))
    client.post("/api/curation/overlap", {"name": "t", "evaluation": {"source": "a"}}, JSON)
    perform(Import.objects.latest("pk"))
    client.delete(f"/api/imports/{Import.objects.latest('pk').pk}")
    perform(Import.objects.latest("pk"))
    assert Trace.objects.count() == 1
    return [*Act.objects.filter(verb__in=VERBS).order_by("pk")]


def test_on_an_open_server_it_is_the_local_operator(api: Client) -> None:
    acts = bring_and_remove(api)
    assert [(act.actor_name, act.address, act.verb) for act in acts] == [
        (LOCAL_OPERATOR, "127.0.0.1", verb) for verb in [VERBS[0], *VERBS]
    ]


def test_it_is_the_account_with_its_token(staff: User) -> None:
    _, token = create_token(staff, "laptop")
    acts = bring_and_remove(Client(headers={"Authorization": f"Bearer {token}"}))
    assert {(act.actor_name, act.actor_id, act.token_name) for act in acts} == {
        ("keeper", staff.pk, "laptop")
    }


def test_it_is_a_command_where_a_command_asked() -> None:
    imported(lines(row(1)))
    assert [act.actor_name for act in Act.objects.filter(verb="imported-trace")] == [COMMAND_LINE]


def test_an_account_that_is_deleted_meanwhile_keeps_its_name(staff: User) -> None:
    client = Client(headers={"host": "localhost"})
    client.force_login(staff)
    client.post("/api/imports", lines(row(1)), JSONL)
    staff.delete()
    perform(Import.objects.get())
    assert [(act.actor_name, act.actor_id) for act in Act.objects.filter(verb="imported-trace")] == [
        ("keeper", None)
    ]


def test_what_the_sweep_undoes_is_done_for_whoever_asked(api: Client) -> None:
    found: Any = api.post("/api/imports", lines(row(1)), JSONL).json()
    Job.objects.update(state=Job.State.FAILED, reason="Its worker died.")
    assert perform(Import.objects.get(pk=found["id"])).state == "failed"
    assert [*Job.objects.order_by("pk").values_list("asked_by", flat=True)] == [LOCAL_OPERATOR] * 2


def test_the_page_of_a_job_says_who_asked(api: Client) -> None:
    start(lines(row(1)))
    assert f"by {COMMAND_LINE}" in api.get(f"/jobs/{Job.objects.get().pk}").text


def acts() -> list[tuple[str, str, int, Any]]:
    told = Act.objects.exclude(verb__in=["made-trace", "built-dataset"]).order_by("pk")
    return [(act.verb, act.key, act.rows, act.detail.get("file")) for act in told]


def test_what_comes_and_goes_is_one_act_each() -> None:
    found = imported(lines(*map(row, range(3))))
    ask_removal(found, created_by=None)
    perform(found)
    ask_removal(make_upload(lines(row(1)), "other.jsonl"), created_by=None)
    assert [act[0::2] for act in acts()] == [
        ("imported-trace", 3),
        ("removed-import", 3),
        ("discarded-upload", 1),
    ]
    assert acts()[0][1::2] == (str(found.ingest_id), "rows.jsonl")
    assert acts()[1][1::2] == (str(found.pk), "rows.jsonl")
    assert acts()[2][3] == "other.jsonl"


def test_what_came_to_nothing_is_no_act_and_its_cancelling_is_one(chunked: None) -> None:
    imported(lines(BAD))
    found = start(lines(*map(row, range(1500))))
    stored_in_part(found)
    cancel_import(Import.objects.get(pk=found.pk))
    let_die(Job.objects.latest("pk"))
    sweep_jobs()
    perform(found)
    assert (found.state, Trace.objects.count()) == ("cancelled", 0)
    assert [act[0] for act in acts()] == ["cancelled-job"]


def test_a_removal_that_is_interrupted_at_its_very_end_is_recorded_once() -> None:
    found = imported(lines(*map(row, range(3))))
    ask_removal(found, created_by=None)
    found.refresh_from_db()
    assert found.job is not None
    for _ in range(2):
        Job.objects.filter(pk=found.job.pk).update(state=Job.State.QUEUED)
        arguments = {**found.job.arguments, "state": Import.State.REMOVED}
        assert remove_import.perform(claimed(found.job), **arguments) == {"removed": 3}
    assert [act[0] for act in acts()] == ["imported-trace", "removed-import"]
