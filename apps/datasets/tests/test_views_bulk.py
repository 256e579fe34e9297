"""What is done to many traces from the list: to the ticked ones, and to all that match."""

import json
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import User
from apps.core.ids import new_id
from apps.datasets.selection import Where
from apps.datasets.tests.factories import make_dataset, make_recipe
from apps.datasets.views import bulk
from apps.datasets.views.bulk import Choice
from apps.traces.models import Score, Trace
from apps.traces.score import score_trace
from apps.traces.tests.factories import make_trace, make_traces

NOTHING = "No trace is selected. Tick some rows of the list first."


def confirm(api: Client, **choice: Any) -> Any:
    """Ask, then say yes to what the page asks."""
    asked = api.post("/traces/delete", choice)
    assert asked.status_code == 200
    return api.post("/traces/delete", {**choice, "upto": asked.context["upto"], "confirm": "1"})


def said(api: Client, response: HttpResponse) -> list[str]:
    return [str(message) for message in api.get(response["Location"]).context["messages"]]


# --- Delete ------------------------------------------------------------------------------------


def test_deleting_asks_first(api: Client) -> None:
    ticked, _ = make_traces(2)
    response = api.post("/traces/delete", {"trace": [ticked.pk]})
    assert "Delete 1 trace?" in " ".join(response.content.decode().split())
    assert Trace.objects.count() == 2


def test_the_ticked_are_deleted_and_the_list_says_so(api: Client) -> None:
    *ticked, kept = make_traces(3, meta={"source": "here"})
    response = confirm(api, trace=[trace.pk for trace in ticked], source="here")
    assert (response.status_code, response["Location"]) == (303, "/traces?source=here")
    assert said(api, response) == ["Deleted 2 traces."]
    assert [*Trace.objects.all()] == [kept]


def test_what_datasets_hold_is_named_and_stays(api: Client) -> None:
    free, *held = make_traces(4)
    make_dataset(dataset_name="b", trace_ids=[str(trace.pk) for trace in held])
    make_dataset(dataset_name="a", trace_ids=[str(held[0].pk)])
    chosen = [free.pk, held[0].pk, held[1].pk]
    asked = api.post("/traces/delete", {"trace": chosen})
    holders = asked.context["outlook"].holders
    assert [(str(holder), holder.held) for holder in holders] == [("a-v1", 1), ("b-v1", 2)]
    assert "Delete 1 trace?" in " ".join(asked.content.decode().split())
    response = confirm(api, trace=chosen)
    assert said(api, response) == ["Deleted 1 trace. The rest stays: a-v1 holds 1, b-v1 holds 2."]
    assert {*Trace.objects.all()} == {*held}


def test_a_superseded_build_holds_its_traces(api: Client) -> None:
    trace = make_trace()
    make_dataset()
    new = make_trace()
    recipe = make_recipe(trace_ids=[str(new.pk)], replace=True)
    assert api.post("/api/datasets/build", recipe, "application/json").status_code == 201
    response = confirm(api, trace=[trace.pk])
    assert said(api, response) == ["Deleted 0 traces. The rest stays: letters-v1 (superseded) holds 1."]
    assert Trace.objects.filter(pk=trace.pk).exists()


def test_nothing_is_offered_where_all_are_held(api: Client) -> None:
    trace = make_trace()
    make_dataset()
    content = api.post("/traces/delete", {"trace": [trace.pk]}).content.decode()
    assert "None of these can be deleted" in content
    assert 'name="confirm"' not in content


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        ({}, []),
        ({"source": "a"}, ["b0", "b1"]),
        ({"q": "a1"}, ["a0", "b0", "b1"]),
        ({"meta.n": "1"}, ["a0", "b0"]),
        ({"steps_min": "3"}, ["a0", "a1", "b0", "b1"]),
    ],
)
def test_all_that_match_are_deleted(api: Client, filters: dict[str, str], left: list[str]) -> None:
    for source in "ab":
        for n in range(2):
            make_trace(prompt=f"{source}{n}", meta={"source": source, "n": n})
    confirm(api, all="1", **filters)
    assert [*Trace.objects.order_by("pk").values_list("prompt", flat=True)] == left


def test_all_in_a_dataset_stay_and_all_others_go(api: Client) -> None:
    held, *_ = make_traces(3)
    make_dataset(trace_ids=[str(held.pk)])
    assert said(api, confirm(api, all="1", in_dataset="letters-v1")) == [
        "Deleted 0 traces. The rest stays: letters-v1 holds 1."
    ]
    confirm(api, all="1", in_dataset="-letters-v1")
    assert [*Trace.objects.all()] == [held]


def test_what_came_after_the_question_stays(api: Client) -> None:
    make_trace()
    asked = api.post("/traces/delete", {"all": "1"})
    late = make_trace()
    api.post("/traces/delete", {"all": "1", "upto": asked.context["upto"], "confirm": "1"})
    assert [*Trace.objects.all()] == [late]
    # Without an answer to which question there is none.
    assert api.post("/traces/delete", {"all": "1", "confirm": "1"}).status_code == 200
    assert [*Trace.objects.all()] == [late]


@pytest.mark.parametrize("count", [1, 3, 100])
def test_the_number_of_queries_is_constant(api: Client, count: int) -> None:
    for trace in make_traces(count):
        score_trace(trace, "baseline", created_by=None)
    upto = make_trace().pk
    with CaptureQueriesContext(connection) as queries:
        api.post("/traces/delete", {"all": "1", "upto": upto, "confirm": "1"})
    deletes = [query["sql"] for query in queries if query["sql"].startswith("DELETE")]
    assert [sql.split()[2].strip('"') for sql in deletes] == [
        "traces_trace",
        "traces_score",
        "curation_tagging",
        "curation_review",
        "curation_note",
        "curation_duplicatemember",
    ]
    assert not any("prompt" in query["sql"] for query in queries)
    assert (Trace.objects.count(), Score.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({}, NOTHING),
        ({"trace": "rubbish"}, NOTHING),
        ({"all": "1", "in_dataset": "no-v1"}, "Dataset not found: no-v1"),
        ({"all": "1", "steps_min": "x"}, "Enter a whole number."),
    ],
)
def test_a_choice_that_is_none_is_refused(api: Client, choice: dict[str, str], message: str) -> None:
    make_trace()
    for path in ("delete", "export"):
        response = api.post(f"/traces/{path}", {**choice, "format": "trace"})
        assert (response.status_code, response.context["text"]) == (422, message)
    assert Trace.objects.count() == 1


def test_only_staff_deletes(client: Client, user: User, staff: User) -> None:
    trace = make_trace()
    client.force_login(user)
    body = {"trace": trace.pk, "confirm": "1", "upto": trace.pk}
    assert client.post("/traces/delete", body, headers={"host": "localhost"}).status_code == 403
    client.force_login(staff)
    assert client.post("/traces/delete", body, headers={"host": "localhost"}).status_code == 303


def test_a_link_deletes_nothing(api: Client) -> None:
    for act in ("delete", "curate", "export"):
        again = api.get(f"/traces/{act}?trace={make_trace().pk}&confirm=1")
        assert (again.status_code, again["Location"]) == (303, "/traces")


# --- Export ------------------------------------------------------------------------------------


def ids_of(response: Any) -> list[UUID]:
    assert response.status_code == 200
    return [UUID(json.loads(line)["id"]) for line in response.getvalue().splitlines()]


def test_the_ticked_are_exported_in_their_order(api: Client) -> None:
    first, second, _ = make_traces(3)
    body = {"trace": [second.pk, first.pk], "format": "tunix_sft"}
    response = api.post("/traces/export", body)
    assert response["Content-Disposition"] == 'attachment; filename="traces.jsonl"'
    assert response["X-Tunix-Record-Count"] == "2"
    ids = {"trace_ids": [str(second.pk), str(first.pk)]}
    same = api.post("/api/tunix/sft/export", ids, "application/json")
    assert response.getvalue() == same.getvalue()


def test_all_that_match_are_exported_newest_first(api: Client) -> None:
    found = make_traces(3, meta={"source": "a"})
    make_trace(meta={"source": "b"})
    body = {"trace": [found[0].pk], "all": "1", "source": "a", "format": "trace"}
    assert ids_of(api.post("/traces/export", body)) == [trace.pk for trace in reversed(found)]


def test_more_than_can_be_exported_are_to_be_built(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "MAX_EXPORTED", 2)
    make_traces(3)
    response = api.post("/traces/export", {"all": "1", "source": "test", "format": "trace"})
    assert response.status_code == 422
    assert response.context["text"] == (
        "More than 2 traces match. Build a dataset from these, and export that."
    )
    assert 'href="/datasets/new?source=test&amp;limit=all"' in response.content.decode()


def test_what_cannot_be_exported_is_refused(api: Client) -> None:
    trace, gone = make_trace(), new_id()
    unknown = api.post("/traces/export", {"trace": [gone], "format": "trace"})
    assert (unknown.status_code, unknown.context["text"]) == (422, f"Trace not found: {gone}")
    other = api.post("/traces/export", {"trace": [trace.pk], "format": "csv"})
    assert other.context["text"] == "There is no format csv. Choose trace, tunix_sft, training_example."
    none = api.post("/traces/export", {"all": "1", "source": "nobody", "format": "trace"})
    assert (none.status_code, none.context["text"]) == (422, "No trace matches these filters.")


# --- Build -------------------------------------------------------------------------------------


def test_all_that_match_are_all_of_them(api: Client) -> None:
    make_traces(101, meta={"source": "s"})
    listed = api.get("/traces?source=s")
    assert 'href="/datasets/new?source=s&amp;limit=all">Build a dataset from these</a>' in listed.text
    assert api.get("/datasets/new?source=s&all=1").context["preview"].taken.number == 101
    chosen = api.post("/datasets/new", {"source": "s", "all": "1", "preview": "1"})
    assert chosen["Location"] == "/datasets/new?dataset_version=v1&limit=all&source=s"
    assert Choice(None, Where(source="s"), None).build_url == "/datasets/new?source=s&limit=all"


def test_what_is_ticked_leads_to_an_address_without_secrets(api: Client) -> None:
    trace = make_trace()
    listed = api.get("/traces").text
    assert 'formmethod="get"' not in listed
    sent = {"csrfmiddlewaretoken": "secret", "trace": trace.pk, "format": "trace", "preview": "1"}
    chosen = api.post("/datasets/new", sent)
    assert (chosen.status_code, chosen["Location"]) == (
        303,
        f"/datasets/new?dataset_version=v1&trace={trace.pk}",
    )
