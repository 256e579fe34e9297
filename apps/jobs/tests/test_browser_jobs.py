"""The pages of jobs, as a person uses them."""

import re

from playwright.sync_api import Browser, Page, expect

from apps.jobs.tests.handlers import count_rows, refuse
from apps.jobs.tests.starting import start_jobs
from tunixrt.tests.browser import assert_accessible, assert_fits, watched_page
from tunixrt.tests.live import LiveServer, environment


def start(server: LiveServer, source: str, rows: int) -> str:
    own = environment(server.folder, server.database_url)
    arguments = {"rows": rows, "chunk": 1, "source": source, "pause": 0.05}
    return start_jobs(own, count_rows, arguments)[0]


def test_progress_moves_by_itself_until_the_job_is_done(page: Page, server: LiveServer) -> None:
    id = start(server, "moving", 40)
    page.goto("/jobs")
    page.get_by_role("link", name="moving").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    cancel = page.get_by_role("button", name="Cancel")
    expect(cancel).to_be_visible()
    expect(page.get_by_text("Done", exact=True)).to_be_visible(timeout=20_000)
    expect(page.get_by_text("of 40 rows")).to_be_visible()
    expect(page.get_by_text('"stored": 40')).to_be_visible()
    expect(cancel).to_have_count(0)
    assert server.call("GET", f"/api/jobs/{id}")[1]["state"] == "done"
    assert_accessible(page)
    assert_fits(page)


def test_a_job_is_cancelled_by_keyboard_while_its_progress_moves(page: Page, server: LiveServer) -> None:
    id = start(server, "by keyboard", 10_000)
    page.goto(f"/jobs/{id}")
    expect(page.get_by_text("rows a second")).to_be_visible(timeout=20_000)
    assert_accessible(page)
    assert_fits(page)
    page.get_by_role("button", name="Cancel").focus()
    done = page.locator(".figures b").first
    before = done.text_content() or ""
    expect(done).not_to_have_text(before, timeout=10_000)
    page.keyboard.press("Enter")  # the button has kept the focus
    expect(page.get_by_text("Cancelled", exact=True)).to_be_visible(timeout=20_000)
    assert server.call("GET", f"/api/jobs/{id}")[1]["state"] == "cancelled"


def test_a_job_is_cancelled_without_script(browser: Browser, server: LiveServer) -> None:
    id = start(server, "without script", 10_000)
    with watched_page(browser, server, java_script_enabled=False) as page:
        page.goto("/jobs?state=running")
        page.goto(f"/jobs/{id}")
        page.get_by_role("button", name="Cancel").click()
        expect(page).to_have_url(re.compile(f"/jobs/{id}$"))
        expect(page.get_by_text(re.compile("^Cancell(ing|ed)$"))).to_be_visible()


def test_the_list_can_be_used_by_everybody(page: Page, server: LiveServer) -> None:
    own = environment(server.folder, server.database_url)
    start_jobs(own, refuse, {})
    page.goto("/jobs")
    expect(page.get_by_text("Failed", exact=True).last).to_be_visible()
    assert_accessible(page)
    assert_fits(page)
