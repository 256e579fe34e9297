"""The list of datasets."""

from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.datasets.models import Dataset
from apps.datasets.tests.factories import make_dataset
from apps.traces.tests.factories import make_trace
from apps.tunix.manifest import Training, generate_manifest


def _listed(api: Client, query: str = "") -> list[tuple[str, list[str], int]]:
    catalogue = api.get(f"/datasets{query}").context["catalogue"]
    return [
        (name.name, [row.dataset.version for row in name.versions], name.older) for name in catalogue.names
    ]


def _make(name: str, *versions: str) -> None:
    for version in versions:
        make_dataset(dataset_name=name, dataset_version=version)


def test_versions_stand_below_their_name_newest_first(api: Client) -> None:
    make_trace()
    _make("a", "v1")
    _make("b", "v1", "v2")
    _make("c", "v1")
    _make("a", "v2")
    assert _listed(api) == [("a", ["v2", "v1"], 0), ("c", ["v1"], 0), ("b", ["v2", "v1"], 0)]


def test_a_row_says_what_it_is(api: Client) -> None:
    make_trace()
    _make("a", "v1")
    for _ in range(2):
        generate_manifest("a-v1", Training("m", "o"), created_by=None)
    [name] = api.get("/datasets").context["catalogue"].names
    assert [(row.dataset.key, row.manifest_count) for row in name.versions] == [("a-v1", 2)]
    page = api.get("/datasets").text
    assert "all traces · newest first · all of them" in page
    assert 'href="/datasets/a-v1"' in page


def test_of_many_versions_the_newest_are_listed_and_their_own_page_has_all(api: Client) -> None:
    make_trace()
    _make("a", *(f"v{n}" for n in range(1, 9)))
    assert _listed(api) == [("a", ["v8", "v7", "v6", "v5", "v4"], 3)]
    assert _listed(api, "?name=a") == [("a", [f"v{n}" for n in range(8, 0, -1)], 0)]
    assert _listed(api, "?name=A") == []


def test_a_search_finds_names(api: Client) -> None:
    make_trace()
    for name in ("alpha", "beta", "al_pha"):
        _make(name, "v1")
    assert [name for name, _, _ in _listed(api, "?q=ALP")] == ["alpha"]
    assert [name for name, _, _ in _listed(api, "?q=_")] == ["al_pha"]
    assert "No dataset is found here" in api.get("/datasets?q=v1").text
    fragment = api.get("/datasets?q=beta", headers={"HX-Request": "true"})
    assert "<html" not in fragment.text
    assert fragment["HX-Replace-Url"] == "/datasets?q=beta"


def test_pages_lead_through_all_names(api: Client) -> None:
    make_trace()
    names = [f"n{n:02}" for n in range(45)]
    for name in names:
        _make(name, "v1")
    found, after = [], ""
    while after is not None:
        catalogue = api.get("/datasets", {"after": after}).context["catalogue"]
        found.append([name.name for name in catalogue.names])
        after = catalogue.after
    assert found == [names[:24:-1], names[24:4:-1], names[4::-1]]
    back = api.get(f"/datasets?before={catalogue.before}").context["catalogue"]
    assert [name.name for name in back.names] == found[1]
    refused = api.get("/datasets?after=x")
    assert (refused.status_code, "This is no cursor of this list." in refused.text) == (422, True)


def test_a_superseded_build_is_not_listed(api: Client) -> None:
    make_trace()
    _make("a", "v1")
    Dataset.objects.update(superseded_at="2026-01-01T00:00:00Z")
    assert _listed(api) == []


def test_an_empty_place_teaches_the_first_step(api: Client) -> None:
    page = api.get("/datasets").text
    assert "There are no datasets yet" in page
    assert 'href="/datasets/new"' in page


@pytest.mark.parametrize("query", ["", "?name=n0", "?q=n"])
def test_the_list_takes_as_many_queries_for_1_as_for_many(api: Client, query: str) -> None:
    make_trace()
    counts = set()
    for stop in (1, 3, 30):
        for n in range(stop):
            if not Dataset.objects.filter(name=f"n{n}").exists():
                _make(f"n{n}", "v1")
        _make("n0", f"w{stop}")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            api.get(f"/datasets{query}", headers={"HX-Request": "true"})
        counts.add(len(queries))
    assert len(counts) == 1
    assert max(counts) <= 5


@pytest.mark.parametrize("text", ["\0", "a\0", "\ud800", "%", "é"])
def test_what_no_name_can_be_finds_nothing(api: Client, text: str) -> None:
    make_trace()
    _make("a", "v1")
    for query in (
        f"?q={quote(text, errors='surrogatepass')}",
        f"?name={quote(text, errors='surrogatepass')}",
    ):
        assert _listed(api, query) == []
    assert Dataset.objects.next_version(text) == "v1"
