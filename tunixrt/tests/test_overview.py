import re
from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from django.db import OperationalError, connection
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries

from apps.datasets.tests.factories import make_dataset
from apps.traces.tests.factories import make_trace, make_traces
from apps.tunix.availability import MESSAGE
from apps.tunix.manifest import Training, generate_manifest

pytestmark = pytest.mark.django_db


def test_an_empty_place_teaches_the_first_three_steps(api: Client) -> None:
    text = api.get("/").text
    links = ["/traces/new", "/ungar", "/imports/new", "/datasets/new", "/tunix"]
    main = text.partition("<main")[2]
    assert [main.count(f'<a href="{link}">') for link in links] == [1] * 5
    assert "<table" not in main


def test_what_is_here_is_counted_and_linked(api: Client) -> None:
    traces = make_traces(7)
    dataset = make_dataset()
    manifest = generate_manifest(dataset.key, Training("org/model", "o"), created_by=None)
    main = " ".join(api.get("/").text.partition("<main")[2].split())
    for number, path, name in (
        (7, "/traces", "Traces"),
        (1, "/datasets", "Datasets"),
        (1, "/manifests", "Manifests"),
    ):
        assert f'<b><a class="plain" href="{path}">{number}</a></b><span>{name}</span>' in main
    shown = [main.index(f'href="/traces/{trace.pk}"') for trace in reversed(traces[2:])]
    assert shown == sorted(shown)
    assert f"/traces/{traces[1].pk}" not in main
    assert 'href="/datasets/letters-v1"' in main
    assert f'href="/manifests/{manifest.pk}"' in main


def test_the_next_step_is_taught_where_only_traces_are(api: Client) -> None:
    make_trace()
    main = api.get("/").text.partition("<main")[2]
    assert '<a href="/datasets/new">Build the first dataset</a>' in main
    assert "It needs a dataset." in main
    make_dataset()
    assert '<a href="/tunix">Generate the first manifest</a>' in api.get("/").text


def test_user_text_is_text(api: Client) -> None:
    hostile = "<script>alert(1)</script>{{ 7|add:1 }}\u202e"
    make_trace(prompt=hostile + "x" * 49_000, meta={"source": hostile})
    dataset = make_dataset()
    generate_manifest(dataset.key, Training(hostile, "o"), created_by=None)
    response = api.get("/")
    assert "<script>alert" not in response.text
    assert response.text.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 2  # prompt and model
    assert len(response.content) < 20_000


def test_status_is_said(api: Client) -> None:
    text = api.get("/").text
    assert "Healthy, the database answers." in text
    assert f"Not installed here. {MESSAGE}" in text
    assert "Not installed here; the deal of High Card Duel is built in." in text
    assert "Open on this machine: who calls it from here needs no account." in text


def test_a_closed_place_does_not_say_that_it_is_open(user: Any) -> None:
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    assert "Open on this machine" not in client.get("/").text


def break_down(execute: Callable[..., Any], *_: Any) -> NoReturn:
    raise OperationalError("the server closed the connection, password=hunter2")


def test_a_database_that_does_not_answer_is_a_page(api: Client, caplog: pytest.LogCaptureFixture) -> None:
    with connection.execute_wrapper(break_down):
        response = api.get("/")
    assert response.status_code == 503
    assert "The database does not answer. See the log of the server." in response.text
    assert "hunter2" not in response.text
    assert "hunter2" in caplog.text


@pytest.mark.parametrize("count", [1, 3, 100])
def test_the_queries_are_the_same_for_any_number(
    api: Client, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for n in range(count):
        make_trace()
        generate_manifest(
            make_dataset(dataset_version=f"{n}", limit=1).key, Training("m", "o"), created_by=None
        )
    with django_assert_num_queries(9):  # health, ids, traces, datasets, manifests, four counts
        assert api.get("/").status_code == 200


def test_what_a_fragment_made_is_counted_beside_the_page(api: Client) -> None:
    make_traces(2)
    dataset = make_dataset()
    htmx = {"HX-Request": "true"}
    wanted = {"dataset_key": dataset.key, "model_id": "m", "output_dir": "o", "learning_rate": "0.1"}
    whole = {"num_epochs": "1", "batch_size": "1", "max_seq_length": "128"}
    for path, form, place, count in (
        ("/tunix", wanted | whole, "manifests", 1),
        ("/ungar", {"count": "3"}, "traces", 5),
    ):
        made = api.post(path, form, headers=htmx).text
        assert re.search(
            rf'id="count-{place}"\s+class="small muted"\s+hx-swap-oob="true">{count}</span>', made
        )
        assert "hx-swap-oob" not in api.get(path).text


@pytest.mark.parametrize("path", ["/traces", "/datasets", "/manifests", "/imports", "/audit"])
def test_every_search_asks_in_the_same_way(api: Client, path: str) -> None:
    page = api.get(path).text
    assert f'hx-get="{path}"' in page
    assert page.count('hx-sync="this:queue last"') == 1
    [target] = re.findall('hx-target="#([^"]+)"', page)
    assert f'<section id="{target}"' in page


def test_ranges_are_said_before_they_are_refused(api: Client) -> None:
    panel = api.get("/tunix").text
    for said in ("Above 0, at most 1<", ">1 to 100<", ">128 to 32,768<"):
        assert said in panel
    assert "Prompts held out to validate with" in api.get("/traces").text
