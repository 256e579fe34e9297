"""What belongs to no app, on the open server: the overview, refusals, the docs of the API."""

from django.conf import settings
from playwright.sync_api import Browser, Page, expect

from apps.traces.tests.factories import make_payload
from tunixrt.tests.browser import assert_accessible, assert_fits, watched_page
from tunixrt.tests.live import LiveServer


def test_the_overview_shows_the_newest_and_leads_to_it(page: Page, server: LiveServer) -> None:
    long = make_payload(prompt="Overview " + "x" * 2_000)
    status, stored = server.call("POST", "/api/traces", long)
    recipe = {"dataset_name": "overview", "dataset_version": "v1", "trace_ids": [stored["id"]]}
    assert (status, server.call("POST", "/api/datasets/build", recipe)[0]) == (201, 201)
    page.goto("/")
    expect(page.locator(f"main a[href='/traces/{stored['id']}']")).to_have_count(1)
    expect(page.get_by_role("link", name="overview-v1")).to_be_visible()
    assert_accessible(page)
    assert_fits(page)
    page.locator(".figures").get_by_role("link").first.click()
    expect(page).to_have_url("/traces")


def test_a_refusal_is_a_page_that_leads_on(page: Page) -> None:
    page.goto("/nothing")
    assert_accessible(page)
    assert_fits(page)
    page.locator("main").get_by_role("link", name="Overview").click()
    expect(page).to_have_url("/")


def test_to_a_script_a_refusal_is_said_above_what_stays(page: Page) -> None:
    page.goto("/traces")
    page.evaluate("htmx.ajax('GET', '/nothing', '#datasets-traces')")
    expect(page.locator("#problem")).to_have_text("There is nothing at /nothing.")
    expect(page.locator("#datasets-traces")).to_have_count(1)
    assert_accessible(page)
    page.get_by_label("Search", exact=True).press_sequentially("x")
    expect(page.locator("#problem")).to_be_hidden()


def test_a_form_that_is_too_large_is_answered_while_it_is_still_sent(page: Page, server: LiveServer) -> None:
    page.goto("/login")
    size = settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1_000_000
    page.evaluate(f"document.forms[0].elements.next.value = 'x'.repeat({size})")
    page.get_by_label("Username").fill("nobody")
    page.get_by_label("Password").fill("nothing")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("h1")).to_have_text("Too large")


def test_the_docs_of_the_api_work(page: Page) -> None:
    page.goto("/api/docs")
    expect(page.locator(".opblock").first).to_be_visible(timeout=15_000)
    page.locator("#operations-health-health button").first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator("#operations-health-health .live-responses-table")).to_contain_text('"healthy"')


def test_without_scripts_an_open_server_says_whom_tokens_are_for(
    browser: Browser, server: LiveServer
) -> None:
    with watched_page(browser, server, java_script_enabled=False) as page:
        page.goto("/tokens")
        expect(page.locator("main")).to_contain_text(
            "Each belongs to an account, and you are here without one."
        )
        page.locator("main").get_by_role("link", name="Sign in").click()
        expect(page).to_have_url("/login?next=/tokens")
        page.get_by_role("link", name="go on without an account").click()
        expect(page.locator("h1")).to_be_visible()
