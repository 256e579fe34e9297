"""Duplicates over HTTP: a search, its groups, and what is said of them."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import User
from apps.accounts.tokens import create_token
from apps.curation.models import DuplicateGroup, DuplicateSearch
from apps.curation.tests.factories import WORDS, make_alike, make_groups, perform, run_search, tagged
from apps.datasets.tests.factories import make_dataset
from apps.traces.models import Trace
from apps.traces.tests.factories import make_trace

JSON = "application/json"
PATH = "/api/curation/duplicates"
FIRST, SECOND, THIRD = ALIKE = [f"{WORDS} {n}" for n in range(3)]


def group_path(search: DuplicateSearch) -> str:
    group = DuplicateGroup.objects.of_search(search).largest_first()[0]
    return f"{PATH}/{search.pk}/groups/{group.pk}"


def resolve(api: Client, search: DuplicateSearch, body: Any, **headers: str) -> tuple[int, Any]:
    response = api.post(group_path(search), body, JSON, headers=headers)
    return response.status_code, response.json()


def test_a_search_from_its_start_to_its_groups(api: Client) -> None:
    traces = make_alike(*ALIKE)
    answer = api.post(PATH, {"name": " my  search"}, JSON)
    assert answer.status_code == 202
    started = answer.json()
    search = DuplicateSearch.objects.get()
    assert started == {
        "id": str(search.pk),
        "name": "my search",
        "tag": "duplicate:my search",
        "compared": "prompt",
        "threshold": 0.7,
        "state": "running",
        "reason": None,
        "traces": 0,
        "groups": 0,
        "duplicates": 0,
        "job_id": str(search.job_id),
        "created_at": started["created_at"],
        "created_by": None,
        "finished_at": None,
    }
    assert api.get(f"{PATH}/{search.pk}/groups").json()["data"] == []
    perform(search)
    found = api.get(f"{PATH}/{search.pk}").json()
    assert [found[name] for name in ("state", "traces", "groups", "duplicates")] == ["done", 3, 1, 2]
    assert api.get(PATH).json()["data"] == [found]
    [group] = api.get(f"{PATH}/{search.pk}/groups").json()["data"]
    assert [group[name] for name in ("state", "size", "kept")] == ["open", 3, str(traces[0].pk)]
    kept, *others = group["members"]
    assert kept == {"trace_id": str(traces[0].pk), "is_kept": True, "similarity": 1}
    assert {other["trace_id"] for other in others} == {str(traces[1].pk), str(traces[2].pk)}
    assert [other["similarity"] for other in others] == [pytest.approx(14 / 16)] * 2
    assert api.get(f"{PATH}/{search.pk}/groups/{group['id']}").json()["members"] == group["members"]


def test_a_dataset_is_built_without_them(api: Client) -> None:
    make_alike(*ALIKE, "Something else")
    search = run_search()
    body = {"dataset_name": "clean", "dataset_version": "v1", "where": {"tag": f"-{search.tag}"}}
    assert api.post("/api/datasets/build", body, JSON).status_code == 201
    assert api.get("/api/datasets/clean-v1").json()["trace_count"] == 2
    everything = {"dataset_name": "all", "dataset_version": "v1"}
    api.post("/api/datasets/build", everything, JSON)
    counted = api.get("/api/datasets/all-v1/curation").json()["tags"]
    assert counted == [{"name": "duplicate:near", "traces": 2}]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "a,b"}, "name"),
        ({"name": "x" * 55}, "name"),
        ({"name": "taken"}, "name"),
        ({"name": "a", "threshold": 0.49}, "threshold"),
        ({"name": "a", "threshold": 1.01}, "threshold"),
        ({"name": "a", "threshold": "0.7"}, "threshold"),
        ({"name": "a", "compared": "answer"}, "compared"),
        ({"name": "a", "more": 1}, "more"),
    ],
)
def test_what_cannot_be_searched_is_refused(api: Client, body: Any, path: str) -> None:
    run_search("taken")
    answer = api.post(PATH, body, JSON)
    assert (answer.status_code, [*answer.json()["errors"]]) == (400, [path])
    assert DuplicateSearch.objects.count() == 1


def test_a_key_starts_one_search_however_often_it_comes(api: Client) -> None:
    sent = [api.post(PATH, {"name": "once"}, JSON, headers={"idempotency-key": "k"}) for _ in range(2)]
    assert [answer.status_code for answer in sent] == [202, 202]
    assert sent[0].json() == sent[1].json()


def test_groups_by_state_and_page(api: Client) -> None:
    search = make_groups([2, 3, 4])
    path = f"{PATH}/{search.pk}/groups"
    first = api.get(f"{path}?limit=2").json()
    assert [group["size"] for group in first["data"]] == [4, 3]
    rest = api.get(path, {"limit": 2, "cursor": first["pagination"]["next_cursor"]}).json()
    assert [group["size"] for group in rest["data"]] == [2]
    resolve(api, search, {"dismiss": True})
    sizes = {
        state: [group["size"] for group in api.get(f"{path}?state={state}").json()["data"]]
        for state in ("open", "kept", "dismissed")
    }
    assert sizes == {"open": [3, 2], "kept": [], "dismissed": [4]}
    assert api.get(f"{path}?state=other").status_code == 400


def test_members_by_page(api: Client) -> None:
    search = make_groups([25])
    [listed] = api.get(f"{PATH}/{search.pk}/groups").json()["data"]
    assert (listed["size"], len(listed["members"])) == (25, 20)
    page = api.get(f"{group_path(search)}?limit=15").json()
    rest = api.get(group_path(search), {"limit": 15, "cursor": page["pagination"]["next_cursor"]}).json()
    assert page["members"] + rest["members"][:5] == listed["members"]
    assert (len(rest["members"]), rest["pagination"]["next_cursor"]) == (10, None)


def test_a_group_is_resolved(api: Client) -> None:
    traces = make_alike(*ALIKE)
    search = run_search()
    status, answer = resolve(api, search, {"keep": str(traces[1].pk)})
    assert (status, answer["state"], answer["kept"]) == (200, "kept", str(traces[1].pk))
    assert answer["resolved_at"] is not None
    assert tagged(search) == [FIRST, THIRD]
    status, answer = resolve(api, search, {"dismiss": True})
    assert (status, answer["state"], tagged(search)) == (200, "dismissed", [])
    status, answer = resolve(api, search, {"keep": str(traces[1].pk), "delete_others": True})
    assert (status, answer["state"], answer["size"]) == (200, "kept", 1)
    assert [*Trace.objects.values_list("pk", flat=True)] == [traces[1].pk]


@pytest.mark.parametrize(
    "body", [{}, {"dismiss": False}, {"keep": "x"}, {"dismiss": True, "delete_others": True}, {"keep": None}]
)
def test_what_says_nothing_is_refused(api: Client, body: Any) -> None:
    search = make_groups([2])
    assert resolve(api, search, body)[0] == 400
    both = {"dismiss": True, "keep": str(Trace.objects.all()[0].pk)}
    assert resolve(api, search, both)[0] == 400
    assert resolve(api, search, {"keep": str(make_trace().pk)})[0] == 400
    assert DuplicateGroup.objects.get().state == "open"


def test_what_a_dataset_holds_stays_with_all_the_others(api: Client) -> None:
    traces = make_alike(*ALIKE)
    search = run_search()
    make_dataset(dataset_name="holder", trace_ids=[str(traces[2].pk)])
    status, answer = resolve(api, search, {"keep": str(traces[1].pk), "delete_others": True})
    message = "The trace is held by holder-v1. Delete what holds it first."
    assert (status, answer["detail"]) == (409, message)
    # All or nothing: neither is another one kept.
    assert (Trace.objects.count(), tagged(search)) == (3, [SECOND, THIRD])


def test_who_may(user: User, staff: User) -> None:
    traces = make_alike(*ALIKE)
    search = run_search()
    client = Client(headers={"host": "localhost"})
    assert client.get(PATH).status_code == 401
    assert client.post(PATH, {"name": "a"}, JSON).status_code == 401
    _, reader = create_token(user, "r", scope="read-only")
    _, writer = create_token(user, "w")
    _, keeper = create_token(staff, "k")
    wanted = {"keep": str(traces[0].pk), "delete_others": True}
    assert resolve(client, search, {"dismiss": True}, authorization=f"Bearer {reader}")[0] == 403
    status, answer = resolve(client, search, wanted, authorization=f"Bearer {writer}")
    assert (status, answer["detail"]) == (403, "Only staff may delete traces.")
    status, answer = resolve(client, search, {"dismiss": True}, authorization=f"Bearer {writer}")
    assert (status, answer["resolved_by"]) == (200, "reader")
    assert resolve(client, search, wanted, authorization=f"Bearer {keeper}")[0] == 200


def test_whoever_asked_for_a_search_and_staff_remove_it(user: User, staff: User) -> None:
    client = Client(headers={"host": "localhost"})
    own, other = run_search("own", created_by=user), run_search("other", created_by=staff)
    client.force_login(user)
    for status, search in ((403, other), (202, own)):
        assert client.delete(f"{PATH}/{search.pk}").status_code == status
    assert client.post(f"/curation/duplicates/{other.pk}/remove").status_code == 403
    assert "Remove this search" not in client.get(f"/curation/duplicates/{other.pk}").text
    client.force_login(staff)
    assert client.delete(f"{PATH}/{other.pk}").status_code == 202


def test_a_search_is_deleted_in_the_background(api: Client) -> None:
    search = make_groups([2])
    answer = api.delete(f"{PATH}/{search.pk}")
    assert (answer.status_code, answer.json()["state"]) == (202, "removing")
    assert api.delete(f"{PATH}/{search.pk}").status_code == 409


@pytest.mark.parametrize("path", ["/no", f"/{uuid4()}", "/no/groups", f"/{uuid4()}/groups/1"])
def test_what_is_not_there(api: Client, path: str) -> None:
    assert api.get(PATH + path).status_code == 404
    search = make_groups([2])
    assert api.get(f"{PATH}/{search.pk}/groups/0").status_code == 404
    assert api.post(f"{PATH}/{search.pk}/groups/x", {"dismiss": True}, JSON).status_code == 404


def test_the_number_of_queries_is_constant(api: Client) -> None:
    counts = set()
    for count in (1, 3, 100):
        search = make_groups([2] * count, f"of {count}")
        with CaptureQueriesContext(connection) as queries:
            page = api.get(f"{PATH}/{search.pk}/groups?limit=100").json()
        assert len(page["data"]) == count
        counts.add(len(queries))
        Trace.objects.all().delete()
    assert len(counts) == 1
