from datetime import timedelta
from typing import get_args

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from apps.accounts.models import User
from apps.audit import serializers
from apps.audit.models import Act
from apps.audit.record import Verb
from apps.audit.tests.factories import make_act

pytestmark = pytest.mark.django_db


def keys(client: Client, query: str) -> list[str]:
    return [act.key for act in client.get(f"/audit?{query}").context["browsed"].acts]


def test_the_newest_is_first(api: Client) -> None:
    make_act(key="one")
    make_act(key="two", verb=Verb.BUILT_DATASET, rows=7_473)
    assert keys(api, "") == ["two", "one"]
    assert "7,473" in api.get("/audit").text


def test_filters_narrow_alone_and_together(api: Client) -> None:
    make_act(key="a", actor="ada")
    make_act(key="b", actor="bob", verb=Verb.DELETED_TRACE)
    make_act(key="b", actor="ada", verb=Verb.BUILT_DATASET)
    today = timezone.now().date()
    tomorrow = today + timedelta(days=1)
    found = {
        query: keys(api, query)
        for query in (
            "actor=ada",
            "thing=b",
            "verb=deleted-trace",
            "actor=ada&thing=b",
            "actor=ada&verb=deleted-trace",
            "thing=b&actor=ada&verb=built-dataset",
            f"since={today}&until={today}",
            "since=1960-01-01",
            f"since={tomorrow}",
            f"until={today - timedelta(days=1)}",
            "until=9999-12-31",
        )
    }
    assert [len(acts) for acts in found.values()] == [2, 2, 1, 1, 0, 1, 3, 3, 0, 0, 3]


def test_pages_go_on_by_key_and_keep_the_filters(api: Client) -> None:
    for number in range(60):
        make_act(key=str(number))
    first = api.get("/audit?actor=ada")
    after = first.context["browsed"].after
    assert f"actor=ada&amp;after={after}" in first.text
    assert keys(api, f"actor=ada&after={after}") == [str(number) for number in range(9, -1, -1)]


@pytest.mark.parametrize("query", ["verb=flew", "since=x", "since=2026-02-02&until=2026-01-01", "after=x"])
def test_what_is_no_filter_is_said(api: Client, query: str) -> None:
    response = api.get(f"/audit?{query}")
    assert response.status_code == 422
    assert 'role="alert"' in response.text


def test_text_of_users_is_text(api: Client) -> None:
    make_act(key="<script>{{ x }}", actor="<b>", details={"<i>": "\u202e"})
    text = api.get("/audit").text
    assert ("&lt;script&gt;{{ x }}" in text, "<b>" in text, "<i>" in text) == (True, False, False)


def test_an_empty_record_and_no_match_are_told_apart(api: Client) -> None:
    assert "Nothing has been done here yet" in api.get("/audit").text
    assert "No act matches" in api.get("/audit?actor=x").text


def test_htmx_gets_the_table_alone_and_the_address(api: Client) -> None:
    response = api.get("/audit?actor=x&verb=", headers={"HX-Request": "true"})
    assert response.text.lstrip().startswith('<section id="audit-list"')
    assert response["HX-Push-Url"] == "/audit?actor=x"


def test_only_staff_reads_it_and_is_shown_the_way(user: User, staff: User) -> None:
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    assert [client.get(path).status_code for path in ("/audit", "/api/audit")] == [403, 403]
    assert 'href="/audit"' not in client.get("/traces").text
    client.force_login(staff)
    assert [client.get(path).status_code for path in ("/audit", "/api/audit")] == [200, 200]
    assert 'href="/audit"' in client.get("/traces").text


@pytest.mark.parametrize("count", [1, 3, 100])
def test_the_page_asks_as_often_for_many(
    api: Client, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(count):
        make_act(key=str(number))
    with django_assert_num_queries(3):
        api.get("/audit", headers={"HX-Request": "true"})


def test_the_api_lists_and_filters(api: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    act = make_act(key="k", actor="ada", verb=Verb.EXPORTED_DATASET, rows=2, details={"format": "trace"})
    make_act(actor="bob")
    with django_assert_num_queries(1):
        page = api.get("/api/audit?actor=ada&verb=exported-dataset&since=2026-01-01").json()
    [found] = page["data"]
    assert found.pop("at").endswith("Z")
    assert found == {
        "id": str(act.pk),
        "actor": "ada",
        "account_id": None,
        "token": None,
        "address": None,
        "verb": "exported-dataset",
        "thing": "k",
        "rows": 2,
        "details": {"format": "trace"},
    }
    assert api.get("/api/audit?verb=flew").status_code == 400


def test_the_schema_knows_every_verb(api: Client) -> None:
    for verb in Verb:
        assert api.get(f"/api/audit?verb={verb.value}").status_code == 200


def test_the_admin_looks_and_changes_nothing(staff: User) -> None:
    staff.is_superuser = True
    staff.save()
    client = Client(headers={"host": "localhost"})
    client.force_login(staff)
    act = make_act(key="k", details={"a": 1})
    page = client.get("/admin/audit/act/?q=k").text
    assert (page.count("ada"), 'name="action"' in page) == (1, False)
    url = f"/admin/audit/act/{act.pk}/"
    assert "&quot;a&quot;: 1" in client.get(f"{url}change/").text
    statuses = [client.post(f"{url}delete/").status_code, client.get("/admin/audit/act/add/").status_code]
    assert (statuses, Act.objects.filter(key="k").count()) == ([403, 403], 1)


def test_details_are_said_in_words(api: Client) -> None:
    make_act(details={"added": ["a", "b"], "tagged_before": 0, "evaluation": {"steps": {"min": 2}}})
    assert "added: a, b; tagged before: 0; evaluation: steps = min = 2" in api.get("/audit").text


def test_the_api_knows_every_verb() -> None:
    assert [*get_args(serializers.Verb)] == Act.Verb.values
