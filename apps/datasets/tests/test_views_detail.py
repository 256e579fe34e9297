"""The page of one dataset, and the one that deletes it."""

import shlex
from typing import Any

import orjson
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import User
from apps.datasets.models import Dataset, Tombstone
from apps.datasets.tests.factories import make_dataset, make_recipe
from apps.traces.ingest import ingest_traces, parse_trace
from apps.traces.tests.factories import make_payload, make_trace, make_traces
from apps.tunix.manifest import Training, generate_manifest
from apps.tunix.models import Manifest

JSON = "application/json"


def _replace(api: Client) -> Dataset:
    """letters-v1 is built anew; the build before it."""
    first = make_dataset()
    make_trace()
    assert api.post("/api/datasets/build", make_recipe(replace=True), JSON).status_code == 201
    return first


# --- What it shows -----------------------------------------------------------------------------


def test_a_page_shows_what_the_dataset_is(api: Client) -> None:
    make_traces(3)
    dataset = make_dataset(session_id="s", training_run_id="r", parent_dataset_id="nowhere")
    page = api.get("/datasets/letters-v1")
    for said in (dataset.content_digest, str(dataset.build_id), "nowhere", "frozen", "2 to 2"):
        assert said in page.text
    assert 'href="/tunix?dataset_key=letters-v1"' in page.text
    assert 'href="/datasets/nowhere"' not in page.text
    assert "All 3 traces have 2 steps." in page.text


@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"limit": 2},
        {"limit": 100, "seed": 5},
        {"filters": {"source": "test"}, "where": {"q": "question", "chars": {"max": 500}}},
        {"selection_strategy": "random", "seed": -1, "parent_dataset_id": "p"},
    ],
)
def test_its_curl_line_answers_with_this_build(api: Client, overrides: dict[str, Any]) -> None:
    make_traces(3)
    dataset = make_dataset(**overrides)
    body = orjson.loads(shlex.split(api.get("/datasets/letters-v1").context["curl"])[-1])
    answer = api.post("/api/datasets/build", body, JSON)
    assert (answer.status_code, answer.json()["build_id"]) == (200, str(dataset.build_id))


def test_the_curl_line_of_given_traces_names_them(api: Client) -> None:
    ids = [str(trace.pk) for trace in make_traces(3)]
    make_dataset(trace_ids=ids)
    body = orjson.loads(shlex.split(api.get("/datasets/letters-v1").context["curl"])[-1])
    assert body["trace_ids"] == ids
    assert api.post("/api/datasets/build", body, JSON).status_code == 200


@pytest.mark.parametrize(
    "path", ["none-v1", "letters-v1?build=x", "letters-v1?format=x", "letters-v1?start=x"]
)
def test_what_is_not_there_is_a_page_that_says_so(api: Client, path: str) -> None:
    make_trace()
    make_dataset()
    page = api.get(f"/datasets/{path}")
    assert (page.status_code, "Not found" in page.text) == (404, True)


def test_the_relations_of_a_dataset_are_links(api: Client) -> None:
    make_trace()
    make_dataset(dataset_name="parent")
    make_dataset(parent_dataset_id="parent-v1")
    make_dataset(dataset_version="v2", parent_dataset_id="letters-v1")
    lineage = api.get("/datasets/letters-v1").context["lineage"]
    assert (lineage.parent.key, [child.key for child in lineage.children]) == ("parent-v1", ["letters-v2"])
    assert ([version.key for version in lineage.versions], lineage.previous) == (["letters-v2"], None)
    page = api.get("/datasets/letters-v2")
    assert page.context["lineage"].previous.key == "letters-v1"
    assert 'href="/datasets/compare?base=letters-v1&amp;other=letters-v2">Compare with v1' in page.text


def test_a_superseded_build_says_so_and_leads_to_the_current(api: Client) -> None:
    make_trace()
    first = _replace(api)
    page = api.get(f"/datasets/letters-v1?build={first.build_id}")
    assert page.context["dataset"] == first
    assert "This build is superseded" in page.text
    assert f"export.jsonl?format=tunix_sft&amp;build={first.build_id}" in page.text
    current = api.get("/datasets/letters-v1")
    assert "superseded: another" not in current.text
    assert f'href="/datasets/letters-v1?build={first.build_id}"' in current.text


def test_members_stand_in_their_order_in_pages(api: Client) -> None:
    payload = parse_trace(make_payload())
    stored = [item.id for item in ingest_traces([payload] * 120, created_by=None)]
    ids = [*stored[60:], *stored[:60]]
    make_dataset(trace_ids=[*map(str, ids)])
    found, start = [], 0
    while start is not None:
        page = api.get(f"/datasets/letters-v1?start={start}")
        found += [trace.pk for trace in page.context["members"]]
        start = page.context["next"]
    assert found == ids
    assert "101 to 120 of 120" in page.text
    assert page.context["previous"] == 50
    assert "no trace at this place" in api.get("/datasets/letters-v1?start=500").text


@pytest.mark.parametrize("format", ["trace", "tunix_sft", "training_example"])
def test_the_first_record_is_that_of_the_export(api: Client, format: str) -> None:
    make_traces(3, prompt="Zoë <end_of_turn>", meta={"b": [1], "a": None})
    make_dataset()
    line = api.get(f"/api/datasets/letters-v1/export.jsonl?format={format}").getvalue().splitlines()[0]
    page = api.get(f"/datasets/letters-v1?format={format}")
    assert orjson.loads(page.context["first_record"]) == orjson.loads(line)
    assert f'href="/api/datasets/letters-v1/export.jsonl?format={format}"' in page.text
    assert "hold 3 control tokens of their own" in page.text


def test_manifests_that_use_it_are_linked(api: Client) -> None:
    make_trace()
    make_dataset()
    made = [generate_manifest("letters-v1", Training(f"model-{n}", "o"), created_by=None) for n in range(22)]
    page = api.get("/datasets/letters-v1")
    assert f'<a href="/manifests/{made[-1].pk}">Manifest for model-21</a>' in page.text
    assert f"/manifests/{made[1].pk}" not in page.text
    assert "22 in all" in page.text


def test_an_old_build_without_histograms_has_no_pictures(api: Client) -> None:
    make_trace()
    make_dataset()
    Dataset.objects.update(histograms={})
    page = api.get("/datasets/letters-v1")
    assert (page.status_code, "<svg" in page.text) == (200, False)


def test_what_users_wrote_is_text(api: Client) -> None:
    make_trace(prompt="<script>alert(1)</script>\u202e{{ x }}", meta={"source": "<u>"})
    make_dataset(session_id="<i>", where={"source": "<u>"}, parent_dataset_id="<s>")
    page = api.get("/datasets/letters-v1")
    assert [tag for tag in ("<script>alert", "<u>", "<i>", "<s>") if tag in page.text] == []


def test_a_page_takes_as_many_queries_for_1_as_for_many(api: Client) -> None:
    counts = set()
    for count in (1, 2, 100):
        make_traces(count)
        make_dataset(dataset_version=f"v{count}", parent_dataset_id="letters-v1")
        generate_manifest("letters-v1", Training("m", "o"), created_by=None)
        make_dataset(dataset_name=f"child{count}", parent_dataset_id=f"letters-v{count}")
        with CaptureQueriesContext(connection) as queries:
            api.get(f"/datasets/letters-v{count}")
        counts.add(len(queries))
    assert len(counts) == 1
    # The dataset, its parent, children, builds, versions and the one before, its first record, two for its
    # members, two for its manifests, two for what is said of them, four counts of the navigation.
    assert max(counts) <= 17


# --- Deleting ----------------------------------------------------------------------------------


def test_a_dataset_is_deleted_after_asking(api: Client) -> None:
    make_trace()
    make_dataset()
    assert "Delete letters-v1?" in api.get("/datasets/letters-v1/delete").text
    assert Dataset.objects.count() == 1
    response = api.post("/datasets/letters-v1/delete")
    assert (response.status_code, response["Location"]) == (303, "/datasets")
    assert "letters-v1 is deleted." in api.get("/datasets").text
    assert (Dataset.objects.count(), Tombstone.objects.get().key) == (0, "letters-v1")
    assert api.get("/datasets/letters-v1/delete").status_code == 404


def test_one_that_manifests_use_goes_only_with_them(api: Client) -> None:
    make_trace()
    make_dataset()
    manifest = generate_manifest("letters-v1", Training("m", "o"), created_by=None)
    page = api.post("/datasets/letters-v1/delete")
    assert (page.status_code, [*page.context["form"].errors]) == (422, ["force"])
    assert str(manifest) in page.text
    assert (Dataset.objects.count(), Manifest.objects.count(), Tombstone.objects.count()) == (1, 1, 0)
    assert api.post("/datasets/letters-v1/delete", {"force": "on"}).status_code == 303
    assert (Dataset.objects.count(), Manifest.objects.count(), Tombstone.objects.count()) == (0, 0, 1)


def test_a_superseded_build_is_deleted_alone(api: Client) -> None:
    make_trace()
    first = _replace(api)
    assert api.post(f"/datasets/letters-v1/delete?build={first.build_id}").status_code == 303
    assert [dataset.superseded_at for dataset in Dataset.objects.all()] == [None]


def test_only_staff_deletes(client: Client, user: User, staff: User) -> None:
    make_trace()
    make_dataset()
    path, headers = "/datasets/letters-v1/delete", {"host": "localhost"}
    for account, status in ((user, 403), (staff, 303)):
        client.force_login(account)
        shown = "/datasets/letters-v1/delete" in client.get("/datasets/letters-v1", headers=headers).text
        assert shown == account.is_staff
        assert client.get(path, headers=headers).status_code == (200 if account.is_staff else 403)
        assert client.post(path, headers=headers).status_code == status
    assert Tombstone.objects.get().deleted_by == staff
