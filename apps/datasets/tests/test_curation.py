"""What is said of traces as a filter, in bulk, and counted of a dataset."""

import json
from itertools import islice, product
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.core.keyset import COUNTED, Sort
from apps.core.ranges import Bounds
from apps.curation.curate import Change, curate_traces
from apps.curation.look import marks_of
from apps.curation.models import Review, Tagging
from apps.datasets.browse import browse_traces
from apps.datasets.describe import chips, recipe_words, where_params
from apps.datasets.models import Dataset
from apps.datasets.selection import Where, select_traces
from apps.datasets.tests.factories import make_dataset, make_recipe
from apps.formats.flags import FLAGS
from apps.traces.models import RARE, Trace
from apps.traces.tests.factories import make_trace, make_traces

JSON = "application/json"


def say(traces: list[Trace], *tags: str, review: str | None = None) -> None:
    found = Trace.objects.with_keys([trace.pk for trace in traces])
    curate_traces(found, Change(tags, review=review), created_by=None)


def store() -> None:
    """a: tagged x, y and approved; b: x, rejected; c: approved and reset; d: nothing."""
    a, b, c, _ = (make_trace(prompt=letter, meta={"source": letter}) for letter in "abcd")
    say([a], "x", "y", review="approved")
    say([b], "x", review="rejected")
    say([c], review="approved")
    say([c], review="new")


WHERE = [
    ({"tag": "x"}, "ab"),
    ({"tag": " x "}, "ab"),
    ({"tag": "-x"}, "cd"),
    ({"tag": "y"}, "a"),
    ({"tag": "X"}, ""),
    ({"tag": "-X"}, "abcd"),
    ({"review": "new"}, "cd"),
    ({"review": "approved"}, "a"),
    ({"review": "rejected"}, "b"),
    ({"tag": "x", "review": "rejected"}, "b"),
    ({"tag": "-y", "review": "approved"}, ""),
    ({"tag": "x", "source": "a"}, "a"),
    ({"flag": "very long"}, ""),
    ({"flag": "repeated step"}, "e"),
    ({"flag": "repeated step", "review": "approved"}, ""),
]


@pytest.mark.parametrize(("where", "found"), WHERE)
def test_a_build_and_the_list_find_the_same(api: Client, where: dict[str, Any], found: str) -> None:
    store()
    if "flag" in where:
        steps = [{"i": n, "type": "t", "content": "513"} for n in range(2)]
        make_trace(prompt="e", steps=steps)
    page = api.get(f"/traces?{urlencode(where_params(Where.model_validate(where)))}")
    assert sorted(trace.prompt_excerpt for trace in page.context["browsed"].traces) == [*found]
    response = api.post("/api/datasets/build", make_recipe(where=where), JSON)
    assert response.status_code == (201 if found else 400)
    if found:
        members = Dataset.objects.named("letters-v1").members(0, 9)
        assert sorted(trace.prompt for trace in members) == [*found]


@pytest.mark.parametrize("few", [0, 2_000])
def test_the_list_finds_many_in_its_order(api: Client, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.traces.models.FEW", few)
    store()
    for query, found in (("tag=x", "ba"), ("tag=-x", "dc"), ("review=approved", "a"), ("review=new", "dc")):
        browsed = api.get(f"/traces?{query}").context["browsed"]
        assert "".join(trace.prompt_excerpt for trace in browsed.traces) == found
        assert browsed.count.number == len(found)


SAID: dict[str, dict[Any, str]] = {
    "tag": {None: "abcd", "x": "ab", "-x": "cd", "y": "a"},
    "review": {None: "abcd", "new": "cd", "approved": "a", "rejected": "b"},
    "in_dataset": {None: "abcd", "any": "bcd", "none": "a", "letters-v1": "bd", "-letters-v1": "ac"},
    "source": {None: "abcd", "b": "b", "z": ""},
    "steps": {None: "abcd", Bounds[int](min=2): "abcd", Bounds[int](min=3): ""},
}


# Each with every seventh of the 720 combinations: seven has no divisor in common with how many a filter has.
@pytest.mark.parametrize("compared", [0, 1, RARE], ids=["all common", "one is rare", "all rare"])
def test_whichever_filter_leads_all_hold(compared: int, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("traces.models", "datasets.selection"):
        monkeypatch.setattr(f"apps.{module}.RARE", compared)
    store()
    ids = {trace.prompt: trace.pk for trace in Trace.objects.all()}
    for name, letters in (("letters", "bd"), ("others", "bc")):
        make_dataset(dataset_name=name, trace_ids=[str(ids[letter]) for letter in letters], limit=100)
    sort = Sort("score", is_descending=True)
    for values in islice(product(*SAID.values()), min(compared, 2), None, 7):
        where = Where().model_copy(
            update={name: value for name, value in zip(SAID, values, strict=True) if value is not None}
        )
        expected = {
            ids[letter]
            for letter in "abcd"
            if all(letter in SAID[name][value] for name, value in zip(SAID, values, strict=True))
        }
        assert {trace.pk for trace in select_traces(where)} == expected, where
        browsed = browse_traces(where, sort)
        assert {trace.pk for trace in browsed.traces} == expected, where
        assert browsed.count.number == len(expected), where


@pytest.mark.parametrize("query", ["tag=x&review=approved&score_min=1", "review=new&in_dataset=-letters-v1"])
def test_filters_that_compete_cost_the_same_number_of_queries(api: Client, query: str) -> None:
    counted = []
    for count in (1, 3, 100):
        make_traces(count - Trace.objects.count())
        make_dataset(dataset_version=f"v{count}")
        say([*Trace.objects.all()], "x", review="approved")
        with CaptureQueriesContext(connection) as seen:
            assert api.get(f"/traces?{query}").status_code == 200
        counted.append(len(seen))
    assert counted == [counted[0]] * 3


@pytest.mark.parametrize(
    ("where", "path"),
    [
        ({"tag": ""}, "where.tag"),
        ({"tag": "-"}, "where.tag"),
        ({"tag": "a,b"}, "where.tag"),
        ({"tag": "x" * 66}, "where.tag"),
        ({"tag": 1}, "where.tag"),
        ({"review": "good"}, "where.review"),
        ({"review": ""}, "where.review"),
        ({"flag": "long"}, "where.flag"),
    ],
)
def test_a_refused_filter_is_named(api: Client, where: Any, path: str) -> None:
    make_trace()
    bodies = {"datasets/build": make_recipe(where=where), "curation": {"where": where, "review": "new"}}
    for url, body in bodies.items():
        response = api.post(f"/api/{url}", body, JSON)
        assert (response.status_code, [*response.json()["errors"]]) == (400, [path])


@pytest.mark.parametrize("query", ["tag=a,b", "review=good", "flag=long"])
def test_the_list_refuses_it_at_its_field(api: Client, query: str) -> None:
    page = api.get(f"/traces?{query}")
    assert page.status_code == 422
    assert [*page.context["form"].errors] == [query.partition("=")[0]]


def test_filters_are_said_in_words(api: Client) -> None:
    store()
    said = {query: [chip.text for chip in chips(Where.model_validate(query_of(query)))] for query in QUERIES}
    assert said == QUERIES
    dataset = make_dataset(where={"tag": "-y", "review": "new"})
    assert recipe_words(dataset) == ["not tagged y", "not reviewed", "newest first", "all of them"]


QUERIES = {
    "tag=x": ["tagged x"],
    "tag=-x": ["not tagged x"],
    "review=new": ["not reviewed"],
    "review=approved": ["approved"],
    "flag=very long": ["flag: very long"],
}


def query_of(text: str) -> dict[str, str]:
    return dict([text.split("=")])


def test_the_command_takes_them(db: None) -> None:
    store()
    make_trace(prompt="x" * 9_000)
    call_command("build_dataset", "two", "v1", "--flag=very long")
    assert Dataset.objects.named("two-v1").trace_count == 1
    call_command("build_dataset", "one", "v1", "--tag=-y", "--review", "rejected")
    assert [trace.prompt for trace in Dataset.objects.named("one-v1").members(0, 9)] == ["b"]


@pytest.mark.parametrize("count", [1, 3, 50])
def test_the_list_asks_twice_for_what_is_said(api: Client, count: int) -> None:
    say(make_traces(count), "x", "y", review="approved")
    with CaptureQueriesContext(connection) as queries:
        page = api.get("/traces")
    assert len([query for query in queries if "curation_" in query["sql"]]) == 3  # and the names of tags
    assert page.text.count('<span class="chip approved">') == count


# --- In bulk ------------------------------------------------------------------------------------


def test_by_where_and_by_ids(api: Client) -> None:
    store()
    body = {"where": {"tag": "x"}, "add_tags": ["z"], "remove_tags": ["y"], "review": "approved"}
    answer = api.post("/api/curation", body, JSON)
    assert (answer.status_code, answer.json()) == (
        200,
        {"traces": 2, "tags_added": 2, "tags_removed": 1, "reviewed": 1},
    )
    ids = [str(trace.pk) for trace in Trace.objects.order_by("pk")]
    answer = api.post("/api/curation", {"trace_ids": ids[2:], "add_tags": ["z"]}, JSON)
    assert answer.json() == {"traces": 2, "tags_added": 2, "tags_removed": 0, "reviewed": 0}
    marks = marks_of([trace.pk for trace in Trace.objects.order_by("pk")])
    assert [("".join(mark.tags), mark.state) for mark in marks.values()] == [
        ("xz", "approved"),
        ("xz", "approved"),
        ("z", "new"),
        ("z", "new"),
    ]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"where": {}}, 400),
        ({"add_tags": ["a"]}, 400),
        ({"where": {}, "trace_ids": [str(uuid4())], "add_tags": ["a"]}, 400),
        ({"trace_ids": [], "add_tags": ["a"]}, 400),
        ({"trace_ids": [str(uuid4())], "add_tags": ["a"]}, 404),
        ({"where": {"in_dataset": "no-v1"}, "add_tags": ["a"]}, 404),
        ({"where": {}, "add_tags": ["-a"]}, 400),
        ({"where": {}, "review": "good"}, 400),
    ],
)
def test_a_refused_body_says_nothing(api: Client, body: Any, status: int) -> None:
    make_trace()
    assert api.post("/api/curation", body, JSON).status_code == status
    assert (Tagging.objects.count(), Review.objects.count()) == (0, 0)


def apply(api: Client, **form: Any) -> Any:
    """Ask, then say what is asked for."""
    asked = api.post("/traces/curate", form)
    assert asked.status_code == 200
    return api.post("/traces/curate", {**form, "upto": asked.context["upto"], "apply": "1"})


def test_the_page_does_it_to_the_ticked(api: Client) -> None:
    ticked, other = make_traces(2)
    response = apply(api, trace=[ticked.pk], source="test", add_tags="a, b", state="approved")
    assert (response.status_code, response["Location"]) == (303, "/traces?source=test")
    marks = marks_of([ticked.pk, other.pk])
    assert [(mark.tags, mark.state) for mark in marks.values()] == [(["a", "b"], "approved"), ([], "new")]
    [message] = api.get(response["Location"]).context["messages"]
    assert str(message) == "Of 1 trace: added 2 tags, reviewed 1 trace."


def test_the_page_does_it_to_all_that_match(api: Client) -> None:
    store()
    asked = api.post("/traces/curate", {"all": "1", "tag": "x", "review": "rejected"})
    assert "Tag or review 1 trace" in " ".join(asked.text.split())
    apply(api, all="1", tag="x", review="rejected", add_tags="q", state="approved")
    assert [tagging.trace.prompt for tagging in Tagging.objects.filter(tag__name="q")] == ["b"]


def test_what_came_after_the_question_is_left_alone(api: Client) -> None:
    make_trace()
    upto = api.post("/traces/curate", {"all": "1"}).context["upto"]
    late = make_trace()
    api.post("/traces/curate", {"all": "1", "upto": upto, "apply": "1", "add_tags": "a"})
    assert marks_of([late.pk])[late.pk].tags == []
    assert Tagging.objects.count() == 1


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({}, "there is nothing to do"),
        ({"add_tags": "a, -b"}, "A tag is not empty"),
        ({"state": "good"}, "Select a valid choice."),
    ],
)
def test_the_page_says_what_is_wrong(api: Client, form: dict[str, str], message: str) -> None:
    trace = make_trace()
    page = api.post("/traces/curate", {"trace": trace.pk, "apply": "1", **form})
    assert page.status_code == 422
    assert message in page.text
    assert Tagging.objects.count() == 0


def test_nothing_ticked_is_said(api: Client) -> None:
    page = api.post("/traces/curate", {"apply": "1", "add_tags": "a"})
    assert (page.status_code, page.context["text"]) == (
        422,
        "No trace is selected. Tick some rows of the list first.",
    )
    assert api.get("/traces/curate?all=1&apply=1&add_tags=a")["Location"] == "/traces"


# --- Counted of a dataset ------------------------------------------------------------------------


@pytest.mark.parametrize("counted", [COUNTED, 0], ids=["few members", "many members"])
def test_a_dataset_counts_what_is_said_now(
    api: Client, counted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.datasets.curated.COUNTED", counted)
    store()
    say([make_trace(prompt="x" * 9_000)], "x", review="rejected")
    make_dataset(where={"tag": "x"})
    make_dataset(dataset_name="all")
    assert json.loads(api.get("/api/datasets/letters-v1/curation").content) == {
        "review": {"new": 0, "approved": 1, "rejected": 2},
        "tags": [{"name": "x", "traces": 3}, {"name": "y", "traces": 1}],
        "flags": {**dict.fromkeys(FLAGS, 0), "very long": 1},
    }
    say([*Trace.objects.all()], "z")
    assert json.loads(api.get("/api/datasets/all-v1/curation").content) == {
        "review": {"new": 2, "approved": 1, "rejected": 2},
        "tags": [{"name": "z", "traces": 5}, {"name": "x", "traces": 3}, {"name": "y", "traces": 1}],
        "flags": {**dict.fromkeys(FLAGS, 0), "very long": 1},
    }
    page = " ".join(api.get("/datasets/letters-v1").text.split())
    assert '?in_dataset=letters-v1&amp;review=approved">1 approved</a>' in page
    assert '&amp;tag=x">x 3</a>' in page
    assert '&amp;flag=very%20long" title="Prompt, steps and answer have' in page
    assert '8,192 characters">1 very long</a>' in page
    assert "0 empty step" in page
    Dataset.objects.update(histograms={})  # as a build from before they were counted
    assert api.get("/api/datasets/letters-v1/curation").json()["flags"] is None
    assert api.get("/datasets/letters-v1").status_code == 200
    assert api.get("/api/datasets/no-v1/curation").status_code == 404


def test_a_big_dataset_asks_for_it_afterwards(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.datasets.views.datasets.COUNTED", 1)
    store()
    dataset = make_dataset()
    url = f"/datasets/letters-v1/curation?build={dataset.build_id}"
    page = api.get("/datasets/letters-v1")
    assert f'hx-get="{url}"' in page.text
    assert page.context["counts"] is None
    part = api.get(url, headers={"hx-request": "true"})
    assert 'id="datasets-curation"' in part.text
    assert "<html" not in part.text
    assert "<h1>Reviews, tags and flags</h1>" in api.get(url).text
