"""The list of traces, as a person uses it."""

import re

from playwright.sync_api import Page, expect

from apps.traces.tests.factories import make_payload
from tunixrt.tests.browser import assert_accessible, assert_fits
from tunixrt.tests.live import LiveServer


def store(server: LiveServer, source: str, count: int = 3) -> None:
    payloads = [make_payload(prompt=f"{source} question {n}", meta={"source": source}) for n in range(count)]
    assert server.call("POST", "/api/traces/batch", payloads)[0] == 201


def test_a_search_narrows_the_table_as_it_is_typed_and_is_in_the_url(page: Page, server: LiveServer) -> None:
    store(server, "typed")
    page.goto("/traces")
    page.get_by_label("Search", exact=True).press_sequentially('typed "question 1"')
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(1)
    expect(page).to_have_url("/traces?q=typed+%22question+1%22")
    page.reload()
    expect(rows).to_have_count(1)
    page.get_by_role("link", name="Clear").click()
    page.go_back()
    expect(rows).to_have_count(1)


def test_filters_by_meta_add_up_as_they_are_typed(page: Page, server: LiveServer) -> None:
    for level, hand in ((1, "left"), (1, "right"), (2, "left")):
        meta = {"source": "levels", "level": level, "hand": hand}
        assert server.call("POST", "/api/traces", make_payload(meta=meta))[0] == 201
    for path, found, address in (
        ("/traces?source=levels", "tbody tr", "/traces?source=levels&meta.level=1&meta.hand=left"),
        (
            "/datasets/new?source=levels",
            ".first li",
            re.compile(r"source=levels&meta\.level=1&meta\.hand=left$"),
        ),
    ):
        page.goto(path)
        page.get_by_text("More filters").click()
        for key, value, count in (("level", "1", 2), ("hand", "left", 1)):
            page.get_by_label("Key of meta").fill(key)
            page.keyboard.press("Tab")
            page.keyboard.type(value)
            page.keyboard.press("Tab")
            expect(page.locator(found)).to_have_count(count)
            expect(page.get_by_label("Key of meta")).to_have_value("")
            expect(page.get_by_role("link", name=f"meta.{key} = {value}")).to_be_visible()
        expect(page).to_have_url(address)


def test_the_list_can_be_used_by_everybody(page: Page, server: LiveServer) -> None:
    store(server, "seen")
    page.goto("/traces?source=seen")
    assert_accessible(page)
    assert_fits(page)
