"""Deleting traces: never one that a dataset holds, and by staff only."""

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from apps.accounts.models import User
from apps.datasets.tests.factories import make_dataset
from apps.traces.delete import delete_traces
from apps.traces.models import Score, Trace
from apps.traces.tests.factories import make_trace, make_traces


def test_a_trace_is_deleted_with_its_scores(api: Client) -> None:
    trace, kept = make_traces(2)
    for path in (trace.id, kept.id):
        api.post(f"/api/traces/{path}/score", {"criteria": "baseline"}, "application/json")
    response = api.delete(f"/api/traces/{trace.id}")
    assert (response.status_code, response.content) == (204, b"")
    assert [*Trace.objects.all()] == [kept]
    assert [score.trace_id for score in Score.objects.all()] == [kept.id]
    assert api.delete(f"/api/traces/{trace.id}").status_code == 404


def test_a_trace_that_datasets_hold_stays(api: Client) -> None:
    trace = make_trace()
    make_dataset(dataset_name="b")
    make_dataset(dataset_name="a")
    response = api.delete(f"/api/traces/{trace.id}")
    assert response.status_code == 409
    assert response.json() == {"detail": "The trace is held by a-v1, b-v1. Delete what holds it first."}
    assert [*Trace.objects.all()] == [trace]


def test_a_superseded_build_holds_its_traces(api: Client) -> None:
    trace = make_trace()
    dataset = make_dataset()
    make_trace()
    body = {"dataset_name": "letters", "dataset_version": "v1", "limit": 1, "replace": True}
    assert api.post("/api/datasets/build", body, "application/json").status_code == 201
    assert api.delete(f"/api/traces/{trace.id}").status_code == 409
    assert api.delete(f"/api/datasets/{dataset.key}?build={dataset.build_id}").status_code == 204
    assert api.delete(f"/api/traces/{trace.id}").status_code == 204


@pytest.mark.django_db
def test_several_are_deleted_all_or_none() -> None:
    held, *free = make_traces(3)
    make_dataset(trace_ids=[str(held.id)])
    with pytest.raises(ValidationError, match="letters-v1"):
        delete_traces(Trace.objects.all())
    assert Trace.objects.count() == 3
    assert delete_traces(Trace.objects.exclude(pk=held.pk)) == len(free)


def test_only_staff_deletes(client: Client, user: User, staff: User) -> None:
    trace = make_trace()
    client.force_login(user)
    response = client.delete(f"/api/traces/{trace.id}", headers={"host": "localhost"})
    assert (response.status_code, response.json()) == (403, {"detail": "Only staff may delete traces."})
    client.force_login(staff)
    assert client.delete(f"/api/traces/{trace.id}", headers={"host": "localhost"}).status_code == 204
