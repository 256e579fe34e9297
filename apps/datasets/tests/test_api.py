"""Listing, reading and deleting datasets over HTTP."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from apps.accounts.models import User
from apps.datasets.models import Dataset, Tombstone
from apps.datasets.tests.factories import make_dataset
from apps.traces.tests.factories import make_trace, make_traces
from apps.tunix.manifest import Training, generate_manifest
from apps.tunix.models import Manifest

NOBODY = "550e8400-e29b-41d4-a716-446655440000"


def _make_manifest(key: str) -> Manifest:
    return generate_manifest(key, Training("m", "o", 2e-5, 3, 8, 2048), created_by=None)


# --- Reading -----------------------------------------------------------------------------------


def test_the_manifest_of_a_dataset(api: Client) -> None:
    traces = make_traces(2)
    belongs = {"session_id": "s", "parent_dataset_id": "p", "training_run_id": "r"}
    dataset = make_dataset(limit=7, seed=-5, filters={"source": "test"}, **belongs)
    found = api.get("/api/datasets/letters-v1").json()
    moment = found.pop("created_at")
    chars = len("Question 0" + "513" + "27 × 19 = 27 × (20 - 1)" + "540 - 27 = 513")
    assert found == {
        "dataset_key": "letters-v1",
        "build_id": str(dataset.build_id),
        "dataset_name": "letters",
        "dataset_version": "v1",
        "dataset_schema_version": "1.0",
        "filters": {"source": "test"},
        "where": {},
        "selection_strategy": "latest",
        "limit": 7,
        "seed": -5,
        "trace_ids": [str(trace.id) for trace in reversed(traces)],
        "trace_count": 2,
        "stats": {
            "trace_count": 2,
            "avg_step_count": 2.0,
            "min_step_count": 2,
            "max_step_count": 2,
            "avg_total_chars": float(chars),
        },
        **belongs,
        "content_digest": dataset.content_digest,
    }
    assert moment == dataset.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert timezone.now() - dataset.created_at < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("method", "rest"), [("get", ""), ("get", "/entries"), ("get", "/export.jsonl"), ("delete", "")]
)
def test_a_missing_dataset_is_404(api: Client, method: str, rest: str) -> None:
    response = getattr(api, method)(f"/api/datasets/none-v1{rest}")
    assert (response.status_code, response.json()) == (404, {"detail": "Dataset not found: none-v1"})


@pytest.mark.parametrize("rest", ["", "/entries", "/export.jsonl"])
def test_an_unknown_build_is_404(api: Client, rest: str) -> None:
    make_trace()
    make_dataset()
    assert api.get(f"/api/datasets/letters-v1{rest}?build={NOBODY}").status_code == 404
    assert [*api.get(f"/api/datasets/letters-v1{rest}?build=x").json()["errors"]] == ["build"]


def test_a_build_of_another_key_is_404(api: Client) -> None:
    make_trace()
    other = make_dataset(dataset_name="other")
    make_dataset()
    assert api.get(f"/api/datasets/letters-v1?build={other.build_id}").status_code == 404


def test_the_list_is_newest_first_in_pages(api: Client) -> None:
    make_trace()
    keys = [make_dataset(dataset_version=f"v{n}").key for n in range(3)]
    page = api.get("/api/datasets?limit=2").json()
    assert [item["dataset_key"] for item in page["data"]] == keys[:0:-1]
    assert (page["pagination"]["limit"], page["pagination"]["next_offset"]) == (2, 2)
    for after in ("offset=2", f"cursor={page['pagination']['next_cursor']}"):
        rest = api.get(f"/api/datasets?limit=2&{after}").json()
        assert [item["dataset_key"] for item in rest["data"]] == keys[:1]
        assert (rest["pagination"]["next_offset"], rest["pagination"]["next_cursor"]) == (None, None)


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "offset=-1", "cursor=x", "key=x"])
def test_a_refused_parameter_of_the_list_is_named(api: Client, query: str) -> None:
    response = api.get(f"/api/datasets?{query}")
    assert (response.status_code, [*response.json()["errors"]]) == (400, [query.partition("=")[0]])


def test_the_list_takes_as_many_queries_for_1_as_for_3(
    api: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make_trace()
    for versions in (("v1",), ("v2", "v3")):
        for version in versions:
            make_dataset(dataset_version=version)
        with django_assert_num_queries(1):
            api.get("/api/datasets")


@pytest.mark.parametrize("way", ["next_cursor", "next_offset"])
def test_entries_lead_through_the_members_in_order(api: Client, way: str) -> None:
    ids = [str(trace.id) for trace in make_traces(5)]
    wanted = [ids[n] for n in (3, 0, 4, 1, 2)]
    make_dataset(trace_ids=wanted)
    found, after = [], ""
    while after is not None:
        query = f"&{way.removeprefix('next_')}={after}" if after else ""
        page = api.get(f"/api/datasets/letters-v1/entries?limit=2{query}").json()
        found.append(page["data"])
        after = page["pagination"][way]
    assert found == [wanted[:2], wanted[2:4], wanted[4:]]


@pytest.mark.parametrize("query", ["cursor=x", "cursor=-1", "limit=0", "limit=101", "x=1"])
def test_a_refused_parameter_of_entries_is_named(api: Client, query: str) -> None:
    make_trace()
    make_dataset()
    response = api.get(f"/api/datasets/letters-v1/entries?{query}")
    assert (response.status_code, [*response.json()["errors"]]) == (400, [query.partition("=")[0]])


# --- Deleting ----------------------------------------------------------------------------------


def test_deleting_leaves_a_tombstone(client: Client, user: User, staff: User) -> None:
    make_trace()
    dataset = make_dataset()
    client.force_login(user)
    path = f"/api/datasets/{dataset.key}"
    assert client.delete(path, headers={"host": "localhost"}).status_code == 403
    client.force_login(staff)
    assert client.delete(path, headers={"host": "localhost"}).status_code == 204
    assert client.get(path, headers={"host": "localhost"}).status_code == 404
    left = Tombstone.objects.get()
    assert (left.key, left.build_id, left.content_digest, left.deleted_by) == (
        *(dataset.key, dataset.build_id, dataset.content_digest),
        staff,
    )
    assert timezone.now() - left.deleted_at < timedelta(minutes=1)


def test_a_dataset_that_a_manifest_uses_stays(api: Client) -> None:
    make_trace()
    manifest = _make_manifest(make_dataset().key)
    response = api.delete("/api/datasets/letters-v1")
    assert response.status_code == 409
    assert response.json() == {
        "detail": f"letters-v1 is used by {manifest}. Delete these first, or say force=true."
    }
    assert (Dataset.objects.count(), Tombstone.objects.count()) == (1, 0)


def test_force_deletes_what_uses_it_too(
    api: Client, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    make_trace()
    _make_manifest(make_dataset().key)
    make_trace()
    kept = make_dataset(dataset_version="v2")
    manifest = _make_manifest(kept.key)
    with django_capture_on_commit_callbacks(execute=True):
        assert api.delete("/api/datasets/letters-v1?force=true").status_code == 204
    assert ([*Dataset.objects.all()], [*Manifest.objects.all()]) == ([kept], [manifest])
    assert [left.key for left in Tombstone.objects.all()] == ["letters-v1"]
    assert kept.entries.count() == 2
