import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django.fixtures import Settings

from apps.accounts.models import ApiToken, User
from apps.accounts.tokens import create_token
from apps.core import admin as core_admin
from apps.core import keyset
from apps.core.ids import lowest_id
from apps.curation.curate import Change, add_note, curate_traces
from apps.curation.models import Note, Review
from apps.datasets.models import Dataset, Tombstone
from apps.datasets.tests.factories import make_dataset
from apps.formats.records import FORMATS
from apps.jobs.models import Job
from apps.traces.models import Score, Trace
from apps.traces.score import score_trace
from apps.traces.tests.factories import make_payload, make_trace, make_traces
from apps.tunix.manifest import Training, generate_manifest
from apps.tunix.models import Manifest

if TYPE_CHECKING:  # only the type stubs have a name for it
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer

TRACES = "/admin/traces/trace/"
DATASETS = "/admin/datasets/dataset/"
MODELS = [Trace, Score, Note, Review, Dataset, Tombstone, Manifest, Job, ApiToken, User]


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("boss"))
    return client


def url(model: type, page: str, *arguments: object) -> str:
    meta = model._meta  # type: ignore[attr-defined]
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{page}", args=arguments)


def act(client: Client, model: type, action: str, *records: Any, **more: str) -> "Answer":
    form = {"action": action, "_selected_action": [record.pk for record in records], **more}
    return client.post(url(model, "changelist"), form)


def listed(client: Client, query: str = "") -> list[str]:
    """The prompts in the list of traces."""
    response = client.get(f"{TRACES}{query}")
    assert response.status_code == 200
    return [trace.prompt_excerpt for trace in response.context["cl"].result_list]


def said(client: Client, response: "Answer") -> list[str]:
    """The messages on the page that the answer leads to."""
    shown = client.get(response.headers["Location"])
    return [str(message) for message in shown.context["messages"]]


def make_one_of_each(text: str) -> None:
    trace = make_trace(prompt=text, final_answer=text, meta={"source": text, text: text})
    score_trace(trace, "baseline", created_by=None)
    add_note(trace, text, created_by=None)
    curate_traces(Trace.objects.all(), Change([text], review="approved"), created_by=None)
    make_dataset(dataset_name="old")
    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.get())
    assert client.delete("/api/datasets/old-v1").status_code == 204
    generate_manifest(make_dataset().key, Training(text, text), created_by=None)
    create_token(User.objects.get(), text)
    Job.objects.create(title=text, act="apps.none")


@pytest.mark.parametrize("model", MODELS)
def test_every_list_and_record_can_be_looked_at(client: Client, model: type) -> None:
    make_one_of_each("<script>alert(1)</script>")
    assert admin.site.is_registered(model)
    listed = client.get(url(model, "changelist"), {"q": ""})
    [record] = model.objects.all()  # type: ignore[attr-defined]
    detail = client.get(url(model, "change", record.pk))
    assert (listed.status_code, detail.status_code) == (200, 200)
    assert b"<script>alert" not in listed.content + detail.content


@pytest.mark.parametrize("model", [Trace, Score, Note, Review, Dataset, Tombstone, Manifest, ApiToken])
def test_nothing_can_be_changed(client: Client, model: type) -> None:
    make_one_of_each("x")
    [before] = model.objects.values()  # type: ignore[attr-defined]
    response = client.post(url(model, "change", before.get("id", before.get("digest"))), {"prompt": "other"})
    assert response.status_code == 403
    assert [*model.objects.values()] == [before]  # type: ignore[attr-defined]


# Session, user, count, rows; first and last date; for traces the sources.
QUERIES = {Trace: 7, Score: 4, Dataset: 6, Tombstone: 6, Manifest: 6, ApiToken: 6}


def test_lists_and_records_take_the_same_queries_for_any_number(client: Client) -> None:
    for more in (1, 2, 97):
        make_many_more(more)
        for model, expected in QUERIES.items():
            assert (model, count_queries(client, url(model, "changelist"))) == (model, expected)
        dataset = make_dataset(dataset_name=f"all{more}")
        page = url(Dataset, "change", dataset.pk)
        assert count_queries(client, page) == 4  # session, user, dataset, members
        assert client.get(page).text.count('class="member"') == min(dataset.trace_count, 50)


def count_queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path).status_code == 200
    return len(queries)


def make_many_more(count: int) -> None:
    boss = User.objects.get()
    for _ in range(count):
        n = Trace.objects.count()
        trace = make_trace(prompt=f"Question {n}")
        score_trace(trace, "baseline", created_by=boss)
        dataset = make_dataset(dataset_name=f"name{n}", trace_ids=[str(trace.pk)])
        generate_manifest(dataset.key, Training("m", "o"), created_by=boss)
        create_token(boss, f"{n}")
        Tombstone.objects.create(
            key="k", build_id=trace.pk, content_digest="", deleted_at=datetime.now(UTC), deleted_by=boss
        )


def test_the_lists_do_not_read_the_long_texts(client: Client) -> None:
    make_trace(prompt="long " * 1_000)
    with CaptureQueriesContext(connection) as queries:
        [prompt] = listed(client)
    assert len(prompt) == 200
    [rows] = [query["sql"] for query in queries if "prompt_excerpt" in query["sql"]]
    assert '"traces_trace"."steps"' not in rows


def test_counts_stop(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (core_admin, keyset):
        monkeypatch.setattr(module, "COUNTED", 2)
    make_traces(2)
    assert "2 traces" in client.get(TRACES).text
    make_traces(2)
    assert "2+ traces" in client.get(TRACES).text


@pytest.mark.parametrize("action", ["delete_selected", "export_trace"])
def test_what_was_not_counted_is_not_acted_on(
    client: Client, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    for module in (core_admin, keyset):
        monkeypatch.setattr(module, "COUNTED", 2)
    traces = make_traces(3)
    response = act(client, Trace, action, traces[0], select_across="1", post="yes")
    assert said(client, response) == ["More than 2 match. Filter the list further, or tick single rows."]
    assert Trace.objects.count() == 3


def test_a_trace_is_found_by_its_id_and_by_words(client: Client) -> None:
    one, _ = make_trace(prompt="How many apples?"), make_trace(prompt="How many pears?")
    assert listed(client, f"?q={one.pk}") == ["How many apples?"]
    assert listed(client, f"?q={one.pk.hex.upper()}") == ["How many apples?"]
    assert listed(client, "?q=APPLES") == ["How many apples?"]
    assert listed(client, "?q=how many") == ["How many pears?", "How many apples?"]
    assert listed(client, "?q=plums") == []


def test_traces_are_filtered_by_source(client: Client) -> None:
    for source in ("a", "b"):
        make_trace(prompt=f"of {source}", meta={"source": source})
    assert listed(client, "?source=b") == ["of b"]
    assert listed(client, "?source=c") == []
    assert listed(client, "?source=b&q=of") == ["of b"]


def move(trace: Trace, moment: datetime) -> None:
    """To the time that its key then carries."""
    id = lowest_id(moment)
    Trace.objects.filter(pk=trace.pk).update(id=id, created_at=moment)


def test_dates_are_drilled_down_to_days(client: Client) -> None:
    for day in ("2024-02-28", "2024-02-29", "2024-03-01", "2025-01-01"):
        move(make_trace(prompt=day), datetime.fromisoformat(f"{day}T00:00:00+00:00"))
    make_trace(prompt="now")
    assert listed(client, "?date=2024") == ["2024-03-01", "2024-02-29", "2024-02-28"]
    assert listed(client, "?date=2024-02") == ["2024-02-29", "2024-02-28"]
    assert listed(client, "?date=2024-02-29") == ["2024-02-29"]
    assert listed(client, "?date=today") == ["now"]
    assert listed(client, "?date=7d") == ["now"]
    assert len(listed(client, "?date=nonsense")) == 5
    spec = client.get(f"{TRACES}?date=2024-02").context["cl"].filter_specs[0]
    labels = [label for _, label in spec.lookup_choices]
    assert labels[:5] == ["Today", "Past 7 days", "Past 30 days", "2024", "February 2024"]
    assert labels[5:] == ["2024-02-29", "2024-02-28"]


@pytest.mark.parametrize(("model", "field"), [(Dataset, "created_at"), (ApiToken, "created")])
def test_other_dates_are_those_of_the_record(client: Client, model: Any, field: str) -> None:
    make_one_of_each("x")
    moment = datetime.now(UTC)
    listed = url(model, "changelist")
    assert client.get(listed, {"date": f"{moment:%Y-%m-%d}"}).context["cl"].result_count == 1
    model.objects.update(**{field: moment - timedelta(days=400)})
    assert client.get(listed, {"date": f"{moment:%Y-%m-%d}"}).context["cl"].result_count == 0
    assert client.get(listed).context["cl"].result_count == 1


@pytest.mark.parametrize("order", ["3", "-3", "2", "-5", "6", "-6"])
def test_one_column_sorts_and_the_key_in_its_direction(client: Client, order: str) -> None:
    for prompt, steps in (("a", 2), ("b", 1), ("c", 2)):
        make_trace(prompt=prompt, steps=[{"i": n, "type": "t", "content": "x"} for n in range(steps)])
    response = client.get(TRACES, {"o": f"{order}.4"})
    fields = response.context["cl"].get_ordering(response.wsgi_request, Trace.objects.all())
    assert fields[-1].removeprefix("-") in ("id", "pk")
    assert {field.startswith("-") for field in fields} == {order.startswith("-")}
    if order == "3":
        assert listed(client, "?o=3") == ["b", "a", "c"]


def test_records_link_to_the_pages_of_the_same_object(client: Client) -> None:
    make_one_of_each("x")
    trace, dataset, manifest = Trace.objects.get(), Dataset.objects.get(), Manifest.objects.get()
    pages = [client.get(url(type(record), "change", record.pk)).text for record in (trace, dataset, manifest)]
    assert f'href="/traces/{trace.pk}"' in pages[0]
    assert f'href="{url(Dataset, "change", dataset.pk)}">letters-v1</a>' in pages[0]
    assert 'href="/datasets/letters-v1"' in pages[1]
    assert f'href="{url(Trace, "change", trace.pk)}"' in pages[1]
    assert f'href="/manifests/{manifest.pk}"' in pages[2]
    assert f'href="/api/tunix/manifests/{manifest.pk}.yaml"' in pages[2]


def test_a_superseded_build_links_to_itself(client: Client) -> None:
    make_trace()
    old = make_dataset()
    make_trace()
    body = {"dataset_name": "letters", "dataset_version": "v1", "limit": None, "replace": True}
    assert client.post("/api/datasets/build", body, content_type="application/json").status_code == 201
    assert f"/datasets/letters-v1?build={old.build_id}" in client.get(url(Dataset, "change", old.pk)).text
    rows = [
        client.get(f"{DATASETS}?build={build}").context["cl"].result_list
        for build in ("superseded", "current")
    ]
    assert [[row.pk for row in found] for found in rows] == [[old.pk], [Dataset.objects.current().get().pk]]


def test_json_is_shown_in_lines(client: Client) -> None:
    trace = make_trace(meta={"source": "test", "ü": [1]})
    text = client.get(url(Trace, "change", trace.pk)).text
    assert "<pre>{\n  &quot;source&quot;: &quot;test&quot;,\n  &quot;ü&quot;: [\n    1\n  ]\n}</pre>" in text


@pytest.mark.parametrize("format", FORMATS)
def test_chosen_traces_are_exported_as_the_api_does(client: Client, format: str) -> None:
    one, _, three = make_traces(3)
    response = act(client, Trace, f"export_{format}", one, three)
    make_dataset(trace_ids=[str(three.pk), str(one.pk)])
    exported = client.get(f"/api/datasets/letters-v1/export.jsonl?format={format}")
    assert response.headers["Content-Disposition"] == 'attachment; filename="traces.jsonl"'
    assert response.getvalue() == exported.getvalue()


def test_a_dataset_is_exported_as_the_api_does(client: Client) -> None:
    make_traces(3)
    dataset = make_dataset()
    response = act(client, Dataset, "export_tunix_sft", dataset)
    exported = client.get("/api/datasets/letters-v1/export.jsonl?format=tunix_sft")
    assert response.getvalue() == exported.getvalue()
    assert response.headers["ETag"] == exported.headers["ETag"]


def test_datasets_are_exported_one_at_a_time(client: Client) -> None:
    make_trace()
    both = [make_dataset(), make_dataset(dataset_version="v2")]
    answer = act(client, Dataset, "export_trace", *both)
    assert said(client, answer) == ["Choose one dataset at a time: each is a file of its own."]


def test_a_trace_is_added_by_the_parsing_of_the_api(client: Client) -> None:
    response = client.post(url(Trace, "add"), {"payload": json.dumps(make_payload())})
    assert response.status_code == 302
    assert [json.loads(row.steps) for row in Trace.objects.all()] == [make_payload()["steps"]]


def test_a_bad_trace_is_refused_with_its_paths(client: Client) -> None:
    payload = make_payload(steps=[{"i": 0, "type": "x", "content": ""}])
    response = client.post(url(Trace, "add"), {"payload": json.dumps(payload)})
    assert "steps.0.content: This must not be empty." in response.content.decode()
    assert Trace.objects.count() == 0


def test_a_trace_that_a_dataset_holds_cannot_be_deleted(client: Client) -> None:
    held = make_trace()
    make_dataset()
    free = make_trace()
    assert "letters-v1" in client.get(url(Trace, "delete", held.pk)).text
    for trace in (held, free):
        client.post(url(Trace, "delete", trace.pk), {"post": "yes"})
    assert [*Trace.objects.all()] == [held]


def test_chosen_traces_are_deleted_all_or_none_after_a_question(client: Client) -> None:
    held = make_trace()
    make_dataset()
    free, other = make_traces(2)
    asked = act(client, Trace, "delete_selected", free, other)
    assert (asked.status_code, str(free.pk) in asked.text) == (200, True)
    refused = act(client, Trace, "delete_selected", held, free, post="yes")
    assert "letters-v1" in refused.text
    assert Trace.objects.count() == 3
    assert act(client, Trace, "delete_selected", free, other, post="yes").status_code == 302
    assert [*Trace.objects.all()] == [held]


def test_a_dataset_is_deleted_after_a_question_and_leaves_a_tombstone(client: Client) -> None:
    make_trace()
    dataset = make_dataset()
    path = url(Dataset, "delete", dataset.pk)
    assert "letters-v1, 1 traces stay" in client.get(path).text
    assert client.post(path, {"post": "yes"}).status_code == 302
    tombstone = Tombstone.objects.get()
    assert (tombstone.key, tombstone.deleted_by) == ("letters-v1", User.objects.get())
    assert (Dataset.objects.count(), Trace.objects.count()) == (0, 1)


@pytest.mark.parametrize("is_listed", [False, True])
def test_a_dataset_in_use_says_what_uses_it(client: Client, is_listed: bool) -> None:
    make_trace()
    dataset = make_dataset()
    manifest = generate_manifest(dataset.key, Training("m", "o"), created_by=None)
    if is_listed:
        response = act(client, Dataset, "delete_selected", dataset, post="yes")
    else:
        response = client.post(url(Dataset, "delete", dataset.pk), {"post": "yes"})
    [message] = said(client, response)
    assert message.startswith(f"letters-v1 is used by manifest {manifest.pk}.")
    assert (Dataset.objects.count(), Tombstone.objects.count(), LogEntry.objects.count()) == (1, 0, 0)


def test_a_score_is_found_by_its_trace(client: Client) -> None:
    one, other = make_traces(2)
    for trace in (one, other):
        score_trace(trace, "baseline", created_by=None)
    for term, expected in ((str(one.pk), [one.pk]), ("nonsense", [])):
        found = client.get(url(Score, "changelist"), {"q": term}).context["cl"].result_list
        assert [score.trace_id for score in found] == expected


def test_a_new_token_is_shown_once_and_works(client: Client) -> None:
    boss = User.objects.get()
    form = {"user": boss.pk, "name": "notebook", "scope": "read-only"}
    page = client.post(url(ApiToken, "add"), form, follow=True)
    token = page.content.decode().split("shown only now: ")[1].split("<")[0].strip()
    answer = Client().get("/api/traces", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert token not in client.get(url(ApiToken, "changelist")).content.decode()


def test_a_token_of_a_name_that_is_taken_is_refused_in_words(client: Client) -> None:
    boss = User.objects.get()
    create_token(boss, "notebook")
    form = {"user": boss.pk, "name": "notebook", "scope": "read-only"}
    response = client.post(url(ApiToken, "add"), form)
    assert "already" in response.text
    assert ApiToken.objects.count() == 1


def test_tokens_are_revoked(client: Client) -> None:
    record, token = create_token(User.objects.get(), "notebook")
    assert "Revoke selected tokens" in client.get(url(ApiToken, "changelist")).text
    act(client, ApiToken, "delete_selected", record, post="yes")
    answer = Client().get("/api/traces", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401


def test_the_admin_says_that_it_belongs_to_the_pages(client: Client) -> None:
    text = client.get("/admin/").text
    assert '<a href="/">tunix-rt</a> <span class="where">admin</span>' in text
    assert "css/admin.css" in text
    assert "Django" not in text


def test_a_user_who_is_no_staff_is_sent_to_sign_in(user: User, settings: Settings) -> None:
    settings.OPEN = True
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    assert client.get(TRACES).headers["Location"] == f"/admin/login/?next={TRACES}"
