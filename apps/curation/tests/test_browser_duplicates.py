"""Duplicates as a person goes through them."""

import re

from playwright.sync_api import Browser, Page, expect

from apps.traces.tests.factories import make_payload
from tunixrt.tests.browser import assert_accessible, assert_fits, watched_page
from tunixrt.tests.live import LiveServer


def said(word: str) -> str:
    """Words that no other test uses."""
    return " ".join(f"{word}{n}" for n in range(14))


def fill(server: LiveServer, source: str) -> list[str]:
    """Three that are alike, of which the first scores highest, and two."""
    ids = []
    for words, count in ((said(source), 3), (said(f"{source}s"), 2)):
        for n in range(count):
            steps = [{"i": i, "type": "t", "content": f"{words} {i}"} for i in range(4 - n)]
            payload = make_payload(prompt=f"{words} {'x' * 60}{n}", steps=steps, meta={"source": source})
            status, answer = server.call("POST", "/api/traces", payload)
            assert status == 201
            ids.append(answer["id"])
    return ids


def tags(server: LiveServer, ids: list[str]) -> list[list[str]]:
    return [server.call("GET", f"/api/traces/{id}/curation")[1]["tags"] for id in ids]


def test_duplicates_are_found_and_gone_through(page: Page, server: LiveServer) -> None:
    ids = fill(server, "twin")
    page.goto("/traces")
    page.get_by_role("link", name="Duplicates").click()
    assert_accessible(page)
    page.get_by_role("link", name="Find duplicates").first.click()
    page.get_by_label("Name").fill("-no")
    page.get_by_role("button", name="Find duplicates").click()
    expect(page.get_by_text("A tag is not empty")).to_be_visible()
    assert_accessible(page)
    assert_fits(page)
    page.get_by_label("Name").fill("twins")
    page.get_by_label("How alike they must be").fill("0.8")
    page.get_by_role("button", name="Find duplicates").click()
    expect(page.get_by_role("link", name="Go through groups")).to_be_visible(timeout=20_000)
    assert_accessible(page)
    assert_fits(page)
    page.locator("td").get_by_text(said("twin")).click()
    expect(page.get_by_role("heading", name="Group of 3 traces")).to_be_visible()
    assert_accessible(page)
    assert_fits(page)
    page.get_by_role("button", name="Keep this one instead").last.click()
    expect(page.get_by_role("status")).to_have_text("One is kept, the others are tagged duplicate:twins.")
    assert sorted(map(len, tags(server, ids[:3]))) == [0, 1, 1]
    assert tags(server, ids[:1]) == [["duplicate:twins"]]
    page.goto("/traces?source=twin&tag=-duplicate:twins")
    expect(page.get_by_text("2 traces", exact=True)).to_be_visible()


def test_all_of_it_goes_without_scripts(browser: Browser, server: LiveServer) -> None:
    ids = fill(server, "plain")
    body = {"name": "plain", "threshold": 0.8}
    status, search = server.call("POST", "/api/curation/duplicates", body)
    assert status == 202
    url = f"/curation/duplicates/{search['id']}"
    with watched_page(browser, server, java_script_enabled=False) as page:
        page.goto(url)
        while not page.get_by_role("link", name="Go through groups").is_visible():
            page.wait_for_timeout(200)
            page.reload()
        page.locator("td").get_by_text(said("plains")).click()
        page.get_by_role("button", name="Not duplicates").click()
        expect(page.get_by_role("status")).to_contain_text("These are no duplicates")
        assert tags(server, ids[3:]) == [[], []]
        page.goto(f"{url}?state=open")
        page.locator("td").get_by_text(said("plain")).click()
        page.get_by_role("button", name="Delete the others…").click()
        page.get_by_role("button", name="Delete 2 traces").click()
        expect(page.get_by_role("status")).to_contain_text("Deleted 2 traces.")
        page.goto(url)
        page.get_by_role("link", name="Remove this search…").click()
        page.get_by_role("button", name="Remove", exact=True).click()
        expect(page).to_have_url(re.compile("/curation/duplicates$"))
    assert [server.call("GET", f"/api/traces/{id}")[0] for id in ids] == [200, 404, 404, 200, 200]
