"""The UNGAR panel through its test ids."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tunixrt.tests.browser import assert_accessible, assert_fits, watched_page
from tunixrt.tests.live import LiveServer


def count_of_seed(server: LiveServer, seed: int) -> int:
    _, page = server.call("GET", f"/api/traces?source=ungar&meta.seed={seed}&limit=100")
    return len(page["data"])


@pytest.mark.parametrize(("path", "seed"), [("/ungar", 1_042), ("/tunix", 2_042)])
def test_episodes_are_generated(page: Page, server: LiveServer, path: str, seed: int) -> None:
    page.goto(path)
    expect(page.get_by_test_id("ungar:section")).to_be_visible()
    expect(page.get_by_test_id("ungar:status")).to_contain_text("The ungar package is not installed.")
    page.get_by_test_id("ungar:count").fill("5")
    page.get_by_test_id("ungar:seed").fill(str(seed))
    page.get_by_test_id("ungar:generate-btn").click()
    expect(page.get_by_test_id("ungar:results")).to_contain_text(f"5 traces stored, seed {seed}.")
    rows = page.get_by_test_id("ungar:preview").locator("tbody tr")
    expect(rows).to_have_count(3)
    assert count_of_seed(server, seed) == 5
    assert_accessible(page)
    assert_fits(page)
    page.get_by_role("link", name="Show in the list").click()
    expect(page.locator("tbody tr")).to_have_count(5)


def test_the_cards_of_a_seed(page: Page) -> None:
    page.goto("/ungar")
    page.get_by_test_id("ungar:seed").fill("42")
    page.get_by_test_id("ungar:generate-btn").click()
    rows = page.get_by_test_id("ungar:preview").locator("tbody tr")
    expect(rows).to_have_text(["TS JH loss", "2H QH loss", "AH 5S win"])
    page.reload()
    expect(rows).to_have_count(3)


def test_what_is_wrong_is_said(page: Page, server: LiveServer) -> None:
    page.goto("/tunix")
    page.get_by_test_id("ungar:count").fill("101")
    page.get_by_test_id("ungar:seed").fill("3042")
    page.get_by_test_id("ungar:generate-btn").click()
    expect(page.get_by_test_id("ungar:section")).to_contain_text("A whole number between 1 and 100.")
    assert_accessible(page)
    page.get_by_test_id("ungar:count").fill("1")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("ungar:results")).to_contain_text("1 trace stored, seed 3042.")
    assert count_of_seed(server, 3_042) == 1


def test_without_scripts(browser: Browser, server: LiveServer) -> None:
    with watched_page(browser, server, java_script_enabled=False) as page:
        page.goto("/tunix")
        page.get_by_test_id("ungar:seed").fill("4042")
        page.get_by_test_id("ungar:generate-btn").click()
        expect(page.get_by_test_id("ungar:results")).to_contain_text("10 traces stored, seed 4042.")
    assert count_of_seed(server, 4_042) == 10
