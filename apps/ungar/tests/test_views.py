"""The UNGAR panel."""

import re
from typing import Any

import pytest
from django.test import Client

from apps.traces.models import Trace
from apps.traces.tests.factories import make_trace

HTMX = {"HX-Request": "true"}
NOBODY = "550e8400-e29b-41d4-a716-446655440000"
TEST_IDS = {*("section", "status", "count", "seed", "generate-btn")}
RESULT_TEST_IDS = {"results", "preview"}


def _test_ids(text: str) -> set[str]:
    return {*re.findall(r'data-testid="ungar:([^"]+)"', text)}


def _rows(text: str) -> list[list[str]]:
    body = re.search(r"<tbody>(.*?)</tbody>", text, re.DOTALL)
    assert body is not None
    return [
        [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)]
        for row in re.findall(r"<tr>(.*?)</tr>", body[1], re.DOTALL)
    ]


@pytest.mark.parametrize("path", ["/ungar", "/tunix"])
def test_the_panel_stands_on_its_page_and_beside_tunix(api: Client, path: str) -> None:
    text = api.get(path).content.decode()
    assert _test_ids(text) == TEST_IDS
    assert "The ungar package is not installed." in text
    assert 'href="/api/ungar/high-card-duel/export.jsonl?limit=10000"' in text
    fields = {tag for tag in re.findall(r"<input[^>]+>", text) if 'type="number"' in tag}
    assert any('name="count" value="10"' in tag and 'min="1" max="100"' in tag for tag in fields)
    assert any(f'min="{-(2**63)}" max="{2**63 - 1}"' in tag and 'name="seed"' in tag for tag in fields)


def test_episodes_are_stored_and_the_first_three_shown(api: Client) -> None:
    answer = api.post("/ungar", {"count": "5", "seed": "42"})
    stored = [*Trace.objects.of_source("ungar").order_by("pk")]
    assert (answer.status_code, answer["Location"]) == (303, f"/ungar?first={stored[0].pk}")
    assert len(stored) == 5
    text = api.get(answer["Location"]).content.decode()
    assert _test_ids(text) == TEST_IDS | RESULT_TEST_IDS
    assert "5 traces stored, seed 42." in text
    assert _rows(text) == [["TS", "JH", "loss"], ["2H", "QH", "loss"], ["AH", "5S", "win"]]
    for trace in stored[:3]:
        assert f'href="/traces/{trace.pk}"' in text
    assert 'href="/traces?source=ungar&amp;meta.seed=42"' in text


def test_a_seed_is_drawn_and_said(api: Client) -> None:
    answer = api.post("/ungar", {"count": "1", "seed": ""}, headers=HTMX)
    [trace] = Trace.objects.all()
    text = answer.content.decode()
    assert (answer.status_code, text.lstrip().startswith('<section id="ungar-panel"')) == (200, True)
    assert f"1 trace stored, seed {answer.context['played'][0].meta['seed']}." in text
    assert answer.context["played"][0].id == trace.pk


def test_the_address_follows_only_on_its_own_page(api: Client) -> None:
    for path, follows in (("/ungar", True), ("/tunix", False)):
        headers = {**HTMX, "HX-Current-URL": f"http://localhost{path}?x=1"}
        answer = api.post("/ungar", {"count": "1"}, headers=headers)
        assert answer.has_header("HX-Push-Url") is follows


def test_two_acts_are_told_apart(api: Client) -> None:
    urls = [api.post("/ungar", {"count": str(count), "seed": "7"})["Location"] for count in (2, 3)]
    assert [len(api.get(url).context["played"]) for url in urls] == [2, 3]


def test_a_trace_of_another_hand_shows_what_it_has(api: Client) -> None:
    trace = make_trace(meta={"source": "ungar", "my_card": "<b>"})
    text = api.get(f"/ungar?first={trace.pk}").content.decode()
    assert _rows(text) == [["&lt;b&gt;", "", ""]]


@pytest.mark.parametrize(
    ("values", "field", "message"),
    [
        ({"count": "0"}, "count", "A whole number between 1 and 100."),
        ({"count": "101"}, "count", "A whole number between 1 and 100."),
        ({"count": "ten"}, "count", "A whole number between 1 and 100."),
        ({"count": ""}, "count", "This field is required."),
        ({"count": "1", "seed": str(2**63)}, "seed", "A whole number of at most 64 bits, such as 42."),
        ({"count": "1", "seed": "x"}, "seed", "A whole number of at most 64 bits, such as 42."),
    ],
)
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_what_is_refused_stands_at_its_field(
    api: Client, headers: dict[str, str], values: dict[str, str], field: str, message: str
) -> None:
    answer = api.post("/ungar", values, headers=headers)
    form = answer.context["ungar_form"]
    assert (answer.status_code, dict(form.errors), form[field].value()) == (
        422,
        {field: [message]},
        values[field],
    )
    assert message in answer.content.decode()
    assert Trace.objects.count() == 0


@pytest.mark.parametrize("seed", ["-9223372036854775808", "9223372036854775707"])
def test_a_seed_may_be_any_of_64_bits(api: Client, seed: str) -> None:
    assert api.post("/ungar", {"count": "1", "seed": seed}).status_code == 303


@pytest.mark.parametrize("first", [NOBODY, "ffffffff-ffff-ffff-ffff-ffffffffffff"])
def test_an_unknown_first_trace_shows_no_result(api: Client, first: str) -> None:
    assert _test_ids(api.get(f"/ungar?first={first}").content.decode()) == TEST_IDS


def test_what_is_no_id_is_not_found(api: Client) -> None:
    assert api.get("/ungar?first=x").status_code == 404


@pytest.mark.parametrize("count", [1, 3, 100])
def test_the_panel_asks_as_much_for_many_as_for_one(
    api: Client, count: int, django_assert_num_queries: Any
) -> None:
    url = api.post("/ungar", {"count": str(count)})["Location"]
    with django_assert_num_queries(5):  # four counts of the navigation and the episodes
        api.get(url)
