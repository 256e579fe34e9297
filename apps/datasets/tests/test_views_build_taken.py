"""What the page that builds a dataset does where it may not: a key that is taken, an import that runs."""

from typing import Any

from django.test import Client

from apps.accounts.models import User
from apps.datasets.models import Dataset
from apps.datasets.tests.factories import make_dataset
from apps.imports.models import Import
from apps.imports.tests.factories import make_upload
from apps.traces.tests.factories import make_trace


def test_a_key_with_other_content_offers_the_next_version(client: Client, user: User, staff: User) -> None:
    make_trace()
    make_dataset(dataset_name="mine")
    make_trace()
    fields = {"dataset_name": "mine", "dataset_version": "v1", "limit": "all", "session_id": "kept"}
    for account, instead in ((user, "ask staff to replace it"), (staff, "replace it, further down")):
        client.force_login(account)
        page: Any = client.post("/datasets/new", fields, headers={"host": "localhost"})
        assert page.status_code == 422
        assert page.context["form"].errors == {
            "dataset_version": [
                f"mine-v1 exists with other content. Choose another version, v2 is free, or {instead}."
            ]
        }
        assert page.context["preview"].taken.number == 2
        link = "?dataset_name=mine&amp;dataset_version=v2&amp;limit=all&amp;session_id=kept"
        assert f'href="{link}">v2</a>' in page.text
        assert '<details class="more" open>' in page.text
        assert ("Replace the dataset that has this key" in page.text) == account.is_staff
    assert Dataset.objects.count() == 1


def test_another_conflict_is_not_put_at_the_version(api: Client) -> None:
    trace = make_trace()
    running = make_upload(b"{}", "rows.jsonl")
    Import.objects.update(state=Import.State.RUNNING, ingest_id=trace.ingest_id)
    page: Any = api.post("/datasets/new", {"dataset_name": "mine", "dataset_version": "v1"})
    [said] = page.context["form"].errors["__all__"]
    assert said.startswith(f"The import of {running} is running. Build when it has ended")
    assert [*page.context["form"].errors] == ["__all__"]


def test_staff_replaces_and_others_do_not(client: Client, user: User, staff: User) -> None:
    make_trace()
    first = make_dataset(dataset_name="mine")
    make_trace()
    fields = {"dataset_name": "mine", "dataset_version": "v1", "limit": "all", "replace": "on"}
    for account, status in ((user, 403), (staff, 303)):
        client.force_login(account)
        offer = client.get("/datasets/new", headers={"host": "localhost"}).text
        assert ('name="replace"' in offer) == account.is_staff
        sent = client.post("/datasets/new", fields, headers={"host": "localhost"})
        assert sent.status_code == status
    built = Dataset.objects.named("mine-v1")
    assert (built.trace_count, built.created_by, built.pk == first.pk) == (2, staff, False)
