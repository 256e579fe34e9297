"""The page that builds a dataset."""

import shlex
from typing import Any

import orjson
import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import User
from apps.datasets.forms.build import new_version_params
from apps.datasets.models import Dataset
from apps.datasets.tests.factories import make_dataset
from apps.traces.ingest import ingest_traces, parse_trace
from apps.traces.tests.factories import make_payload, make_trace, make_traces

NOBODY = "550e8400-e29b-41d4-a716-446655440000"
HTMX = {"HX-Request": "true"}


def _body(page: Any) -> Any:
    """What the curl line of the page sends."""
    return orjson.loads(shlex.split(page.context["curl"])[-1])


def _post(api: Client, **fields: Any) -> Any:
    return api.post("/datasets/new", {"dataset_name": "mine", "dataset_version": "v1", **fields})


def _members(key: str) -> list[str]:
    return [str(id) for id in Dataset.objects.named(key).trace_ids()]


# --- The draft and its preview -----------------------------------------------------------------


def test_an_empty_form_takes_the_newest_100(api: Client) -> None:
    traces = make_traces(101)
    page = api.get("/datasets/new")
    preview = page.context["preview"]
    assert (page.status_code, str(preview.matching), str(preview.taken)) == (200, "101", "100")
    assert [trace.pk for trace in preview.first] == [trace.pk for trace in traces[:-6:-1]]
    assert _body(page) == {"dataset_name": "my_training_data", "dataset_version": "v1"}


def test_the_link_of_the_list_fills_the_form_in(api: Client) -> None:
    make_traces(3, meta={"source": "s", "level": 3})
    make_trace()
    page = api.get("/datasets/new?q=question&source=s&steps_min=2&meta.level=3&sort=-steps&after=x")
    assert str(page.context["preview"].matching) == "3"
    assert _body(page)["where"] == {
        "q": "question",
        "source": "s",
        "meta": {"level": "3"},
        "steps": {"min": 2},
    }
    assert 'name="meta.level" value="3"' in page.text


@pytest.mark.parametrize(("limit", "count"), [("", 7), ("all", 7), ("5", 5), ("1,000", 7), (None, 7)])
def test_the_limit_may_be_left_out(api: Client, limit: str | None, count: int) -> None:
    make_traces(7)
    page = api.get("/datasets/new", {} if limit is None else {"limit": limit})
    assert page.context["preview"].taken.number == count


def test_a_preview_shows_what_is_then_built(api: Client) -> None:
    make_traces(30)
    query = {"selection_strategy": "random", "seed": "7", "limit": "9", "dataset_name": "mine"}
    first = api.get("/datasets/new", query).context["preview"].first
    assert _post(api, **query).status_code == 303
    assert [str(trace.pk) for trace in first] == _members("mine-v1")[:5]


def test_the_curl_line_builds_the_same(api: Client) -> None:
    make_traces(3, meta={"source": "s"})
    fields = {"dataset_name": "it's", "q": "question", "source": "s", "limit": "2", "session_id": "a'b"}
    body = _body(api.get("/datasets/new", {**fields, "dataset_name": "its"}))
    status = api.post("/api/datasets/build", body, "application/json").status_code
    assert (status, _post(api, **{**fields, "dataset_name": "its"}).status_code) == (201, 303)
    assert Dataset.objects.count() == 1


def test_given_traces_are_taken_in_their_order(api: Client) -> None:
    ids = [str(trace.pk) for trace in make_traces(7)]
    wanted = [ids[n] for n in (3, 0, 6)]
    query = "&".join(f"trace={id}" for id in [*wanted, wanted[0]])
    page = api.get(f"/datasets/new?{query}&source=other&format=trace")
    assert [str(trace.pk) for trace in page.context["preview"].first] == wanted
    assert _body(page)["trace_ids"] == wanted
    assert _post(api, trace_ids=" ".join(wanted)).status_code == 303
    assert _members("mine-v1") == wanted


def test_all_that_match_are_not_the_given(api: Client) -> None:
    trace, *_ = make_traces(3)
    page = api.get(f"/datasets/new?trace={trace.pk}&all=1&q=question")
    assert page.context["preview"].matching.number == 3
    assert "trace_ids" not in _body(page)


def test_10_000_traces_may_be_given(api: Client) -> None:
    payload = parse_trace(make_payload())
    ids = [str(stored.id) for stored in ingest_traces([payload] * 10_000, created_by=None)]
    page = api.get("/datasets/new", {"trace": ids[:400]})
    assert (page.status_code, page.context["preview"].taken.number) == (200, 400)
    page = api.post("/datasets/new", {"trace_ids": " ".join(ids), "preview": "1"}, headers=HTMX)
    assert (page.status_code, "HX-Replace-Url" in page) == (200, False)
    assert page.context["preview"].taken.number == 10_000
    assert _post(api, trace_ids=" ".join(ids)).status_code == 303
    assert _members("mine-v1") == ids


def test_above_10_000_the_counts_and_pictures_say_so(api: Client) -> None:
    payload = parse_trace(make_payload())
    ingest_traces([payload] * 10_001, created_by=None)
    page = api.get("/datasets/new?limit=all")
    preview = page.context["preview"]
    assert (str(preview.matching), str(preview.taken), preview.measured) == ("10,000+", "10,000+", 10_000)
    assert "Of the first 10,000:" in page.text
    assert "All 10,000 traces have 2 steps." in page.text
    assert "Of the first" not in api.get("/datasets/new?limit=10000").text


def test_nothing_to_take_is_said(api: Client) -> None:
    make_trace()
    page = api.get("/datasets/new?q=nowhere")
    assert (page.status_code, "No trace matches" in page.text) == (200, True)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("limit=0", "How many: This must be at least 1."),
        ("limit=many", "How many: This must be a whole number."),
        ("seed=x&selection_strategy=random", "Seed: Enter a whole number."),
        ("seed=&selection_strategy=random", "Seed: Random selection strategy requires a seed"),
        ("selection_strategy=oldest", "Which of them: Select a valid choice."),
        ("steps_min=x", "Steps from: Enter a whole number."),
        ("steps_min=3&steps_max=2", "Steps from: min must not be above max"),
        ("score_max=101", "to: Ensure this value is less than or equal to 100."),
        ("in_dataset=none-v1", "Dataset not found: none-v1"),
        ("traces_of=none-v1", "Dataset not found: none-v1"),
        ("trace=x", "trace_ids.0: This must be a UUID."),
        (f"trace={NOBODY}", f"Trace not found: {NOBODY}"),
        ("dataset_name=%C3%A9", "Name: Use letters, digits, dots"),
        ("filters=x", "filters: The text is not JSON"),
        ("filters=[]", "filters: This must be an object."),
        ("meta.k=%00", "meta.k: Text must not contain the character NUL."),
        ("chars_min=99999999999999999999", "Characters from: An integer must fit into 64 bits."),
    ],
)
def test_a_refusal_is_shown_in_the_page_and_in_its_fragment(api: Client, query: str, said: str) -> None:
    make_trace()
    for headers in ({}, HTMX):
        page = api.get(f"/datasets/new?{query}", headers=headers)
        assert page.status_code == 422
        assert said.partition(": ")[2] in page.text.replace("&#x27;", "'")


def test_the_version_follows_the_name_until_somebody_types_one(api: Client) -> None:
    make_trace()
    make_dataset()

    def version(**query: str) -> tuple[str, bool]:
        page = api.get("/datasets/new", query, headers=HTMX)
        return page.context["form"]["dataset_version"].value(), "hx-swap-oob" in page.text

    assert version() == ("v1", True)
    assert version(dataset_name="letters", dataset_version="v1", suggested="v1") == ("v2", True)
    assert version(dataset_name="letters", dataset_version="v2", suggested="v2") == ("v2", False)
    assert version(dataset_name="other", dataset_version="v2", suggested="v2") == ("v1", True)
    assert version(dataset_name="letters", dataset_version="v1", suggested="v2") == ("v1", False)
    assert version(dataset_name="letters", dataset_version="", suggested="v2") == ("", False)


def test_a_key_that_exists_is_said_before_it_is_refused(api: Client) -> None:
    make_trace()
    make_dataset()
    page = api.get("/datasets/new?dataset_name=letters&dataset_version=v1&q=27")
    assert 'href="/datasets/letters-v1">letters-v1</a> exists, with 1 trace.' in page.text
    assert 'href="?dataset_name=letters&amp;dataset_version=v2&amp;q=27">v2</a>' in page.text
    assert "exists, with" not in api.get("/datasets/new?dataset_name=letters&dataset_version=v2").text


def test_the_next_version_is_above_the_highest_of_this_key(api: Client) -> None:
    make_trace()
    for name, version in (("a b", "v2"), ("a b", "v10"), ("a/b", "v11"), ("a_b_c", "v30"), ("a b", "vx")):
        make_dataset(dataset_name=name, dataset_version=version)
    assert [Dataset.objects.next_version(name) for name in ("a b", "a_b", "a", "a%b")] == [
        *("v12", "v12", "v1", "v1")
    ]


def test_the_address_has_the_state_of_the_form(api: Client) -> None:
    make_traces(3, meta={"k": "test"})
    query = "dataset_name=a&dataset_version=v1&limit=2&selection_strategy=random&seed=5&q=quest&meta.k=test"
    page = api.get(f"/datasets/new?{query}&session_id=&suggested=v1&steps_min=", headers=HTMX)
    address = page["HX-Replace-Url"].partition("?")[2]
    assert QueryDict(address).dict() == QueryDict(query).dict()
    assert QueryDict(api.get("/datasets/new?limit=", headers=HTMX)["HX-Replace-Url"].partition("?")[2]) == (
        QueryDict("dataset_version=v1&limit=all")
    )


def test_a_filter_without_a_field_can_be_removed(api: Client) -> None:
    make_trace(meta={"a": 1, "b": "x"})
    page = api.get("/datasets/new", {"meta.a": "1", "filters": '{"a":1,"b":"x"}', "limit": "5"})
    found = [(item.text, QueryDict(item.others).dict()) for item in page.context["form"].removables]
    rest = {"dataset_version": "v1", "limit": "5"}
    assert found == [
        ("meta.a = 1", {**rest, "filters": '{"a":1,"b":"x"}'}),
        ("meta.a is 1", {**rest, "meta.a": "1", "filters": '{"b":"x"}'}),
        ("meta.b is x", {**rest, "meta.a": "1", "filters": '{"a":1}'}),
    ]


@pytest.mark.parametrize("query", ["", "?q=question", "?selection_strategy=random", "?dataset_name=letters"])
def test_a_preview_takes_as_many_queries_for_1_as_for_many(api: Client, query: str) -> None:
    counts = set()
    for count in (1, 2, 100):
        make_traces(count)
        make_dataset(dataset_version=f"v{count}")
        with CaptureQueriesContext(connection) as queries:
            assert api.get(f"/datasets/new{query}", headers=HTMX).status_code == 200
        counts.add(len(queries))
    assert len(counts) == 1
    assert max(counts) <= (11 if "q=" in query else 5)


# --- Building ----------------------------------------------------------------------------------


def test_what_is_sent_is_built(api: Client) -> None:
    make_traces(3, meta={"source": "s", "level": 1})
    fields: dict[str, Any] = {
        "dataset_name": "my data",
        "dataset_version": "v7",
        "q": "question",
        "source": "s",
        "meta_key": "level",
        "meta_value": "1",
        "limit": "2",
        "session_id": "session",
        "parent_dataset_id": "parent",
        "training_run_id": "run",
    }
    response = api.post("/datasets/new", fields)
    assert (response.status_code, response["Location"]) == (303, "/datasets/my_data-v7")
    found = api.get("/api/datasets/my_data-v7").json()
    assert found["where"] == {"q": "question", "source": "s", "meta": {"level": "1"}}
    assert (found["trace_count"], found["limit"], found["seed"], found["filters"]) == (2, 2, None, {})
    assert (found["session_id"], found["parent_dataset_id"], found["training_run_id"]) == (
        *("session", "parent", "run"),
    )
    assert "Built my_data-v7 of 2 traces." in api.get(response["Location"]).text


def test_the_same_again_leads_to_what_exists(api: Client) -> None:
    make_trace()
    responses = [_post(api), _post(api)]
    assert [response.status_code for response in responses] == [303, 303]
    assert "mine-v1 exists already" in api.get("/datasets/mine-v1").text
    assert Dataset.objects.count() == 1


def test_a_closed_server_names_the_token_in_the_curl_line(client: Client, user: User) -> None:
    make_trace()
    client.force_login(user)
    page = client.get("/datasets/new", headers={"host": "localhost"})
    assert 'Bearer $TUNIXRT_TOKEN" -d' in page.context["curl"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"dataset_name": ""}, "dataset_name"),
        ({"dataset_name": "n" * 129}, "dataset_name"),
        ({"dataset_name": "é"}, "dataset_name"),
        ({"dataset_version": ""}, "dataset_version"),
        ({"dataset_version": "v?"}, "dataset_version"),
        ({"limit": "10001"}, "limit"),
        ({"selection_strategy": "random", "seed": ""}, "seed"),
        ({"session_id": "s" * 129}, "session_id"),
        ({"q": "nowhere"}, "__all__"),
        ({"trace_ids": NOBODY}, "__all__"),
    ],
)
def test_a_refusal_stands_at_its_field(api: Client, fields: dict[str, str], field: str) -> None:
    make_trace()
    page = _post(api, **{"training_run_id": "kept", **fields})
    assert (page.status_code, [*page.context["form"].errors]) == (422, [field])
    assert 'value="kept"' in page.text
    assert Dataset.objects.count() == 0


def test_without_a_script_the_preview_button_shows_the_page_of_these_filters(api: Client) -> None:
    make_trace()
    response = api.post("/datasets/new", {"dataset_name": "mine", "q": "27", "preview": "1"})
    assert response.status_code == 303
    assert QueryDict(response["Location"].partition("?")[2]).dict() == {
        "dataset_name": "mine",
        "dataset_version": "v1",
        "q": "27",
    }
    assert api.post("/datasets/new", {"limit": "x", "preview": "1"}).status_code == 422
    assert Dataset.objects.count() == 0


@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"limit": 2},
        {"filters": {"source": "s", "level": 1}},
        {"where": {"q": "question", "meta": {"level": "1"}, "score": {"max": 50.5}, "steps": {"min": 1}}},
        {"selection_strategy": "random", "seed": -3, "session_id": "a&b"},
    ],
)
def test_a_new_version_is_filled_in_from_the_recipe(api: Client, overrides: dict[str, Any]) -> None:
    make_traces(3, meta={"source": "s", "level": 1})
    dataset = make_dataset(**overrides)
    page = api.get(f"/datasets/new?{new_version_params(dataset).urlencode()}")
    body = _body(page)
    assert (body["dataset_version"], body["parent_dataset_id"]) == ("v2", "letters-v1")
    assert api.post("/api/datasets/build", body, "application/json").status_code == 201
    found, before = (api.get(f"/api/datasets/letters-{version}").json() for version in ("v2", "v1"))
    different = {name for name in found if found[name] != before[name]}
    assert different == {"dataset_key", "build_id", "dataset_version", "created_at", "parent_dataset_id"}


def test_a_new_version_of_given_traces_is_of_these(api: Client) -> None:
    ids = [str(trace.pk) for trace in make_traces(5)][::-1]
    dataset = make_dataset(trace_ids=ids)
    page = api.get(f"/datasets/new?{new_version_params(dataset).urlencode()}")
    assert _body(page)["trace_ids"] == ids


def test_what_users_wrote_is_text(api: Client) -> None:
    make_trace(prompt="<script>alert(1)</script> {{ x }} " + "x" * 40_000, meta={"<u>": "<i>"})
    page = api.get("/datasets/new", {"meta.<u>": "<i>", "dataset_name": "a", "session_id": '"><u>'})
    assert page.context["preview"].matching.number == 1
    assert [tag for tag in ("<script>alert", "<u>", "<i>") if tag in page.text] == []
    assert len(page.text) < 40_000
