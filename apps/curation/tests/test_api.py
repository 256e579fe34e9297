"""What is said of a trace over HTTP: tags, notes, reviews."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils.dateparse import parse_datetime

from apps.accounts.models import User
from apps.accounts.tokens import create_token
from apps.curation.models import NOTE_MAX_LENGTH, Note, Review, Tagging
from apps.traces.models import Trace
from apps.traces.tests.factories import make_trace

JSON = "application/json"


def post(api: Client, trace: Trace, act: str, body: Any) -> tuple[int, Any]:
    response = api.post(f"/api/traces/{trace.pk}/{act}", body, JSON)
    return response.status_code, response.json()


def said(api: Client, trace: Trace) -> dict[str, Any]:
    response = api.get(f"/api/traces/{trace.pk}/curation")
    assert response.status_code == 200
    answer: dict[str, Any] = response.json()
    return answer


def test_a_trace_of_which_nothing_is_said_is_new(api: Client) -> None:
    assert said(api, make_trace()) == {
        "tags": [],
        "state": "new",
        "reviews": [],
        "notes": [],
        "flags": [],
    }
    assert said(api, make_trace(final_answer="never said before"))["flags"] == ["answer missing"]


def test_tags_come_and_go(api: Client) -> None:
    trace, other = make_trace(), make_trace()
    assert post(api, other, "tags", {"add": ["kept"]})[1]["tags"] == ["kept"]
    status, answer = post(api, trace, "tags", {"add": ["b", "a", "b"]})
    assert (status, answer["tags"]) == (200, ["a", "b"])
    assert post(api, trace, "tags", {"add": ["c"], "remove": ["a", "none", "kept"]})[1]["tags"] == ["b", "c"]
    assert (said(api, trace)["tags"], said(api, other)["tags"]) == (["b", "c"], ["kept"])


@pytest.mark.parametrize(
    ("typed", "name"),
    [(" a  b\t", "a b"), ("e\u0301", "é"), ("<script>", "<script>"), ("x" * 64, "x" * 64), ("a-b", "a-b")],
)
def test_tags_that_look_equal_are_equal(api: Client, typed: str, name: str) -> None:
    trace = make_trace()
    post(api, trace, "tags", {"add": [name]})
    assert post(api, trace, "tags", {"add": [typed]})[1]["tags"] == [name]


@pytest.mark.parametrize("name", ["", " ", "-a", " -", "a,b", "x" * 65, "\0", 1, None])
def test_what_is_no_tag_is_refused(api: Client, name: Any) -> None:
    trace = make_trace()
    status, answer = post(api, trace, "tags", {"add": ["a", name]})
    assert (status, [*answer["errors"]]) == (400, ["add.1"])
    assert Tagging.objects.count() == 0


@pytest.mark.parametrize(
    ("act", "body"),
    [
        ("tags", {}),
        ("tags", []),
        ("tags", {"add": []}),
        ("tags", {"add": "a"}),
        ("tags", {"add": [f"{n}" for n in range(101)]}),
        ("tags", {"set": ["a"]}),
        ("notes", {}),
        ("notes", {"text": ""}),
        ("notes", {"text": " \n"}),
        ("notes", {"text": "x" * (NOTE_MAX_LENGTH + 1)}),
        ("review", {}),
        ("review", {"state": "good"}),
        ("review", {"state": None}),
    ],
)
def test_a_refused_body_changes_nothing(api: Client, act: str, body: Any) -> None:
    trace = make_trace()
    before = said(api, trace)
    assert post(api, trace, act, body)[0] == 400
    assert said(api, trace) == before


def test_an_unknown_trace_is_404(api: Client) -> None:
    for id in (uuid4(), "rubbish"):
        assert api.get(f"/api/traces/{id}/curation").status_code == 404
        for act, body in (("tags", {"add": ["a"]}), ("notes", {"text": "a"}), ("review", {"state": "new"})):
            response = api.post(f"/api/traces/{id}/{act}", body, JSON)
            assert (response.status_code, response.json()) == (404, {"detail": f"Trace not found: {id}"})


def test_notes_are_appended_with_who_and_when(client: Client, user: User) -> None:
    trace = make_trace()
    _, token = create_token(user, "notes")
    headers = {"authorization": f"Bearer {token}"}
    for text in ("first\nline", "<b>ש second</b>"):
        response = client.post(f"/api/traces/{trace.pk}/notes", {"text": text}, JSON, headers=headers)
        assert response.status_code == 201
    notes = client.get(f"/api/traces/{trace.pk}/curation", headers=headers).json()["notes"]
    assert [(note["text"], note["created_by"]) for note in notes] == [
        ("<b>ש second</b>", "reader"),
        ("first\nline", "reader"),
    ]
    assert [parse_datetime(note["created_at"]) for note in notes] == [
        note.created_at for note in Note.objects.order_by("-pk")
    ]


def test_the_last_review_counts_and_the_others_stay(api: Client) -> None:
    trace = make_trace()
    for state in ("new", "approved", "approved", "rejected", "new", "approved"):
        status, answer = post(api, trace, "review", {"state": state})
        assert (status, answer["state"]) == (200, state)
    # What it was already is not noted again.
    states = [review["state"] for review in said(api, trace)["reviews"]]
    assert states == ["approved", "new", "rejected", "approved"]
    assert Review.objects.current().count() == 1


def test_a_trace_is_not_changed_by_what_is_said(api: Client) -> None:
    trace = make_trace()
    post(api, trace, "tags", {"add": ["a"]})
    post(api, trace, "notes", {"text": "a"})
    post(api, trace, "review", {"state": "rejected"})
    assert [*Trace.objects.values()] == [
        {key: value for key, value in vars(trace).items() if not key.startswith("_")}
    ]


def test_what_is_said_goes_with_its_trace(api: Client) -> None:
    trace, kept = make_trace(), make_trace()
    for one in (trace, kept):
        post(api, one, "tags", {"add": ["a"]})
        post(api, one, "notes", {"text": "a"})
        post(api, one, "review", {"state": "rejected"})
    assert api.delete(f"/api/traces/{trace.pk}").status_code == 204
    for model in (Tagging, Note, Review):
        assert [*model.objects.values_list("trace_id", flat=True)] == [kept.pk]


def test_a_read_only_token_says_nothing(client: Client, user: User) -> None:
    trace = make_trace()
    _, token = create_token(user, "reads", scope="read-only")
    headers = {"authorization": f"Bearer {token}"}
    body = {"add": ["a"]}
    assert client.post(f"/api/traces/{trace.pk}/tags", body, JSON, headers=headers).status_code == 403
    assert client.get(f"/api/traces/{trace.pk}/curation", headers=headers).status_code == 200
