"""What a person says of traces: on the page of one, and of the ticked ones of the list."""

import re
from typing import Any

from playwright.sync_api import Browser, Page, expect

from apps.datasets.tests.test_browser_bulk import store, tick
from apps.traces.tests.factories import make_payload
from tunixrt.tests.browser import assert_accessible, assert_fits, watched_page
from tunixrt.tests.live import LiveServer


def said(server: LiveServer, id: str) -> Any:
    status, answer = server.call("GET", f"/api/traces/{id}/curation")
    assert status == 200
    return answer


def test_a_trace_is_reviewed_tagged_and_noted(page: Page, server: LiveServer) -> None:
    [id] = store(server, "judged", 1)
    page.goto(f"/traces/{id}")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("button", name="Approve", pressed=True)).to_be_focused()
    page.get_by_label("Add a tag").fill("fruit, " + "w" * 64)
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Remove the tag fruit")).to_be_visible()
    page.get_by_label("Add a note").fill("x" * 5_000)
    page.get_by_role("button", name="Add note").click()
    expect(page.get_by_text("x" * 5_000)).to_be_visible()
    page.get_by_label("Add a tag").fill("-no")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("A tag is not empty")).to_be_visible()
    expect(page.get_by_label("Add a tag")).to_have_value("-no")
    assert_accessible(page)
    assert_fits(page)
    page.get_by_role("button", name="Remove the tag fruit").click()
    expect(page.get_by_role("button", name="Remove the tag fruit")).to_have_count(0)
    found = said(server, id)
    assert (found["tags"], found["state"], len(found["notes"])) == (["w" * 64], "approved", 1)


def test_a_form_is_sent_by_htmx_as_soon_as_it_has_come(page: Page, server: LiveServer) -> None:
    [id] = store(server, "at once", 1)
    page.goto(f"/traces/{id}")
    page.get_by_label("Add a note").fill("half a no")
    page.get_by_label("Add a tag").fill("at-once")
    page.evaluate(
        """new MutationObserver((_, observer) => {
            observer.disconnect();
            document.getElementById("tag-add").form.requestSubmit();
        }).observe(document.getElementById("main"), {childList: true, subtree: true})"""
    )
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("link", name="at-once")).to_be_visible()
    expect(page.get_by_role("button", name="Approve", pressed=True)).to_be_visible()
    expect(page.get_by_label("Add a note")).to_have_value("half a no")


def test_what_is_being_typed_stays_while_something_else_is_said(page: Page, server: LiveServer) -> None:
    [id] = store(server, "typing", 1)
    page.goto(f"/traces/{id}")
    page.get_by_label("Add a note").fill("half a no")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("button", name="Approve", pressed=True)).to_be_visible()
    page.get_by_label("Add a tag").fill("fruit")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="fruit")).to_have_attribute("href", "/traces?tag=fruit")
    expect(page.get_by_label("Add a tag")).to_be_focused()
    expect(page.get_by_label("Add a tag")).to_have_value("")
    page.keyboard.type("next")
    expect(page.get_by_label("Add a note")).to_have_value("half a no")
    page.get_by_role("button", name="Add note").click()
    expect(page.locator(".said-note")).to_contain_text("half a no")
    expect(page.get_by_label("Add a note")).to_have_value("")
    expect(page.get_by_label("Add a tag")).to_have_value("next")


def test_ticked_traces_are_tagged_and_found_without_scripts(browser: Browser, server: LiveServer) -> None:
    first, second, third = store(server, "sorted", 3)
    with watched_page(browser, server, java_script_enabled=False) as page:
        page.goto("/traces?source=sorted")
        tick(page, "sorted 0", "sorted 1")
        page.get_by_role("button", name="Tag or review…").click()
        expect(page.get_by_role("heading", name="Tag or review 2 traces")).to_be_visible()
        page.get_by_label("Add tags").fill("sorted ones, easy")
        page.get_by_label("Review").select_option("rejected")
        page.get_by_role("button", name="Apply").click()
        expect(page.get_by_role("status")).to_have_text("Of 2 traces: added 4 tags, reviewed 2 traces.")
        page.goto(f"/traces/{third}")
        page.get_by_role("button", name="Reject").click()
        expect(page).to_have_url(f"/traces/{third}#curation-trace")
    states = [(said(server, id)["tags"], said(server, id)["state"]) for id in (first, second, third)]
    assert states == [(["easy", "sorted ones"], "rejected")] * 2 + [([], "rejected")]


def test_what_is_said_filters_the_list_and_is_counted(page: Page, server: LiveServer) -> None:
    ids = store(server, "counted", 3)
    body = {"trace_ids": ids[:2], "add_tags": ["counted well"], "review": "approved"}
    assert server.call("POST", "/api/curation", body)[0] == 200
    page.goto("/traces?source=counted")
    tick(page, "counted 0")
    page.get_by_role("button", name="Tag or review…").click()
    assert_accessible(page)
    assert_fits(page)
    page.get_by_role("link", name="Cancel").click()
    page.get_by_text("More filters").click()
    page.get_by_label("Tag", exact=True).fill("counted well")
    page.get_by_label("Tag", exact=True).press("Enter")
    expect(page.get_by_role("link", name="tagged counted well")).to_be_visible()
    expect(page.get_by_text("2 traces", exact=True)).to_be_visible()
    assert_accessible(page)
    assert_fits(page)
    recipe = {"dataset_name": "counted", "dataset_version": "v1", "where": {"source": "counted"}}
    assert server.call("POST", "/api/datasets/build", recipe)[0] == 201
    page.goto("/datasets/counted-v1")
    assert_accessible(page)
    assert_fits(page)
    page.get_by_role("link", name="2 approved").click()
    expect(page).to_have_url("/traces?in_dataset=counted-v1&review=approved")
    expect(page.get_by_text("2 traces", exact=True)).to_be_visible()


def test_a_part_to_validate_with_and_its_other(page: Page, server: LiveServer) -> None:
    store(server, "parted", 40)
    page.goto("/datasets/new?source=parted&limit=all")
    page.get_by_text("More filters").click()
    page.get_by_label("Split", exact=True).select_option("validation")
    page.get_by_label("Held out, %").fill("50")
    expect(page).to_have_url(re.compile("split=validation&percent=50"))
    page.get_by_label("Name").fill("parted")
    page.get_by_role("button", name="Build dataset").click()
    expect(page.get_by_text("part to validate with, 50% of the prompts")).to_be_visible()
    page.get_by_role("link", name="Build the other part").click()
    expect(page.get_by_label("Split", exact=True)).to_have_value("train")
    assert_accessible(page)
    assert_fits(page)
    page.get_by_role("button", name="Build dataset").click()
    expect(page.get_by_role("heading", name="parted_train-v1")).to_be_visible()
    keys = ("parted-v1", "parted_train-v1")
    sizes = [server.call("GET", f"/api/datasets/{key}")[1]["trace_count"] for key in keys]
    assert sum(sizes) == 40
    assert 0 not in sizes


def test_what_overlaps_with_an_evaluation_set_is_found(page: Page, server: LiveServer) -> None:
    question = "A question of which more than eight words in a row are known"
    for source, prompt in (("exam", question), ("drill", f"Once more: {question.upper()}")):
        payload = make_payload(prompt=prompt, meta={"source": source})
        assert server.call("POST", "/api/traces", payload)[0] == 201
    page.goto("/curation/overlap")
    page.get_by_label("Name").fill("exam")
    page.get_by_role("button", name="Find overlaps").click()
    expect(page.get_by_text("Name a dataset, or a source.")).to_be_visible()
    assert_accessible(page)
    assert_fits(page)
    page.get_by_label("Or all traces of a source").fill("exam")
    page.get_by_role("button", name="Find overlaps").click()
    expect(page).to_have_url(re.compile("/jobs/"))
    expect(page.get_by_text("overlaps with source = exam").first).to_be_visible()
