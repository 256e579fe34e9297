import json

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from apps.accounts.models import ApiToken, User
from apps.datasets.models import Dataset
from apps.datasets.tests.factories import make_dataset
from apps.jobs.models import Job
from apps.traces.models import Score, Trace
from apps.traces.score import score_trace
from apps.traces.tests.factories import make_payload, make_trace
from apps.tunix.manifest import Training, generate_manifest
from apps.tunix.models import Manifest


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("boss", password="a long password"))
    return client


@pytest.mark.parametrize("model", [Trace, Score, Dataset, Manifest, Job, ApiToken, User])
def test_every_list_and_record_can_be_looked_at(client: Client, model: type) -> None:
    trace = make_trace(prompt="<script>alert(1)</script>")
    score_trace(trace, "baseline", created_by=None)
    generate_manifest(make_dataset().key, Training("m", "o"), created_by=None)
    Job.objects.create(title="<script>alert(1)</script>", act="apps.none")
    ApiToken.objects.create(User.objects.get(), name="a token")
    assert admin.site.is_registered(model)
    label = f"admin:{model._meta.app_label}_{model._meta.model_name}"  # type: ignore[attr-defined]
    listed = client.get(reverse(f"{label}_changelist"), {"q": ""})
    [record] = model.objects.all()  # type: ignore[attr-defined]
    detail = client.get(reverse(f"{label}_change", args=[record.pk]))
    assert (listed.status_code, detail.status_code) == (200, 200)
    assert b"<script>alert" not in listed.content + detail.content


def test_a_trace_is_added_by_the_parsing_of_the_api(client: Client) -> None:
    response = client.post(reverse("admin:traces_trace_add"), {"payload": json.dumps(make_payload())})
    assert response.status_code == 302
    assert [json.loads(row.steps) for row in Trace.objects.all()] == [make_payload()["steps"]]


def test_a_bad_trace_is_refused_with_its_paths(client: Client) -> None:
    payload = make_payload(steps=[{"i": 0, "type": "x", "content": ""}])
    response = client.post(reverse("admin:traces_trace_add"), {"payload": json.dumps(payload)})
    assert "steps.0.content: String should have at least 1 character" in response.content.decode()
    assert Trace.objects.count() == 0


def test_a_trace_cannot_be_changed(client: Client) -> None:
    trace = make_trace()
    response = client.post(reverse("admin:traces_trace_change", args=[trace.pk]), {"prompt": "other"})
    assert response.status_code == 403


def test_a_trace_that_a_dataset_holds_cannot_be_deleted(client: Client) -> None:
    held = make_trace()
    make_dataset()
    free = make_trace()
    for trace in (held, free):
        client.post(reverse("admin:traces_trace_delete", args=[trace.pk]), {"post": "yes"})
    assert [*Trace.objects.all()] == [held]


def test_a_new_token_is_shown_once_and_works(client: Client) -> None:
    boss = User.objects.get()
    form = {"user": boss.pk, "name": "notebook", "scope": "read-only"}
    page = client.post(reverse("admin:accounts_apitoken_add"), form, follow=True)
    token = page.content.decode().split("shown only now: ")[1].split("<")[0].strip()
    answer = Client().get("/api/traces", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert token not in client.get(reverse("admin:accounts_apitoken_changelist")).content.decode()
