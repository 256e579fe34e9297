"""The part of a trace's page where people say something of it."""

import pytest
from django.test import Client

from apps.curation.models import NOTE_MAX_LENGTH, Note
from apps.curation.tests.test_api import said
from apps.traces.tests.factories import make_trace

HTMX = {"hx-request": "true"}


@pytest.mark.parametrize(
    ("act", "form", "left"),
    [
        ("tags", {"add": " a, b,, c c "}, {"tags": ["a", "b", "c c"]}),
        ("review", {"state": "rejected"}, {"state": "rejected"}),
    ],
)
def test_without_scripts_the_page_shows_it(api: Client, act: str, form: dict[str, str], left: object) -> None:
    trace = make_trace()
    response = api.post(f"/traces/{trace.pk}/{act}", form)
    assert (response.status_code, response["Location"]) == (303, f"/traces/{trace.pk}#curation-trace")
    assert {key: said(api, trace)[key] for key in dict(left)} == left  # type: ignore[call-overload]


def test_htmx_gets_the_part(api: Client) -> None:
    trace = make_trace()
    part = api.post(f"/traces/{trace.pk}/tags", {"add": "<b>fruit"}, headers=HTMX)
    assert part.status_code == 200
    assert part.text.startswith('<section id="curation-trace"')
    assert "&lt;b&gt;fruit" in part.text
    assert "<b>" not in part.text
    part = api.post(f"/traces/{trace.pk}/tags", {"remove": "<b>fruit"}, headers=HTMX)
    assert "fruit" not in part.text.partition("<datalist")[0]


def test_a_note_keeps_its_lines(api: Client) -> None:
    trace = make_trace()
    api.post(f"/traces/{trace.pk}/notes", {"text": "a\r\n\r\nb <i>"})
    assert Note.objects.get().text == "a\n\nb <i>"
    assert "a\n\nb &lt;i&gt;" in api.get(f"/traces/{trace.pk}").text


@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.parametrize(
    ("act", "form", "message", "kept"),
    [
        ("tags", {"add": "fine, -x"}, "A tag is not empty, does not begin with", 'value="fine, -x"'),
        ("tags", {"add": ""}, "Name a tag to add or to remove", ""),
        ("notes", {"text": " "}, "This field is required.", ""),
        ("notes", {"text": "n" * (NOTE_MAX_LENGTH + 1)}, "at most 10000 characters", "nnnn</textarea>"),
        ("review", {"state": "good"}, "Select a valid choice.", ""),
    ],
)
def test_a_refusal_stands_at_its_field(
    api: Client, headers: dict[str, str], act: str, form: dict[str, str], message: str, kept: str
) -> None:
    trace = make_trace()
    page = api.post(f"/traces/{trace.pk}/{act}", form, headers=headers)
    assert page.status_code == 422
    assert message in page.text
    assert kept in page.text
    assert ("<html" in page.text) == (not headers)
    assert said(api, trace) == {"tags": [], "state": "new", "reviews": [], "notes": [], "flags": []}


@pytest.mark.parametrize("act", ["tags", "notes", "review"])
def test_only_what_is_there_and_only_by_a_form(api: Client, act: str) -> None:
    assert api.post(f"/traces/no/{act}", {"add": "a", "text": "a", "state": "new"}).status_code == 404
    assert api.get(f"/traces/{make_trace().pk}/{act}").status_code == 405
