"""The pages of duplicates."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import User
from apps.curation import groups
from apps.curation.models import DuplicateGroup, DuplicateSearch
from apps.curation.tests.factories import WORDS, make_alike, make_groups, make_search, run_search, tagged
from apps.datasets.tests.factories import make_dataset
from apps.jobs.tests.factories import make_worker
from apps.traces.models import Trace

HTMX = {"hx-request": "true"}
PATH = "/curation/duplicates"
FIRST, SECOND, THIRD = ALIKE = [f"{WORDS} {n}" for n in range(3)]


def path_of(search: DuplicateSearch, place: int = 0) -> str:
    """Of one of its groups, the largest first."""
    group = DuplicateGroup.objects.of_search(search).largest_first()[place]
    return f"{PATH}/{search.pk}/groups/{group.pk}"


def test_the_way_to_the_first_search(api: Client) -> None:
    assert f'href="{PATH}"' in api.get("/traces").text
    assert "Nobody has searched for duplicates yet." in api.get(PATH).text
    page = api.get(f"{PATH}/new")
    assert [field.value() for field in page.context["form"]] == ["prompt", 0.7, None]
    response = api.post(f"{PATH}/new", {"compared": "trace", "threshold": "1", "name": "equal ones"})
    search = DuplicateSearch.objects.get()
    assert (response.status_code, response["Location"]) == (303, f"{PATH}/{search.pk}")
    assert (search.name, search.compared, search.threshold) == ("equal ones", "trace", 1)
    assert "equal ones" in api.get(PATH).text


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"compared": "answer"}, "compared"),
        ({"threshold": "0.4"}, "threshold"),
        ({"threshold": "1.1"}, "threshold"),
        ({"threshold": "x"}, "threshold"),
        ({"threshold": "nan"}, "threshold"),
        ({"name": ""}, "name"),
        ({"name": "-a"}, "name"),
        ({"name": "taken"}, "name"),
        ({"name": "x" * 55}, "name"),
    ],
)
def test_the_form_says_what_is_wrong(api: Client, changed: dict[str, str], field: str) -> None:
    make_search("taken")
    page = api.post(f"{PATH}/new", {"compared": "prompt", "threshold": "0.8", "name": "a", **changed})
    assert (page.status_code, [*page.context["form"].errors]) == (422, [field])
    assert DuplicateSearch.objects.count() == 1


def test_as_long_as_it_runs_its_page_asks_again(api: Client) -> None:
    search = make_search()
    page = api.get(f"{PATH}/{search.pk}")
    assert 'hx-trigger="every 1s"' in page.text
    assert "No worker is running" in page.text
    make_worker()
    part = api.get(f"{PATH}/{search.pk}", headers=HTMX)
    assert part.text.strip().startswith('<section id="curation-search"')
    assert "No worker is running" not in part.text
    response = api.post(f"{PATH}/{search.pk}/cancel")
    assert (response.status_code, response["Location"]) == (303, f"{PATH}/{search.pk}")
    part = api.get(f"{PATH}/{search.pk}", headers=HTMX)
    assert "every 1s" not in part.text
    assert 'hx-swap-oob="true"' in part.text
    assert "Cancelled. What it had stored was removed again." in part.text


def test_its_groups_by_state(api: Client) -> None:
    search = make_groups([2, 3, 4])
    api.post(path_of(search), {"dismiss": "1"})
    api.post(path_of(search, 1), {"keep": str(tagged_key(search))})
    page = api.get(f"{PATH}/{search.pk}")
    assert [row.summary.size for row in page.context["groups"]] == [4, 3, 2]
    assert [str(count) for _, _, count in page.context["states"]] == ["1", "1", "1"]
    sizes = {
        state: [row.summary.size for row in api.get(f"{PATH}/{search.pk}?state={state}").context["groups"]]
        for state in ("open", "kept", "dismissed", "rubbish")
    }
    assert sizes == {"open": [2], "kept": [3], "dismissed": [4], "rubbish": [4, 3, 2]}
    assert f"?tag=duplicate%3A{search.name}" in page.text
    assert f"/datasets/new?tag=-duplicate%3A{search.name}" in page.text
    assert api.get(f"{PATH}/{search.pk}?after=rubbish").status_code == 404


def tagged_key(search: DuplicateSearch) -> Any:
    """Of a trace of the second group."""
    group = DuplicateGroup.objects.of_search(search).largest_first()[1]
    return group.members.others()[0].trace_id


def test_a_group_shows_what_differs(api: Client) -> None:
    make_alike(f"<script> {FIRST}", f"<script> {SECOND}")
    page = api.get(path_of(run_search()))
    assert "<script> one" not in page.text
    assert "&lt;script&gt; one" in page.text
    assert ("<del>0</del>" in page.text, "<ins>1</ins>" in page.text) == (True, True)
    assert "89% alike" in page.text
    [beside] = page.context["shown"].others
    assert [label for label, _ in beside.changed_rows] == ["Prompt", "Step"]


def test_going_through_the_groups(api: Client) -> None:
    search = make_groups([4, 3, 2])
    kept = DuplicateGroup.objects.largest_first()[0].members.kept()[0].trace_id
    answer = api.post(path_of(search), {"keep": str(kept)})
    assert (answer.status_code, answer["Location"]) == (303, path_of(search, 1))
    assert "One is kept, the others are tagged duplicate:near." in api.get(answer["Location"]).text
    assert api.post(path_of(search, 1), {"dismiss": "1"})["Location"] == path_of(search, 2)
    assert "These are no duplicates" in api.get(path_of(search, 1)).text
    assert api.post(path_of(search, 2), {"dismiss": "1"})["Location"] == f"{PATH}/{search.pk}"
    assert len(tagged(search)) == 3


def test_members_by_page(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "COMPARED", 2)
    search = make_groups([6])
    seen, url = [], path_of(search)
    while url:
        page = api.get(url)
        assert "Group of 6 traces" in page.text
        shown = page.context["shown"]
        seen += [beside.trace.pk for beside in shown.others]
        url = f"{path_of(search)}?after={shown.window.after}" if shown.window.after else ""
    assert len(seen) == len({*seen}) == 5
    assert api.get(f"{path_of(search)}?after=rubbish").status_code == 404


@pytest.mark.parametrize("form", [{}, {"keep": "rubbish"}, {"keep": str(uuid4())}])
def test_what_cannot_be_kept_is_said(api: Client, form: dict[str, str]) -> None:
    search = make_groups([2])
    page = api.post(path_of(search), form)
    assert page.status_code == 409
    assert "data-reason" in page.text
    assert DuplicateGroup.objects.get().state == "open"


def test_the_others_are_deleted_once_that_is_confirmed(api: Client) -> None:
    search = make_groups([3])
    kept = str(DuplicateGroup.objects.get().members.kept()[0].trace_id)
    asked = api.post(f"{path_of(search)}/delete", {"keep": kept})
    assert "Delete the 2 others of this group?" in " ".join(asked.text.split())
    assert Trace.objects.count() == 3
    answer = api.post(f"{path_of(search)}/delete", {"keep": kept, "confirm": "1"})
    assert (answer.status_code, answer["Location"]) == (303, f"{PATH}/{search.pk}")
    assert [str(key) for key in Trace.objects.values_list("pk", flat=True)] == [kept]
    assert "The others have been deleted." in api.get(path_of(search)).text


def test_what_is_held_is_named(api: Client) -> None:
    traces = make_alike(*ALIKE)
    search = run_search()
    make_dataset(dataset_name="holder", trace_ids=[str(traces[2].pk)])
    form = {"keep": str(traces[0].pk), "confirm": "1"}
    page = api.post(f"{path_of(search)}/delete", form)
    assert page.status_code == 409
    assert "The trace is held by holder-v1." in page.text
    assert Trace.objects.count() == 3


def test_only_staff_delete(user: User) -> None:
    search = make_groups([2])
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    assert "Delete the other" not in client.get(path_of(search)).text
    assert client.post(f"{path_of(search)}/delete", {"keep": "x", "confirm": "1"}).status_code == 403
    assert client.post(path_of(search), {"dismiss": "1"}).status_code == 303
    assert DuplicateGroup.objects.get().resolved_by == user


def test_a_search_is_removed_once_that_is_confirmed(api: Client) -> None:
    search = make_groups([3])
    asked = " ".join(api.get(f"{PATH}/{search.pk}/remove").text.split())
    assert "Its 1 group goes" in asked
    assert DuplicateSearch.objects.get().state == "done"
    assert api.post(f"{PATH}/{search.pk}/remove")["Location"] == PATH
    assert DuplicateSearch.objects.get().state == "removing"
    assert api.get(path_of(search)).status_code == 404
    assert api.post(f"{PATH}/{search.pk}/remove").status_code == 409


@pytest.mark.parametrize("path", ["no", str(uuid4())])
def test_what_is_not_there(api: Client, path: str) -> None:
    assert api.get(f"{PATH}/{path}").status_code == 404
    assert api.get(f"{PATH}/{path}/groups/1").status_code == 404
    assert api.get(f"{PATH}/{make_groups([2]).pk}/groups/{path}").status_code == 404


def test_where_the_kept_one_is_gone_it_is_said(api: Client) -> None:
    search = make_groups([2])
    Trace.objects.filter(duplicate_members__is_kept=True).delete()
    assert "The trace that was kept has been deleted." in api.get(path_of(search)).text
    assert "(deleted)" in api.get(f"{PATH}/{search.pk}").text


def test_the_number_of_queries_is_constant(api: Client) -> None:
    counts = set()
    for count in (1, 3, 100):
        search = make_groups([2] * (count - 1) + [count + 1], f"of {count}")
        found = []
        for path in (f"{PATH}/{search.pk}", path_of(search)):
            with CaptureQueriesContext(connection) as queries:
                assert api.get(path).status_code == 200
            found.append(len(queries))
        counts.add((*found,))
        Trace.objects.all().delete()
        DuplicateGroup.objects.all().delete()
    assert len(counts) == 1, counts


def test_the_list_of_searches_asks_the_same_whatever_their_number(api: Client, user: User) -> None:
    counts = set()
    for count in (1, 3, 100):
        for n in range(DuplicateSearch.objects.count(), count):
            DuplicateSearch.objects.create(name=f"search {n}", created_by=user, state="done")
        with CaptureQueriesContext(connection) as queries:
            assert len(api.get(PATH).context["searches"]) == min(count, 50)
        counts.add(len(queries))
    assert len(counts) == 1
