"""What a person does with the traces that are ticked in the list."""

from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from apps.traces.tests.factories import make_payload
from tunixrt.tests.browser import NARROW, assert_accessible, assert_fits, watched_page
from tunixrt.tests.live import LiveServer


def store(server: LiveServer, source: str, count: int) -> list[str]:
    payloads = [make_payload(prompt=f"{source} {n}", meta={"source": source}) for n in range(count)]
    status, answer = server.call("POST", "/api/traces/batch", payloads)
    assert status == 201
    return [trace["id"] for trace in answer["traces"]]


def tick(page: Page, *prompts: str) -> None:
    for prompt in prompts:
        page.get_by_role("checkbox", name=f"Select {prompt}", exact=True).check()


def test_ticked_traces_are_deleted_but_for_those_a_dataset_holds(page: Page, server: LiveServer) -> None:
    held, free, kept = store(server, "thinned", 3)
    recipe = {"dataset_name": "thinned", "dataset_version": "v1", "trace_ids": [held]}
    assert server.call("POST", "/api/datasets/build", recipe)[0] == 201
    page.goto("/traces?source=thinned")
    tick(page, "thinned 0", "thinned 1")
    page.get_by_role("button", name="Delete…").click()
    expect(page.get_by_role("heading", name="Delete 1 trace?")).to_be_visible()
    expect(page.get_by_role("row", name="thinned-v1 1")).to_be_visible()
    assert_accessible(page)
    assert_fits(page)
    page.get_by_role("button", name="Delete 1 trace").click()
    expect(page).to_have_url("/traces?source=thinned")
    expect(page.get_by_role("status")).to_have_text("Deleted 1 trace. The rest stays: thinned-v1 holds 1.")
    assert [server.call("GET", f"/api/traces/{id}")[0] for id in (held, free, kept)] == [200, 404, 200]


def test_all_that_match_are_deleted_without_scripts(browser: Browser, server: LiveServer) -> None:
    ids = store(server, "swept", 51)
    with watched_page(browser, server, java_script_enabled=False) as page:
        page.goto("/traces?source=swept")
        tick(page, "swept 50")
        page.get_by_label("all 51 that match").check()
        page.get_by_role("button", name="Delete…").click()
        page.get_by_role("link", name="Keep them").click()
        tick(page, "swept 50")
        page.get_by_label("all 51 that match").check()
        page.get_by_role("button", name="Delete…").click()
        page.get_by_role("button", name="Delete 51 traces").click()
        expect(page.get_by_role("status")).to_have_text("Deleted 51 traces.")
        expect(page.get_by_text("No trace matches.")).to_be_visible()
    assert {server.call("GET", f"/api/traces/{id}")[0] for id in ids} == {404}


def test_the_page_of_a_trace_deletes_it(page: Page, server: LiveServer) -> None:
    [id] = store(server, "single", 1)
    page.goto(f"/traces/{id}")
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("button", name="Delete 1 trace").click()
    expect(page.get_by_role("status")).to_have_text("Deleted 1 trace.")
    assert server.call("GET", f"/api/traces/{id}")[0] == 404


def test_ticked_traces_are_exported_byte_for_byte(page: Page, server: LiveServer) -> None:
    ids = store(server, "taken", 3)
    page.goto("/traces?source=taken")
    tick(page, "taken 2", "taken 0")
    page.get_by_label("Export format").select_option("tunix_sft")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    assert download.value.suggested_filename == "traces.jsonl"
    recipe = {"dataset_name": "taken", "dataset_version": "v1", "trace_ids": [ids[2], ids[0]]}
    assert server.call("POST", "/api/datasets/build", recipe)[0] == 201
    export = page.request.get("/api/datasets/taken-v1/export.jsonl?format=tunix_sft")
    assert Path(download.value.path()).read_bytes() == export.body()


def test_what_is_ticked_is_counted_also_after_back(page: Page, server: LiveServer) -> None:
    store(server, "back", 3)
    page.goto("/traces?source=back")
    tick(page, "back 0", "back 2")
    expect(page.locator(".acts")).to_contain_text("2 selected")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("heading", name="Compare traces")).to_be_visible()
    page.go_back()
    expect(page.locator(".acts")).to_contain_text("2 selected")


def test_a_narrow_list_says_what_its_columns_do_and_is_sorted(browser: Browser, server: LiveServer) -> None:
    store(server, "narrow", 2)
    with watched_page(browser, server, viewport=NARROW) as page:
        page.goto("/traces?source=narrow")
        expect(page.locator("tbody tr").first).to_contain_text("narrow · 2 steps · 11.9 · now")
        page.get_by_label("Sort").select_option("oldest first")
        expect(page).to_have_url("/traces?source=narrow&sort=age")
        expect(page.locator("tbody a").first).to_have_text("narrow 0")
        here = page.get_by_role("navigation", name="Main").get_by_role("link")
        for place in here.all():
            box = place.bounding_box()
            assert box is not None
            assert box["x"] + box["width"] <= NARROW["width"]


def test_a_refusal_can_be_read_by_everybody(page: Page) -> None:
    page.goto("/traces/new")
    page.evaluate(
        """() => {
            const form = document.querySelector("form.draft");
            form.action = "/traces/export";
            form.submit();
        }"""
    )
    expect(page.get_by_role("alert")).to_have_text("No trace is selected. Tick some rows of the list first.")
    assert_accessible(page)
    assert_fits(page)
