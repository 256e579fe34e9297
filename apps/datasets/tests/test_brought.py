"""Traces by the import that brought them: the list, a build, what is done to all of them."""

from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client

from apps.audit.models import Act
from apps.datasets.models import Dataset
from apps.datasets.selection import Where, select_traces
from apps.datasets.tests.factories import make_recipe
from apps.imports.models import Import
from apps.imports.tests.factories import imported, lines, row
from apps.traces.models import Trace
from apps.traces.tests.factories import make_trace

pytestmark = pytest.mark.django_db(transaction=True)

JSON = "application/json"


@pytest.fixture
def found() -> Import:
    """Two traces, one of which has a word of its own; beside it others."""
    make_trace()
    imported(lines(row(7)), "other.jsonl")
    return imported(lines(row(1), row("two apples")), "rows.jsonl")


def test_its_page_leads_to_the_list_of_what_it_brought(api: Client, found: Import) -> None:
    path = f"/traces?ingest_id={found.ingest_id}"
    assert f'href="{path}"' in api.get(f"/imports/{found.pk}").text
    page = api.get(path)
    assert [trace.prompt_excerpt for trace in page.context["browsed"].traces] == ["two apples", "1"]
    assert [chip.text for chip in page.context["chips"]] == ["brought by rows.jsonl"]
    narrower = api.get(f"{path}&q=apples&steps_min=1&sort=steps")
    assert [trace.prompt_excerpt for trace in narrower.context["browsed"].traces] == ["two apples"]


@pytest.mark.parametrize(("id", "status"), [(str(uuid4()), 200), ("x", 422), ("", 200)])
def test_what_is_no_import_is_said(api: Client, id: str, status: int) -> None:
    page = api.get(f"/traces?ingest_id={id}")
    assert (page.status_code, [*page.context["form"].errors]) == (status, ["ingest_id"] * (status == 422))
    if page.context["browsed"]:
        assert [chip.text for chip in page.context["chips"]] == [f"brought by {id}"] * bool(id)


def test_it_is_built_and_curated(api: Client, found: Import) -> None:
    where = {"ingest_id": str(found.ingest_id)}
    recipe = make_recipe(dataset_name="brought", where=where, limit=None)
    assert [api.post("/api/datasets/build", recipe, JSON).status_code for _ in "12"] == [201, 200]
    dataset = Dataset.objects.named("brought-v1")
    assert {*dataset.trace_ids()} == {*found.traces.values_list("pk", flat=True)}
    page = api.get("/datasets/brought-v1").text
    assert ("brought by rows.jsonl" in page, str(found.ingest_id) in page) == (True, True)
    assert api.get(f"/datasets/new?ingest_id={found.ingest_id}").context["preview"] is not None
    answer = api.post("/api/curation", {"where": where, "add_tags": ["new"]}, JSON)
    assert answer.json()["traces"] == 2
    form = {"all": "1", "apply": "1", "add_tags": "page", "ingest_id": str(found.ingest_id)}
    assert api.post("/traces/curate", form).status_code == 303
    assert Act.objects.newest_first()[0].rows == 2
    assert (
        api.post("/api/curation", {"where": {"ingest_id": "x"}, "add_tags": ["a"]}, JSON).status_code == 400
    )


def test_the_call_lists_them(api: Client, found: Import) -> None:
    data = api.get(f"/api/traces?ingest_id={found.ingest_id}").json()["data"]
    assert [item["id"] for item in data] == [str(id) for id in found.traces.newest_ids(3)]
    assert api.get("/api/traces?ingest_id=x").status_code == 400


def test_it_is_found_by_its_index(found: Import) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET enable_seqscan = off")  # which the planner prefers for a handful of rows
        plan = select_traces(Where(ingest_id=found.ingest_id)).order_by().explain()
    assert "traces_by_act" in plan
    walked = select_traces(Where(ingest_id=found.ingest_id), is_walked=True)
    assert ("traces_by_act" in walked.order_by().explain(), walked.count()) == (False, 2)
    assert Trace.objects.count() == 4
