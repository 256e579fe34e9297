"""Deleting traces: never one that a dataset holds, and by staff only."""

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from apps.accounts.models import User
from apps.audit.tests.factories import STATEMENTS_SEEN
from apps.datasets.tests.factories import make_dataset
from apps.traces.delete import delete_free_traces, delete_traces
from apps.traces.models import Score, Trace
from apps.traces.score import score_trace
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


@pytest.mark.django_db
def test_the_free_ones_of_many_go_with_their_scores() -> None:
    held, *free = make_traces(3)
    make_dataset(trace_ids=[str(held.id)])
    for trace in (held, *free):
        score_trace(trace, "baseline", created_by=None)
    assert delete_free_traces(Trace.objects.all()) == 2
    assert [*Trace.objects.all()] == [held]
    assert [score.trace_id for score in Score.objects.all()] == [held.id]


@pytest.mark.django_db
@pytest.mark.parametrize("count", [1, 3, 100])
def test_many_are_deleted_by_query(count: int, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """Only keys are read. One statement for traces, one for each kind of what goes with them, and what keeps
    a transaction (on PostgreSQL a lock on each of what the database does not check as well).
    """
    make_traces(count)
    locks = 4 if connection.vendor == "postgresql" else 0
    with django_assert_num_queries(10 + STATEMENTS_SEEN + locks):
        assert delete_free_traces(Trace.objects.all()) == count


@pytest.mark.django_db
def test_a_trace_that_is_gone_is_not_scored() -> None:
    trace = make_trace()
    delete_traces(Trace.objects.all())
    with pytest.raises(ValidationError, match="Trace not found"):
        score_trace(trace, "baseline", created_by=None)
    assert Score.objects.count() == 0
