"""What is posted twice from one form is done once, without a script too."""

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Barrier
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from apps.accounts.models import GivenAnswer, User
from apps.curation.models import Note
from apps.datasets.tests.factories import make_dataset
from apps.imports.models import Import
from apps.imports.tests.factories import BAD, imported, lines, make_upload, row
from apps.jobs.models import Job
from apps.traces.models import Score, Trace
from apps.traces.tests.factories import make_trace
from apps.tunix.models import Manifest
from tunixrt.tests.live import LiveServer

# Pages that take a form and need not be held to it.
EXEMPT = {
    "accounts:login": "signs in, which twice is once",
    "accounts:logout": "signs out, which twice is once",
    "accounts:revoke": "a token goes once; the second answer says that it is gone",
    "accounts:tokens": "its answer shows the token, which must not be kept; a name is taken once",
    "curation:cancel_search": "what has ended is not cancelled again",
    "curation:group": "says what a group is, which twice is the same, and may be said otherwise in between",
    "curation:review": "a state that a trace has is not noted again",
    "curation:tags": "a tag that a trace has is not added again",
    "datasets:curate_traces": "what is said already is not said again",
    "datasets:delete_traces": "what is gone is not deleted again",
    "datasets:export_traces": "reads",
    "datasets:new": "the same recipe and members are the dataset that is there",
    "imports:cancel": "what has ended is not cancelled again",
    "imports:detail": "shows a preview",
    "imports:rehearsal": "stores nothing; another one takes the place of the first",
    "imports:new": "its file goes to the disk as it comes; two are two uploads that wait, to be discarded",
    "jobs:cancel": "what has ended is not cancelled again",
    "traces:compare": "leads to a page that reads",
    "tunix:export": "reads",
}


def pages(resolver: URLResolver, namespace: str = "") -> list[tuple[str, URLPattern]]:
    """Those with a name, but for the admin's and the API's, with the name of their app before it."""
    found: list[tuple[str, URLPattern]] = []
    for item in resolver.url_patterns:
        if isinstance(item, URLPattern):
            name = f"{namespace}{item.name}"
            found += [(name, item)] if item.name and not str(item.pattern).startswith("api") else []
        elif not str(item.pattern).startswith(("admin/", "api/")):
            found += pages(item, f"{item.namespace}:")
    return found


def path_of(pattern: URLPattern) -> str:
    return "/" + re.sub("<str:[a-z]+>", str(UUID(int=0)), str(pattern.pattern))


def test_every_page_that_takes_a_form_is_held_to_it_or_says_why_not(api: Client, user: User) -> None:
    api.force_login(user)
    known = pages(get_resolver())
    taking = {name: item.callback for name, item in known if api.post(path_of(item)).status_code != 405}
    without = {name for name, view in taking.items() if not hasattr(view, "is_once")}
    assert without == {*EXEMPT}
    assert len(taking) > len(EXEMPT)


def post_twice(api: Client, path: str, form: dict[str, Any], token: str = "t" * 64) -> list[tuple[int, str]]:
    answers = [api.post(path, {**form, "csrfmiddlewaretoken": token}) for _ in range(2)]
    return [(answer.status_code, answer.get("Location", "")) for answer in answers]


@pytest.mark.django_db(transaction=True)
def test_each_form_acts_once_and_leads_to_the_same_result(api: Client) -> None:
    trace, dataset = make_trace(), make_dataset()
    waiting, failed = make_upload(lines(row(1))), imported(lines(BAD))
    training = {"dataset_key": dataset.key, "model_id": "m", "output_dir": "o"}
    numbers = {"learning_rate": "2e-5", "num_epochs": "3", "batch_size": "8", "max_seq_length": "2048"}
    reading = {"reading": "auto", "on_error": "stop", "duplicates": "skip"}
    made: dict[str, tuple[Any, dict[str, Any]]] = {
        "/tunix": (Manifest, {**training, **numbers}),
        "/ungar": (Trace, {"count": "2"}),
        f"/traces/{trace.pk}/notes": (Note, {"text": "n"}),
        f"/traces/{trace.pk}/score": (Score, {}),
        "/curation/overlap": (Job, {"dataset": dataset.key, "name": "t"}),
        f"/imports/{waiting.pk}/start": (Job, reading),
        f"/imports/{failed.pk}/again": (Import, {}),
        f"/datasets/{dataset.key}/delete": (None, {"force": "on"}),
    }
    for path, (model, form) in made.items():
        before = model.objects.count() if model else 0
        first, second = post_twice(api, path, form)
        assert (path, first[0], second) == (path, 303, first)
        more = model.objects.count() - before if model else 1
        assert (path, more) == (path, 2 if path == "/ungar" else 1)


def test_another_page_another_wish_and_another_act(api: Client) -> None:
    key = make_trace().pk
    path = f"/traces/{key}/notes"
    post_twice(api, path, {"text": "n"}, "a" * 64)
    post_twice(api, path, {"text": "n"}, "b" * 64)
    post_twice(api, path, {"text": "changed on the way back"}, "a" * 64)
    assert Note.objects.count() == 3
    for _ in range(2):  # by a script, whose form stays
        form = {"text": "n", "csrfmiddlewaretoken": "c" * 64}
        assert api.post(path, form, headers={"HX-Request": "true"}).status_code == 200
    assert (Note.objects.count(), GivenAnswer.objects.count()) == (5, 3)


def test_a_form_that_is_refused_is_mended_and_sent_again(api: Client) -> None:
    answers = post_twice(api, "/curation/overlap", {"name": "t"})
    assert ([status for status, _ in answers], GivenAnswer.objects.count()) == ([422, 422], 0)


def test_each_page_has_a_token_of_its_own(api: Client) -> None:
    found = [re.findall('name="csrfmiddlewaretoken" value="([^"]+)"', api.get("/ungar").text) for _ in "12"]
    assert found[0] != found[1]


def test_clicks_at_once_make_one(server: LiveServer) -> None:
    id = server.call("POST", "/api/traces", trace_of("clicked twice"))[1]["id"]
    with closing(server.connect()) as connection:
        connection.request("GET", f"/traces/{id}")
        page = connection.getresponse()
        cookie = str(page.getheader("Set-Cookie")).partition(";")[0]
        [token, *_] = re.findall('name="csrfmiddlewaretoken" value="([^"]+)"', page.read().decode())
    form = urlencode({"text": "said once", "csrfmiddlewaretoken": token})
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie}
    barrier = Barrier(4)

    def click(_: int) -> tuple[int, str | None]:
        with closing(server.connect()) as connection:
            barrier.wait()
            connection.request("POST", f"/traces/{id}/notes", form, headers)
            response = connection.getresponse()
            return response.status, response.getheader("Location")

    with ThreadPoolExecutor(4) as clicks:
        assert {*clicks.map(click, range(4))} == {(303, f"/traces/{id}#curation-trace")}
    notes = server.call("GET", f"/api/traces/{id}/curation")[1]["notes"]
    assert [note["text"] for note in notes] == ["said once"]


def trace_of(prompt: str) -> dict[str, Any]:
    step = {"i": 0, "type": "t", "content": "c"}
    return {"trace_version": "1.0", "prompt": prompt, "final_answer": "4", "steps": [step]}
