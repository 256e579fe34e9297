"""The page of a trace, as a person uses it."""

from typing import Any

from playwright.sync_api import Browser, Page, expect

from apps.traces.tests.factories import make_payload
from tunixrt.tests.browser import assert_accessible, assert_fits, watched_page
from tunixrt.tests.live import LiveServer


def store(server: LiveServer, **overrides: Any) -> str:
    status, answer = server.call("POST", "/api/traces", make_payload(**overrides))
    assert status == 201
    return str(answer["id"])


def test_tabs_are_in_the_url_and_keep_the_focus(page: Page, server: LiveServer) -> None:
    id = store(server)
    page.goto(f"/traces/{id}")
    tabs = page.get_by_role("navigation", name="Formats")
    tabs.get_by_role("link", name="Training example").press("Enter")
    expect(page).to_have_url(f"/traces/{id}?tab=training_example")
    expect(page.get_by_role("heading", name="Response")).to_be_visible()
    expect(tabs.get_by_role("link", name="Training example")).to_be_focused()
    page.reload()
    expect(tabs.locator("[aria-current]")).to_have_text("Training example")
    page.go_back()
    expect(tabs.locator("[aria-current]")).to_have_text("Tunix SFT")


def test_what_is_copied_is_what_is_exported(page: Page, server: LiveServer) -> None:
    id = store(server, prompt="  <bos> 1\n\n2 ", final_answer="<b>")
    page.goto(f"/traces/{id}")
    shown = page.locator("#record-text").text_content()
    page.goto(f"/traces/{id}?tab=json")
    assert shown == (
        "<start_of_turn>user\n  <\u200bbos> 1\n\n2 <end_of_turn>\n<start_of_turn>model\nReasoning:\n"
        "1. 27 × 19 = 27 × (20 - 1)\n2. 540 - 27 = 513\nAnswer: <b><end_of_turn>"
    )
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText().then(JSON.parse)")
    assert copied == server.call("GET", f"/api/traces/{id}")[1]


def test_where_a_page_may_not_copy_the_text_is_selected(page: Page, server: LiveServer) -> None:
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.goto(f"/traces/{store(server)}")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Press Ctrl+C")).to_be_visible()
    assert page.evaluate("getSelection().toString()").startswith("<start_of_turn>user")


def test_a_score_is_appended_where_one_looks(page: Page, server: LiveServer) -> None:
    page.goto(f"/traces/{store(server)}")
    for count in (1, 2):
        page.get_by_role("button", name="Score").click()
        expect(page.locator("#traces-score li")).to_have_count(count)
    expect(page.locator("#traces-score")).to_contain_text("Scored now")


def test_without_scripts(browser: Browser, server: LiveServer) -> None:
    with watched_page(browser, server, java_script_enabled=False) as page:
        page.goto(f"/traces/{store(server)}")
        page.get_by_role("link", name="JSON", exact=True).click()
        expect(page.locator("#record-json")).to_contain_text('"payload"')
        page.get_by_role("button", name="Score").click()
        expect(page.get_by_role("status")).to_have_text("Scored 11.9 of 100. The record is appended.")


def test_hostile_texts_do_nothing_and_fit(page: Page, server: LiveServer) -> None:
    evil = "<script>document.title = 'run'</script><img src=x onerror=alert(1)>{{ 7*7 }}\u202eshalom שלום"
    many = [{"i": n, "type": "t" * 64, "content": f"{n} {evil}"} for n in range(1_000)]
    hostile = store(
        server,
        prompt="W" * 50_000,
        final_answer=evil + "<eos>",
        steps=many,
        meta={"source": evil, "M" * 500: {"W" * 500: evil}},
    )
    for tab in ("tunix_sft", "json"):
        page.goto(f"/traces/{hostile}?tab={tab}")
        expect(page.locator(".steps li")).to_have_count(1_000)
        expect(page).to_have_title(f"Trace {hostile} - tunix-rt")
        assert page.locator("main img").count() == 0
        assert_fits(page)


def test_the_page_can_be_used_by_everybody(page: Page, server: LiveServer) -> None:
    id = store(server, prompt="Can all <bos> use this?")
    for tab in ("tunix_sft", "trace", "training_example", "json"):
        page.goto(f"/traces/{id}?tab={tab}")
        assert_accessible(page)
        assert_fits(page)
