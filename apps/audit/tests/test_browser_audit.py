"""The record of acts, as a person reads it."""

from playwright.sync_api import Browser, Page, expect

from tunixrt.tests.browser import assert_accessible, assert_fits, watched_page
from tunixrt.tests.live import LiveServer


def build(server: LiveServer, name: str) -> str:
    trace = {
        "trace_version": "1.0",
        "prompt": name,
        "final_answer": "4",
        "steps": [{"i": 0, "type": "t", "content": "c"}],
    }
    id = server.call("POST", "/api/traces", trace)[1]["id"]
    recipe = {"dataset_name": name, "dataset_version": "v1", "trace_ids": [id]}
    return str(server.call("POST", "/api/datasets/build", recipe)[1]["dataset_key"])


def test_what_was_built_is_found_and_the_address_keeps_the_search(page: Page, server: LiveServer) -> None:
    key = build(server, "audited")
    page.goto("/audit")
    page.get_by_role("searchbox", name="Thing").fill(key)
    expect(page.get_by_text("1 act", exact=True)).to_be_visible()
    row = page.get_by_role("row").nth(1)
    expect(row).to_contain_text("local operator")
    expect(row).to_contain_text("Built dataset")
    page.get_by_label("Act", exact=True).select_option("Deleted dataset")
    expect(page.get_by_text("No act matches.")).to_be_visible()
    page.reload()
    expect(page.get_by_text("No act matches.")).to_be_visible()
    assert_accessible(page)
    page.goto("/audit")
    assert_accessible(page)
    assert_fits(page)


def test_without_a_script_it_is_searched_too(browser: Browser, server: LiveServer) -> None:
    key = build(server, "audited_plainly")
    with watched_page(browser, server, java_script_enabled=False) as page:
        page.goto("/audit")
        page.get_by_role("searchbox", name="Thing").fill(key)
        page.get_by_role("button", name="Search").click()
        expect(page.get_by_text("1 act", exact=True)).to_be_visible()
        page.goto("/audit?since=x")
        expect(page.get_by_role("alert")).to_be_visible()
