"""Comparing two traces, as a person does it."""

from playwright.sync_api import Browser, Page, expect

from apps.traces.tests.factories import make_payload
from tunixrt.tests.browser import assert_accessible, assert_fits, watched_page
from tunixrt.tests.live import LiveServer


def store(server: LiveServer, prompt: str, *contents: str) -> str:
    steps = [{"i": n, "type": "t", "content": content} for n, content in enumerate(contents)]
    payload = make_payload(prompt=prompt, steps=steps, meta={"source": "compared"})
    status, answer = server.call("POST", "/api/traces", payload)
    assert status == 201
    return str(answer["id"])


def test_from_one_trace_to_what_differs_in_another(page: Page, server: LiveServer) -> None:
    other = store(server, "compared with", "the same", "new", "it takes 20 minutes")
    base = store(server, "compared from", "the same", "it takes 150 minutes", "W" * 20_000)
    page.goto(f"/traces/{base}")
    page.get_by_role("link", name="Compare", exact=True).click()
    expect(page.get_by_label("Base")).to_have_value(base)
    assert_accessible(page)
    page.get_by_role("link", name="compared with").click()
    expect(page).to_have_url(f"/traces/compare?base={base}&other={other}")
    rows = page.locator(".texts tr")
    expect(rows.locator("th div")).to_have_text(
        ["changed", "equal", "only in other", "changed", "only in base", "equal"]
    )
    expect(rows.nth(3).locator("del")).to_have_text(["150"])
    expect(rows.nth(3).locator("ins")).to_have_text(["20"])
    assert_accessible(page)
    assert_fits(page)


def test_without_scripts_by_the_address_of_the_other(browser: Browser, server: LiveServer) -> None:
    base, other = store(server, "typed one", "a"), store(server, "typed two", "a")
    with watched_page(browser, server, java_script_enabled=False) as page:
        page.goto(f"/traces/compare?base={base}")
        page.get_by_label("Compare with").fill("nowhere")
        page.get_by_role("button", name="Compare").click()
        expect(page.get_by_text("Trace not found: nowhere")).to_be_visible()
        page.get_by_label("Compare with").fill(f"http://{server.address}/traces/{other}")
        page.get_by_role("button", name="Compare").click()
        expect(page.locator("ins")).to_have_text(["underlined", "two"])
