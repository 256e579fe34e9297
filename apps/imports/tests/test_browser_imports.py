"""Importing a file, as a person does it."""

import gzip
import re
from typing import Any

from playwright.sync_api import Browser, FilePayload, Page, expect

from apps.imports.tests.factories import lines, row
from tunixrt.tests.browser import assert_accessible, assert_fits, watched_page
from tunixrt.tests.live import LiveServer


def file(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}


def upload(page: Page, name: str, content: bytes) -> None:
    page.goto("/imports/new")
    page.get_by_label("File").set_input_files(file(name, content))
    page.get_by_role("button", name="Upload").click()


def own_rows(word: str, count: int = 12) -> bytes:
    return lines(*({"q": f"{word} {n}", "why": "One. Two.", "result": n or None} for n in range(count)))


def stored(server: LiveServer, page: Page) -> Any:
    status, said = server.call("GET", f"/api/imports/{page.url.rpartition('/')[2]}")
    assert status == 200
    return {name: said[name] for name in ("state", "read", "stored", "rejected", "format")}


def test_columns_are_named_previewed_and_imported(page: Page, server: LiveServer) -> None:
    page.goto("/traces")
    page.get_by_role("link", name="Import", exact=True).click()
    upload(page, "own.jsonl", own_rows("browser columns"))
    expect(page.get_by_role("heading", name="own.jsonl")).to_be_visible()
    expect(page.get_by_text("The format is not recognised: line 1 has q, why, result.")).to_be_visible()
    assert_accessible(page)
    assert_fits(page)
    page.get_by_label("Prompt").fill("q")
    page.get_by_label("Steps", exact=True).fill("why")
    page.get_by_label("Answer").fill("result")
    page.get_by_label("Cut a text into steps").select_option("sentences")
    preview = page.get_by_role("region", name="Preview")
    expect(preview.get_by_text("Of the first 10 rows, 9 can be read as traces")).to_be_visible()
    expect(preview.get_by_text("One.", exact=True)).to_have_count(9)
    assert_accessible(page)
    assert_fits(page)
    page.get_by_label("A row that cannot be read").select_option("skip")
    page.get_by_role("button", name="Start import").click()
    expect(page.get_by_text("Done", exact=True)).to_be_visible(timeout=20_000)
    page.get_by_role("link", name="Show what it brought").click()
    expect(page.get_by_role("link", name="brought by")).to_be_visible()
    page.go_back()
    expect(page.get_by_text("This must be a text.")).to_be_visible()
    assert stored(server, page) == {
        "state": "done",
        "read": 12,
        "stored": 11,
        "rejected": 1,
        "format": "columns",
    }
    assert_accessible(page)
    assert_fits(page)
    page.get_by_role("link", name="Remove what this import brought").click()
    assert_accessible(page)
    assert_fits(page)
    page.get_by_role("button", name="Remove 11 traces").click()
    expect(page.get_by_text("Removed", exact=True)).to_be_visible(timeout=20_000)
    assert stored(server, page)["stored"] == 0


def test_a_file_that_is_none_is_said_where_it_was_chosen(page: Page, server: LiveServer) -> None:
    for content, reason in (
        (b"\x89PNG\r\n\x1a\n", "The file has no rows of text: it is a PNG picture."),
        (b" ", "The file is empty: it holds no rows."),
        (gzip.compress(lines(row(1)))[:20], "The gzip data ends too early at its beginning."),
    ):
        upload(page, "picture.jsonl", content)
        expect(page.get_by_text(reason)).to_be_visible()
    assert_accessible(page)
    assert_fits(page)
    page.get_by_label("File").set_input_files(file("mended.jsonl", lines(row("mended"))))
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_text("GSM8K (recognised)")).to_be_attached()
    page.get_by_role("link", name="Discard").click()
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_text("Removed", exact=True)).to_be_visible()


def test_a_running_import_shows_its_progress_and_is_cancelled(page: Page, server: LiveServer) -> None:
    rows = lines(*(row(f"cancel {n}", note="-" * 100) for n in range(60_000)))
    upload(page, "long.jsonl", rows)
    page.get_by_role("button", name="Start import").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(page.get_by_text("rows a second")).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Cancel").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Cancelled. What it had stored was removed again.")).to_be_visible(timeout=60_000)
    assert stored(server, page)["stored"] == 0
    assert_accessible(page)
    page.goto("/imports")
    expect(page.get_by_role("link", name="long.jsonl")).to_be_visible()
    assert_accessible(page)
    assert_fits(page)


def test_without_script_a_file_is_imported(browser: Browser, server: LiveServer) -> None:
    with watched_page(browser, server, java_script_enabled=False) as page:
        upload(page, "plain.jsonl", own_rows("no script", 3))
        page.get_by_label("Prompt").fill("q")
        page.get_by_label("Steps", exact=True).fill("why")
        page.get_by_label("Answer").fill("result")
        page.get_by_role("button", name="Preview").last.click()
        expect(page.get_by_text("Of the first 3 rows, 2 can be read as traces")).to_be_visible()
        page.get_by_label("A row that cannot be read").select_option("skip")
        page.get_by_role("button", name="Start import").click()
        expect(page).to_have_url(re.compile("/imports/[0-9a-f-]+$"))
        for _ in range(40):
            if page.get_by_text("Done", exact=True).count():
                break
            page.wait_for_timeout(250)
            page.reload()
        assert stored(server, page)["stored"] == 2


def test_a_dry_run_says_what_would_come_and_the_import_follows(page: Page, server: LiveServer) -> None:
    upload(page, "rehearsed.jsonl", lines(*(row(f"rehearsed {n}") for n in (1, 2, 2)), {"question": "x"}))
    page.get_by_role("button", name="Dry run").click()
    found = page.get_by_role("region", name="Dry run")
    expect(found.get_by_text("An import with the same choices would store nothing.")).to_be_visible(
        timeout=20_000
    )
    page.get_by_label("A row that cannot be read").select_option("skip")
    page.get_by_role("button", name="Dry run").click()
    expect(found.locator(".figures")).to_have_text(
        re.compile(r"4\s*rows read\s*2\s*would be stored\s*1\s*rejected\s*1\s*duplicates skipped"),
        timeout=20_000,
    )
    assert_accessible(page)
    assert_fits(page)
    expect(page.get_by_label("A row that cannot be read")).to_have_value("skip")
    page.get_by_role("button", name="Start import").click()
    expect(page.get_by_text("Done", exact=True)).to_be_visible(timeout=20_000)
    assert stored(server, page)["stored"] == 2
