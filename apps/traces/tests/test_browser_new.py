"""Writing a trace, as a person does it."""

from typing import Any

from playwright.sync_api import Browser, Page, expect

from tunixrt.tests.browser import assert_accessible, assert_fits, watched_page
from tunixrt.tests.live import LiveServer


def stored(page: Page, server: LiveServer) -> Any:
    """The trace whose page is open."""
    expect(page.get_by_role("status")).to_have_text("The trace is stored.")
    status, answer = server.call("GET", f"/api/traces/{page.url.rpartition('/')[2]}")
    assert status == 200
    return answer["payload"]


def test_a_trace_is_written_with_the_keyboard_alone(page: Page, server: LiveServer) -> None:
    page.goto("/traces/new")
    keys = page.keyboard
    keys.press("Tab")
    keys.press("Enter")  # skips to the content, where the crumb and the two tabs come first
    for _ in range(4):
        keys.press("Tab")
    keys.type("Which keys?")
    keys.press("Tab")
    keys.type("think")
    keys.press("Tab")
    keys.type("Tab,")
    keys.press("Enter")
    keys.type("and Enter")
    keys.press("Tab")  # of the three acts on a single step only Remove is on
    expect(page.get_by_role("button", name="Remove")).to_be_focused()
    keys.press("Tab")
    keys.press("Enter")
    second = page.get_by_role("group", name="Step 2")
    expect(second.get_by_label("Type")).to_be_focused()
    keys.type("doubt")
    keys.press("Tab")
    keys.type("Is that all?")
    keys.press("Tab")
    keys.press("Enter")
    first = page.get_by_role("group", name="Step 1")
    expect(first.get_by_role("button", name="Move down")).to_be_focused()
    expect(first.get_by_label("Content")).to_have_value("Is that all?")
    page.get_by_label("Final answer").focus()
    keys.type("Two")
    keys.press("Tab")
    keys.type('{"source": "keyboard"}')
    keys.press("Tab")
    keys.press("Enter")
    assert stored(page, server) == {
        "trace_version": "1.0",
        "prompt": "Which keys?",
        "final_answer": "Two",
        "steps": [
            {"i": 0, "type": "doubt", "content": "Is that all?"},
            {"i": 1, "type": "think", "content": "Tab,\nand Enter"},
        ],
        "meta": {"source": "keyboard"},
    }


def test_a_trace_is_written_without_scripts(browser: Browser, server: LiveServer) -> None:
    with watched_page(browser, server, java_script_enabled=False) as page:
        page.goto("/traces/new")
        page.get_by_label("Prompt").fill("No script?")
        page.get_by_label("Type").fill("a")
        page.get_by_label("Content").fill("first\nline")
        page.get_by_role("button", name="Add step").click()
        second = page.get_by_role("group", name="Step 2")
        expect(second.get_by_label("Type")).to_be_focused()
        second.get_by_label("Type").fill("b")
        second.get_by_label("Content").fill("second")
        second.get_by_role("button", name="Move up").click()
        page.get_by_role("button", name="Add step").click()
        page.get_by_role("group", name="Step 3").get_by_role("button", name="Remove").click()
        page.get_by_role("button", name="Store trace").click()
        expect(page.get_by_text("This field is required.")).to_have_count(1)
        page.get_by_label("Final answer").fill("None")
        page.get_by_role("button", name="Store trace").click()
        payload = stored(page, server)
    assert payload["prompt"] == "No script?"
    assert [(step["type"], step["content"]) for step in payload["steps"]] == [
        ("b", "second"),
        ("a", "first\nline"),
    ]


def test_pasted_json_is_stored(page: Page, server: LiveServer) -> None:
    page.goto("/traces/new")
    page.get_by_role("button", name="As JSON").click()
    field = page.get_by_label("Trace as JSON")
    field.fill("[]")
    page.get_by_role("button", name="Store trace").click()
    expect(page.get_by_role("link", name="import the file")).to_be_visible()
    assert_accessible(page)
    field.fill('{"prompt": "p",\n "final_answer": }')
    page.get_by_role("button", name="Store trace").click()
    expect(page.get_by_text("Expecting value at line 2 column 18")).to_be_visible()
    assert_accessible(page)
    field.fill(
        '{"trace_version": "2", "prompt": "p", "final_answer": "a",'
        ' "steps": [{"i": 7, "type": "t", "content": "c"}]}'
    )
    page.get_by_role("button", name="Store trace").click()
    assert stored(page, server)["steps"] == [{"i": 7, "type": "t", "content": "c"}]


def test_the_form_can_be_used_by_everybody(page: Page) -> None:
    page.goto("/traces/new")
    assert_accessible(page)
    page.get_by_role("button", name="Add step").click()
    expect(page.get_by_role("group", name="Step 2")).to_be_visible()
    page.get_by_label("Meta").fill("{")
    page.get_by_role("button", name="Store trace").click()
    expect(page.get_by_role("alert")).to_contain_text("Look at step 1, 2")
    assert_accessible(page)
    assert_fits(page)
