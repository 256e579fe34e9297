"""Writing a trace, comparing two, scoring one: the pages, without a browser."""

import json
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from apps.accounts.models import User
from apps.core.ids import new_id
from apps.formats.trace import MAX_STEPS, TEXT_MAX_LENGTH
from apps.traces.models import Score, Trace
from apps.traces.tests.factories import make_payload, make_trace, make_traces


def make_draft(*steps: tuple[str, str], **overrides: str) -> dict[str, str]:
    """What the form posts."""
    fields = {"trace_version": "1.0", "prompt": "Why?", "final_answer": "So.", "meta": ""}
    for n, (type, content) in enumerate(steps or (("think", "Because."),)):
        fields |= {f"steps-{n}-type": type, f"steps-{n}-content": content}
    return {**fields, **overrides}


def only_payload() -> dict[str, Any]:
    trace = Trace.objects.get()
    return {**trace.payload, "steps": json.loads(trace.steps), "meta": json.loads(trace.meta)}


# --- New, field by field -----------------------------------------------------------------------


def test_an_empty_form_has_one_step_and_the_version(api: Client) -> None:
    content = api.get("/traces/new").content.decode()
    assert content.count('<fieldset class="step">') == 1
    assert 'name="trace_version" value="1.0"' in content


def test_a_draft_becomes_a_trace(api: Client) -> None:
    draft = make_draft(("a", "one"), ("b", "two\r\nlines "), meta='{"source": "form", "n": 1.0}')
    response = api.post("/traces/new", draft)
    trace = Trace.objects.get()
    assert (response.status_code, response["Location"]) == (303, f"/traces/{trace.pk}")
    assert only_payload() == {
        "trace_version": "1.0",
        "prompt": "Why?",
        "final_answer": "So.",
        "steps": [
            {"i": 0, "type": "a", "content": "one"},
            {"i": 1, "type": "b", "content": "two\nlines "},
        ],
        "meta": {"source": "form", "n": 1.0},
    }
    assert "The trace is stored." in api.get(response["Location"]).content.decode()


def test_without_meta_it_is_null(api: Client) -> None:
    api.post("/traces/new", make_draft())
    assert only_payload()["meta"] is None


def test_the_author_is_recorded(client: Client, user: User) -> None:
    client.force_login(user)
    client.post("/traces/new", make_draft(), headers={"host": "localhost"})
    assert Trace.objects.get().created_by == user


def test_every_refusal_stands_at_its_field_and_the_values_are_kept(api: Client) -> None:
    long = "p" * (TEXT_MAX_LENGTH + 1)
    draft = make_draft(("", "<b>kept</b>"), ("t" * 65, ""), prompt=long, meta='{"a": 1,\n"b"}')
    response = api.post("/traces/new", draft)
    form = response.context["form"]
    assert response.status_code == 422
    assert [step.errors for step in form.steps] == [
        {"type": ["This field is required."]},
        {"type": ["This must have at most 64 characters."], "content": ["This field is required."]},
    ]
    assert form.errors == {
        "prompt": ["This must have at most 50,000 characters."],
        "meta": ["The text is not JSON: Expecting ':' delimiter at line 2 column 4."],
        "__all__": ["Look at step 1, 2: what is wrong is said there."],
    }
    content = response.content.decode()
    assert "&lt;b&gt;kept&lt;/b&gt;</textarea>" in content
    assert long in content
    assert Trace.objects.count() == 0


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ("[]", "This must be an object."),
        ('{"a": {"b": "\\ud800"}}', "a.b: Text must not contain a lone surrogate."),
        ('{"a": 1, "a": 2}', "a: The key stands twice in its object."),
        ("1e999", "A number must be finite."),
    ],
)
def test_meta_is_refused_with_its_path(api: Client, meta: str, message: str) -> None:
    response = api.post("/traces/new", make_draft(meta=meta))
    assert (response.status_code, response.context["form"].errors) == (422, {"meta": [message]})


def test_nul_is_refused_once(api: Client) -> None:
    response = api.post("/traces/new", make_draft(("t", "a\0b"), prompt="\0"))
    assert response.context["form"].errors["prompt"] == ["Null characters are not allowed."]
    assert response.context["form"].steps[0].errors == {"content": ["Null characters are not allowed."]}


def test_a_trace_that_is_too_large_is_refused_above_the_form(api: Client) -> None:
    steps = [("t", "x" * 20_000)] * 60
    response = api.post("/traces/new", make_draft(*steps))
    assert response.status_code == 422
    assert response.context["form"].errors == {
        "__all__": ["Trace is larger than the limit of 1048576 bytes."]
    }


def test_the_longest_trace_goes_through_the_form(api: Client) -> None:
    response = api.post("/traces/new", make_draft(*[("t", "×" * 400)] * MAX_STEPS))
    assert response.status_code == 303
    assert Trace.objects.get().step_count == MAX_STEPS


def test_steps_are_changed_without_storing_or_refusing_anything(api: Client) -> None:
    draft = make_draft(("a", "one"), ("b", "two"), prompt="", act="up-1")
    response = api.post("/traces/new", draft)
    assert response.status_code == 200
    form = response.context["form"]
    assert [step.initial for step in form.steps] == [
        {"type": "b", "content": "two"},
        {"type": "a", "content": "one"},
    ]
    assert (form.errors, Trace.objects.count()) == ({}, 0)
    assert response.content.decode().count("autofocus") == 1


def test_htmx_gets_the_steps_alone(api: Client) -> None:
    response = api.post("/traces/new", make_draft(act="add"), headers={"HX-Request": "true"})
    content = response.content.decode()
    assert content.startswith('<section id="traces-steps"')
    assert content.count('<fieldset class="step">') == 2
    assert response["Vary"] == "HX-Request, Cookie"


# --- New, as JSON ------------------------------------------------------------------------------


def post_json(api: Client, text: str) -> Any:
    return api.post("/traces/new?mode=json", {"payload": text})


def test_pasted_json_becomes_a_trace(api: Client) -> None:
    response = post_json(api, json.dumps(make_payload(), indent=1).replace("\n", "\r\n"))
    assert (response.status_code, response["Location"]) == (303, f"/traces/{Trace.objects.get().pk}")
    assert only_payload() == make_payload()


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("", ["This field is required."]),
        ('{\n "a": }', ["The text is not JSON: Expecting value at line 2 column 7."]),
        ('{"meta": {"a": 1, "a": 2}}', ["meta.a: The key stands twice in its object."]),
        (
            json.dumps(make_payload(prompt="", steps=[{"i": 0, "type": "t", "content": 1}])),
            [
                "prompt: This must not be empty.",
                "steps.0.content: This must be a text.",
            ],
        ),
        (json.dumps(make_payload(more=1)), ["more: There is no field of this name."]),
        (
            json.dumps([make_payload()]),
            [
                "This is a list of traces, and here goes one. Save the list as a file and"
                ' <a href="/imports/new">import the file</a>, or send it to POST /api/traces/batch.'
            ],
        ),
    ],
)
def test_pasted_json_is_refused_by_name(api: Client, text: str, messages: list[str]) -> None:
    response = post_json(api, text)
    assert (response.status_code, response.context["form"].errors) == (422, {"payload": messages})
    assert response.context["form"]["payload"].value() == text
    assert Trace.objects.count() == 0


def test_what_is_typed_goes_on_in_the_other_way_to_write_it(api: Client) -> None:
    draft = make_draft(("a", "one\r\ntwo"), ("", ""), prompt="", meta='{"n": 1.0}')
    as_text = api.post("/traces/new?mode=json", {**draft, "act": "as-json"})
    text = as_text.context["form"]["payload"].value()
    assert json.loads(text) == {
        "trace_version": "1.0",
        "prompt": "",
        "final_answer": "So.",
        "steps": [{"i": 0, "type": "a", "content": "one\ntwo"}, {"i": 1, "type": "", "content": ""}],
        "meta": {"n": 1.0},
    }
    form = api.post("/traces/new", {"payload": text, "act": "as-fields"}).context["form"]
    assert [form[name].value() for name in ("prompt", "final_answer")] == ["", "So."]
    assert json.loads(form["meta"].value()) == {"n": 1.0}
    steps = [[step[name].value() for name in ("type", "content")] for step in form.steps]
    assert steps == [["a", "one\ntwo"], ["", ""]]
    assert Trace.objects.count() == 0


@pytest.mark.parametrize(("meta", "kept"), [('{"a": ', '{"a": '), ("", "")])
def test_what_is_no_json_yet_goes_there_and_back(api: Client, meta: str, kept: str) -> None:
    as_text = api.post("/traces/new?mode=json", {**make_draft(meta=meta), "act": "as-json"})
    text = as_text.context["form"]["payload"].value()
    form = api.post("/traces/new", {"payload": text, "act": "as-fields"}).context["form"]
    assert form["meta"].value() == kept


NUMBERED = json.dumps(make_payload(steps=[{"i": 7, "type": "t", "content": "c"}]))


@pytest.mark.parametrize("text", ["{", "[]", '{"mine": 1}', '{"steps": [{"type": 3}]}', NUMBERED])
def test_what_has_no_place_in_the_fields_stays_a_text(api: Client, text: str) -> None:
    page = api.post("/traces/new", {"payload": text, "act": "as-fields"})
    assert (page.status_code, page.context["form"]["payload"].value()) == (422, text)
    assert page.context["form"].errors["payload"]
    assert api.post("/traces/new", {"payload": "", "act": "as-fields"}).status_code == 200


def test_what_refuses_a_list_is_a_link_and_what_was_pasted_is_text(api: Client) -> None:
    page = post_json(api, '["<b>"]').text
    assert '<a href="/imports/new">import the file</a>' in page
    assert "<b>" not in page


# --- Compare -----------------------------------------------------------------------------------


def test_two_are_asked_for_and_the_newest_offered(api: Client) -> None:
    first, second = make_traces(2)
    content = api.get(f"/traces/compare?base={first.pk}").content.decode()
    assert f'value="{first.pk}"' in content
    assert f'href="?base={first.pk}&amp;other={second.pk}"' in content
    assert api.get("/traces/compare").status_code == 200


def test_two_are_compared_by_id_or_address(api: Client) -> None:
    base, other = make_trace(prompt="<script>one</script>"), make_trace(prompt="<script>two</script>")
    address = f"http://localhost/traces/{other.pk}?tab=json"
    response = api.get("/traces/compare", {"base": str(base.pk), "other": address})
    content = response.content.decode()
    assert response.status_code == 200
    assert "&lt;script&gt;<del>one</del>&lt;/script&gt;" in content
    assert "&lt;script&gt;<ins>two</ins>&lt;/script&gt;" in content


def test_an_unknown_trace_is_refused_at_its_field(api: Client) -> None:
    unknown = new_id()
    response = api.get("/traces/compare", {"base": "rubbish", "other": str(unknown)})
    assert response.status_code == 422
    assert response.context["form"].errors == {
        "base": ["Trace not found: rubbish"],
        "other": [f"Trace not found: {unknown}"],
    }
    empty = api.get("/traces/compare?base=&other=")
    assert (empty.status_code, [*empty.context["form"].errors]) == (422, ["base", "other"])


def test_equal_traces_are_said_to_be_equal(api: Client) -> None:
    trace = make_trace()
    content = api.get(f"/traces/compare?base={trace.pk}&other={trace.pk}").content.decode()
    assert "Prompt, steps and answer are equal." in content
    assert ("<ins>" in content, "<del>" in content) == (False, False)


@pytest.mark.parametrize("count", [1, 3, 100])
def test_a_comparison_asks_the_database_as_often(
    api: Client, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    steps = [{"i": n, "type": "t", "content": f"step {n}"} for n in range(count)]
    base, other = make_trace(steps=steps), make_trace(steps=steps[:-1] or steps)
    with django_assert_num_queries(6):  # both traces, four counts beside the page
        api.get(f"/traces/compare?base={base.pk}&other={other.pk}")


# --- Score -------------------------------------------------------------------------------------


def test_scoring_appends_a_record_and_shows_it(api: Client) -> None:
    trace = make_trace()
    response = api.post(f"/traces/{trace.pk}/score")
    assert (response.status_code, response["Location"]) == (303, f"/traces/{trace.pk}")
    assert [score.trace for score in Score.objects.all()] == [trace]
    assert "Scored 11.9 of 100. The record is appended." in api.get(response["Location"]).content.decode()


def test_htmx_gets_the_score_alone(api: Client, staff: User) -> None:
    trace = make_trace()
    api.force_login(staff)
    response = api.post(f"/traces/{trace.pk}/score", headers={"HX-Request": "true"})
    content = " ".join(response.content.decode().split())
    assert content.startswith(
        '<div id="traces-score"> 11.9 of 100 <div class="muted">steps 10.0, length 1.9</div>'
    )
    assert "by keeper" in content


@pytest.mark.parametrize("id", ["rubbish", "00000000-0000-0000-0000-000000000000"])
def test_what_is_not_there_cannot_be_scored(api: Client, id: str) -> None:
    assert api.post(f"/traces/{id}/score").status_code == 404
    assert api.get(f"/traces/{make_trace().pk}/score").status_code == 405


def test_two_that_are_ticked_are_compared(api: Client) -> None:
    upper, lower = make_trace(), make_trace()
    ticked = api.post("/traces/compare", {"trace": [upper.pk, lower.pk]})
    assert (ticked.status_code, ticked["Location"]) == (
        303,
        f"/traces/compare?base={upper.pk}&other={lower.pk}",
    )
    assert api.get(ticked["Location"]).context["compared"].is_same
    for ids in ([], [upper.pk], [upper.pk, lower.pk, upper.pk]):
        page = api.post("/traces/compare", {"trace": ids})
        assert (page.status_code, f"Two traces can be compared, not {len(ids)}." in page.text) == (422, True)
    assert 'formaction="/traces/compare"' in api.get("/traces").text
