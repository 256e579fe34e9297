"""A call that is sent again with its Idempotency-Key is performed once, whatever happens in between."""

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from django.test import Client
from django.urls import URLResolver
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator

from apps.accounts.idempotency import KEPT
from apps.accounts.models import ApiToken, GivenAnswer, User
from apps.accounts.tokens import create_token
from apps.audit.models import Act
from apps.curation.models import DuplicateSearch, Note, Review, Tagging
from apps.curation.tests.factories import make_groups
from apps.datasets.tests.factories import make_dataset, make_recipe
from apps.imports.models import Import, import_folder
from apps.imports.tests.factories import lines, make_upload, row
from apps.jobs.models import Job
from apps.traces.models import Score, Trace
from apps.traces.tests.factories import make_payload, make_trace
from apps.tunix.models import Manifest
from tunixrt.tests.live import LiveServer, live_server
from tunixrt.urls import api_urlpatterns

BATCH = 1_000


def send(client: Client, path: str, body: Any, key: str = "k") -> Any:
    headers = {"Idempotency-Key": key}
    return client.post(path, body, content_type="application/json", headers=headers)


MODELS: list[Any] = [Trace, Score, Manifest, Act, Import, Job, Tagging, Review, Note, DuplicateSearch]


def counts() -> list[int]:
    return [model.objects.count() for model in MODELS]


@pytest.fixture
def calls(api: Client) -> dict[str, Any]:
    """Every call that creates, and a body for it."""
    trace, dataset = make_trace(), make_dataset()
    waiting = make_upload(lines({"q": "Q", "a": "x\n#### y"}))
    failed = make_upload(lines(row(1)))
    Import.objects.filter(pk=failed.pk).update(state=Import.State.FAILED)
    group = make_groups([2]).groups.get()
    return {
        "/api/traces": make_payload(),
        "/api/traces/batch": [make_payload(), make_payload()],
        f"/api/traces/{trace.pk}/score": {"criteria": "baseline"},
        "/api/datasets/build": make_recipe(dataset_name="other"),
        "/api/tunix/sft/manifest": {"dataset_key": dataset.key, "model_id": "m", "output_dir": "o"},
        "/api/ungar/high-card-duel/generate": {"count": 2},
        "/api/imports": [row(1), row(2)],
        f"/api/imports/{waiting.pk}/start": {"mapping": {"prompt": "q", "answer": "a"}},
        f"/api/imports/{failed.pk}/again": None,
        f"/api/traces/{trace.pk}/tags": {"add": ["a"]},
        f"/api/traces/{trace.pk}/notes": {"text": "n"},
        f"/api/traces/{trace.pk}/review": {"state": "approved"},
        "/api/curation": {"where": {}, "add_tags": ["b"]},
        "/api/curation/duplicates": {"name": "n"},
        f"/api/curation/duplicates/{group.search_id}/groups/{group.pk}": {"dismiss": True},
        "/api/curation/overlap": {"name": "t", "evaluation": {"in_dataset": dataset.key}},
    }


def posts() -> dict[str, Any]:
    """Every call of the API by POST: its path, and the method that answers it."""
    return {path: view.post for path, view in api_views(api_urlpatterns) if hasattr(view, "post")}


def api_views(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        path = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from api_views(pattern.url_patterns, path)
        else:
            yield path, getattr(pattern.callback, "cls", None)


# The calls by POST that make nothing which a second one would make again.
CREATING_NOTHING = {
    "jobs/<str:id>/cancel": "what has ended is not cancelled again",
    "tunix/sft/export": "it reads: what it renders is the same file each time",
}


def test_every_call_that_creates_takes_a_key() -> None:
    without = {path for path, post in posts().items() if not hasattr(post, "takes_key")}
    assert without == {*CREATING_NOTHING}


def test_every_call_that_takes_a_key_says_so_and_is_tried_here(calls: dict[str, Any]) -> None:
    taking = {f"/api/{path}" for path in posts().keys() - CREATING_NOTHING.keys()}
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    documented = {
        path.replace("{id}", "<str:id>").replace("{group}", "<str:group>")
        for path, methods in schema["paths"].items()
        for item in methods.get("post", {}).get("parameters", [])
        if item["name"] == "Idempotency-Key"
    }
    assert documented == taking
    ids, groups = re.compile("[0-9a-f]{8}-[0-9a-f-]{27}"), re.compile("groups/[0-9]+")
    assert {groups.sub("groups/<str:group>", ids.sub("<str:id>", path)) for path in calls} == taking


def test_each_creating_call_answers_alike_and_acts_once(api: Client, calls: dict[str, Any]) -> None:
    for path, body in calls.items():
        first = send(api, path, body)
        before = counts()
        again = send(api, path, body)
        assert (path, first.status_code in (200, 201, 202), again.status_code) == (
            path,
            True,
            first.status_code,
        )
        assert (again.content, again["Content-Type"]) == (first.content, first["Content-Type"])
        assert ("Idempotency-Replayed" in first, again["Idempotency-Replayed"]) == (False, "true")
        assert counts() == before


@pytest.mark.django_db(transaction=True)
def test_a_file_that_is_sent_again_is_kept_once(api: Client) -> None:
    [said, again] = [send(api, "/api/imports?source=a", [row(1)]).json() for _ in range(2)]
    assert (said, Import.objects.count()) == (again, 1)
    assert [path.name for path in import_folder().iterdir()] == [said["id"]]
    for path, rows in (("/api/imports?source=b", [row(1)]), ("/api/imports?source=a", [row(2)])):
        assert send(api, path, rows).status_code == 422
    assert [path.name for path in import_folder().iterdir()] == [said["id"]]


def test_a_file_that_is_refused_leaves_nothing_and_may_be_sent_again(api: Client) -> None:
    assert send(api, "/api/imports", []).status_code == 400
    assert (Import.objects.count(), [*import_folder().iterdir()]) == (0, [])
    assert send(api, "/api/imports", [row(1)]).status_code == 202


def test_the_answer_that_nothing_was_new_is_kept_too(api: Client) -> None:
    make_trace()
    make_dataset()
    answers = [send(api, "/api/datasets/build", make_recipe()) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]


def test_another_body_is_refused(api: Client, calls: dict[str, Any]) -> None:
    for path, body in calls.items():
        send(api, path, body)
        before = counts()
        response = api.post(
            path, " " + json.dumps(body), content_type="application/json", headers={"Idempotency-Key": "k"}
        )
        assert (path, response.status_code) == (path, 422)
        assert "another body" in response.json()["detail"]
        assert counts() == before


def test_without_a_key_each_call_acts(api: Client) -> None:
    for _ in range(2):
        assert api.post("/api/traces", make_payload(), content_type="application/json").status_code == 201
    assert (Trace.objects.count(), GivenAnswer.objects.count()) == (2, 0)


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "x" * 256, "\x7f"])
def test_what_is_no_key_is_refused(api: Client, key: str) -> None:
    response = send(api, "/api/traces", make_payload(), key)
    assert (response.status_code, Trace.objects.count()) == (400, 0)


@pytest.mark.parametrize("key", ["x", '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "~" * 255])
def test_a_key_is_what_the_client_draws(api: Client, key: str) -> None:
    assert [send(api, "/api/traces", make_payload(), key).status_code for _ in "12"] == [201, 201]
    assert Trace.objects.count() == 1


def test_a_refused_call_may_be_mended_and_sent_again(api: Client) -> None:
    assert send(api, "/api/traces", {"prompt": ""}).status_code == 400
    assert send(api, "/api/traces", b"{", "k").status_code == 400
    assert send(api, "/api/traces", make_payload()).status_code == 201


def test_a_key_belongs_to_an_account_and_a_path(api: Client, user: User, staff: User) -> None:
    for owner in (user, staff):
        for name in ("one", "other"):
            _, token = create_token(owner, name)
            client = Client(headers={"Authorization": f"Bearer {token}"})
            assert send(client, "/api/traces", make_payload()).status_code == 201
    assert Trace.objects.count() == 2
    trace = Trace.objects.first()
    assert trace is not None
    assert send(api, f"/api/traces/{trace.pk}/score", {"criteria": "baseline"}).status_code == 201


def test_a_key_does_not_get_around_the_rights(user: User) -> None:
    _, token = create_token(user, "reader", ApiToken.Scope.READ_ONLY)
    client = Client(headers={"Authorization": f"Bearer {token}"})
    assert send(client, "/api/traces", make_payload()).status_code == 403
    assert send(Client(), "/api/traces", make_payload()).status_code == 401


def test_after_a_day_the_key_is_free_and_the_old_answers_go(api: Client) -> None:
    for key in "abc":
        send(api, "/api/traces", make_payload(), key)
    GivenAnswer.objects.update(created_at=timezone.now() - KEPT)
    assert "Idempotency-Replayed" not in send(api, "/api/traces", make_payload(), "a")
    assert (Trace.objects.count(), GivenAnswer.objects.count()) == (4, 1)
    GivenAnswer.objects.update(created_at=timezone.now() - KEPT + timedelta(minutes=1))
    assert send(api, "/api/traces", make_payload(), "a")["Idempotency-Replayed"] == "true"


def test_a_large_body_is_refused_as_without_a_key(api: Client) -> None:
    body = b" " * (5 * 1024 * 1024)
    response = api.post(
        "/api/traces", body, content_type="application/json", headers={"Idempotency-Key": "k"}
    )
    assert response.status_code == 413


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with live_server(Path(tmp_path_factory.mktemp("keys")), "--no-worker") as started:
        yield started


def batch(source: str, size: int = BATCH) -> list[dict[str, Any]]:
    steps = [{"i": 0, "type": "t", "content": "x" * 500}]
    meta = {"source": source}
    trace = {"trace_version": "1.0", "prompt": "p", "final_answer": "4", "steps": steps, "meta": meta}
    return [trace] * size


def stored(server: LiveServer, source: str) -> int:
    count, offset = 0, 0
    while offset is not None:
        page = server.call("GET", f"/api/traces?limit=100&source={source}&offset={offset}")[1]
        count, offset = count + len(page["data"]), page["pagination"]["next_offset"]
    return count


def test_two_and_more_at_once_are_performed_once(server: LiveServer) -> None:
    barrier = Barrier(6)

    def post(_: int) -> tuple[int, Any]:
        barrier.wait()
        return server.call("POST", "/api/traces/batch", batch("race"), **{"Idempotency-Key": "race"})

    with ThreadPoolExecutor(6) as clients:
        answers = [*clients.map(post, range(6))]
    made = [body for status, body in answers if status == 201]
    refused = [body["detail"] for status, body in answers if status == 409]
    assert (len(made) + len(refused), len(made) >= 1) == (6, True)
    assert all(body == made[0] for body in made)
    assert {*refused} <= {"This Idempotency-Key is being processed. Send it again in a moment."}
    assert stored(server, "race") == BATCH


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/imports?filename=at-once.json", [row(n) for n in range(3)]),
        ("/api/curation", {"where": {}, "add_tags": ["at once"]}),
    ],
)
def test_other_calls_at_once_are_performed_once_too(server: LiveServer, path: str, body: Any) -> None:
    server.call("POST", "/api/traces", make_payload())
    barrier = Barrier(4)

    def post(_: int) -> tuple[int, Any]:
        barrier.wait()
        return server.call("POST", path, body, **{"Idempotency-Key": "at-once"})

    with ThreadPoolExecutor(4) as clients:
        answers = [*clients.map(post, range(4))]
    assert {status for status, _ in answers} <= {200, 202, 409}
    made = [answer for status, answer in answers if status != 409]
    assert made[1:] == made[:-1]
    # Whoever was told to come back finds the same answer.
    assert server.call("POST", path, body, **{"Idempotency-Key": "at-once"})[1] == made[0]
    imports = server.call("GET", "/api/imports")[1]["data"]
    assert len(imports) == len({item["id"] for item in imports} | {made[0].get("id")} - {None})


def test_a_server_that_is_killed_in_between_blocks_no_key(server: LiveServer) -> None:
    body = batch("killed")
    started = time.monotonic()
    server.call("POST", "/api/traces/batch", batch("rehearsal"), **{"Idempotency-Key": "rehearsal"})
    duration = time.monotonic() - started
    for moment in (0.3, 0.7, 0.95):
        key = {"Idempotency-Key": f"killed {moment}".replace(" ", "-")}
        before = stored(server, "killed")
        with ThreadPoolExecutor(1) as client:
            cut = client.submit(server.call, "POST", "/api/traces/batch", body, **key)
            time.sleep(duration * moment)
            server.kill()
        assert isinstance(cut.exception(), OSError | None)
        server.start("--no-worker")
        status, answer = server.call("POST", "/api/traces/batch", body, **key)
        assert (status, answer["created_count"]) == (201, BATCH)
        assert stored(server, "killed") == before + BATCH
