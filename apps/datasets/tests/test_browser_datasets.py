"""The pages of datasets, as a person uses them."""

from contextlib import closing
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Route, expect

from apps.traces.tests.factories import make_payload
from tunixrt.tests.browser import assert_accessible, assert_fits, watched_page
from tunixrt.tests.live import LiveServer


def store(server: LiveServer, source: str, count: int = 3, **overrides: Any) -> list[str]:
    """Ids, oldest first."""
    payloads = [
        make_payload(**{"prompt": f"{source} question {n}", "meta": {"source": source}, **overrides})
        for n in range(count)
    ]
    status, answer = server.call("POST", "/api/traces/batch", payloads)
    assert status == 201
    return [trace["id"] for trace in answer["traces"]]


def build(server: LiveServer, name: str, version: str = "v1", **more: Any) -> dict[str, Any]:
    body = {"dataset_name": name, "dataset_version": version, "where": {"source": name}, **more}
    status, answer = server.call("POST", "/api/datasets/build", body)
    assert status == 201
    return dict(answer)


def read(server: LiveServer, path: str) -> bytes:
    with closing(server.connect()) as connection:
        connection.request("GET", path)
        return connection.getresponse().read()


def test_what_the_list_shows_becomes_a_dataset(page: Page, server: LiveServer) -> None:
    ids = store(server, "clicked")
    store(server, "other")
    page.goto("/traces")
    page.get_by_label("Source").fill("clicked")
    page.get_by_label("Source").press("Tab")
    expect(page.locator("tbody tr")).to_have_count(3)
    page.get_by_role("link", name="Build a dataset from these").click()
    expect(page.locator(".preview .figures b")).to_have_text(["3", "3"])
    page.get_by_label("Name").fill("clicked")
    page.get_by_role("button", name="Build dataset").click()
    expect(page).to_have_url("/datasets/clicked-v1")
    expect(page.get_by_role("status")).to_have_text("Built clicked-v1 of 3 traces.")
    status, stored = server.call("GET", "/api/datasets/clicked-v1")
    assert (status, stored["where"], stored["trace_ids"]) == (200, {"source": "clicked"}, ids[::-1])


def test_ticked_traces_become_a_dataset_of_exactly_these(page: Page, server: LiveServer) -> None:
    ids = store(server, "ticked", 4)
    page.goto("/traces?source=ticked&sort=age")
    boxes = page.locator("tbody input[name=trace]")
    boxes.nth(2).check()
    boxes.nth(0).check()
    page.get_by_role("button", name="Build a dataset").click()
    expect(page.get_by_text("Exactly 2 traces, in the order given.")).to_be_visible()
    page.get_by_label("Name").fill("ticked")
    page.get_by_role("button", name="Build dataset").click()
    expect(page).to_have_url("/datasets/ticked-v1")
    assert server.call("GET", "/api/datasets/ticked-v1")[1]["trace_ids"] == [ids[0], ids[2]]


def test_the_preview_and_the_address_follow_what_is_typed(page: Page, server: LiveServer) -> None:
    store(server, "followed", 12)
    build(server, "followed")
    page.goto("/datasets/new")
    page.get_by_label("Source").press_sequentially("followed")
    figures = page.get_by_role("region", name="Preview").locator(".figures b")
    expect(figures).to_have_text(["12", "12"])
    page.get_by_label("How many").fill("7")
    expect(figures).to_have_text(["7", "12"])
    page.get_by_label("Search").fill("question-1*")
    expect(figures).to_have_text(["3", "3"])
    page.get_by_label("Name").fill("followed")
    expect(page.get_by_label("Version")).to_have_value("v2")
    expect(page.locator("#curl")).to_contain_text('"dataset_version":"v2"')
    page.get_by_label("A random sample").check()
    page.get_by_label("Seed", exact=True).fill("9")
    expect(page.locator("#curl")).to_contain_text('"seed":9')
    first = page.locator(".first").inner_text()
    expected = {"q": "question-1*", "source": "followed", "limit": "7", "seed": "9"}
    address = page.url
    page.goto("/")
    page.goto(address)
    for label, value in (("Search", expected["q"]), ("Source", expected["source"]), ("How many", "7")):
        expect(page.get_by_label(label)).to_have_value(value)
    expect(page.get_by_label("Seed", exact=True)).to_have_value("9")
    expect(page.get_by_label("Name")).to_have_value("followed")
    assert page.locator(".first").inner_text() == first


def test_what_cannot_be_is_said_beside_the_form_while_typing(page: Page, server: LiveServer) -> None:
    store(server, "refused")
    page.goto("/datasets/new")
    page.get_by_label("How many").fill("0")
    expect(page.get_by_role("region", name="Preview")).to_contain_text("This must be at least 1")
    page.get_by_label("Name").fill("refused")
    page.get_by_role("button", name="Build dataset").click()
    expect(page.get_by_label("How many")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Name")).to_have_value("refused")
    assert server.call("GET", "/api/datasets/refused-v1")[0] == 404
    assert_accessible(page)
    assert_fits(page)


def test_a_double_click_builds_once(page: Page, server: LiveServer) -> None:
    store(server, "doubled")
    sent: list[str] = []

    def hold(route: Route) -> None:
        if route.request.method == "POST":
            sent.append(route.request.url)
            page.wait_for_timeout(200)
        route.continue_()

    page.route("**/datasets/new", hold)
    page.goto("/datasets/new?dataset_name=doubled&source=doubled")
    page.get_by_role("button", name="Build dataset").dblclick()
    expect(page).to_have_url("/datasets/doubled-v1")
    expect(page.get_by_role("status")).to_have_text("Built doubled-v1 of 3 traces.")
    assert len(sent) == 1


def test_the_enter_key_previews_and_builds_nothing(page: Page, server: LiveServer) -> None:
    store(server, "entered")
    page.goto("/datasets/new?dataset_name=entered")
    page.get_by_label("Source").fill("entered")
    page.get_by_label("Source").press("Enter")
    expect(page).to_have_url("/datasets/new?dataset_name=entered&dataset_version=v1&source=entered")
    assert server.call("GET", "/api/datasets/entered-v1")[0] == 404


def test_a_dataset_is_built_compared_and_deleted_without_a_script(
    browser: Browser, server: LiveServer
) -> None:
    store(server, "by_hand")
    build(server, "by_hand")
    store(server, "by_hand", 2)
    with watched_page(browser, server, java_script_enabled=False) as page:
        page.goto("/datasets/by_hand-v1")
        page.get_by_role("link", name="New version").click()
        expect(page.get_by_label("Version")).to_have_value("v2")
        page.get_by_label("How many").fill("4")
        page.get_by_role("button", name="Preview").last.click()
        expect(page.locator(".preview .figures b")).to_have_text(["4", "5"])
        page.get_by_role("button", name="Build dataset").click()
        expect(page).to_have_url("/datasets/by_hand-v2")
        page.get_by_role("link", name="Compare with v1").click()
        expect(page.locator(".figures b")).to_have_text(["2", "2", "1"])
        page.goto("/datasets?q=by_hand")
        page.get_by_role("link", name="by_hand-v1").click()
        page.get_by_role("link", name="Delete…").click()
        page.get_by_role("button", name="Delete dataset").click()
        expect(page).to_have_url("/datasets")
    assert server.call("GET", "/api/datasets/by_hand-v1")[0] == 404
    stored = server.call("GET", "/api/datasets/by_hand-v2")[1]
    assert (stored["trace_count"], stored["parent_dataset_id"]) == (4, "by_hand-v1")


def test_a_download_has_the_bytes_of_the_api(page: Page, server: LiveServer, tmp_path: Path) -> None:
    store(server, "loaded", prompt="Zoë <end_of_turn>?")
    build(server, "loaded")
    page.goto("/datasets/loaded-v1")
    for format in ("trace", "tunix_sft", "training_example"):
        page.get_by_role("navigation", name="Format").get_by_role("link", name=format).click()
        expect(page).to_have_url(f"/datasets/loaded-v1?format={format}#export")
        with page.expect_download() as loading:
            page.get_by_role("link", name="Download JSONL").click()
        loading.value.save_as(tmp_path / "loaded")
        assert loading.value.suggested_filename == "loaded-v1.jsonl"
        expected = read(server, f"/api/datasets/loaded-v1/export.jsonl?format={format}")
        assert (tmp_path / "loaded").read_bytes() == expected


def test_a_name_is_found_as_it_is_typed(page: Page, server: LiveServer) -> None:
    for name in ("sought_one", "sought_two"):
        store(server, name)
        build(server, name)
    page.goto("/datasets")
    page.get_by_label("Search", exact=True).press_sequentially("sought_t")
    expect(page.get_by_role("link", name="sought_one-v1")).to_have_count(0)
    expect(page).to_have_url("/datasets?q=sought_t")
    page.reload()
    expect(page.get_by_role("link", name="sought_two-v1")).to_be_visible()


HOSTILE = "<script>alert(1)</script> \u202e {{ x }} " + "w" * 40_000
LONG = "v" * 64


def test_the_list_can_be_used_by_everybody(page: Page, server: LiveServer) -> None:
    store(server, "listed")
    build(server, "listed", LONG)
    for path in ("/datasets?q=listed", "/datasets?q=nothing_at_all"):
        page.goto(path)
        assert_accessible(page)
        assert_fits(page)


def test_the_form_can_be_used_by_everybody(page: Page, server: LiveServer) -> None:
    store(server, "formed", prompt=HOSTILE)
    page.goto(
        "/datasets/new?source=formed&meta.source=formed&selection_strategy=random&session_id=x&steps_min=1"
    )
    assert_accessible(page)
    assert_fits(page)


def test_a_dataset_can_be_read_by_everybody(page: Page, server: LiveServer) -> None:
    store(server, "read", 60, prompt=HOSTILE, final_answer="<end_of_turn>")
    build(server, "read", LONG, limit=None, session_id="s" * 128)
    page.goto(f"/datasets/read-{LONG}?start=50")
    assert_accessible(page)
    assert_fits(page)
    page.goto(f"/datasets/read-{LONG}/delete")
    assert_fits(page)


def test_a_comparison_can_be_read_by_everybody(page: Page, server: LiveServer) -> None:
    store(server, "compared", prompt=HOSTILE)
    build(server, "compared", LONG)
    build(server, "compared", limit=1)
    page.goto(f"/datasets/compare?base=compared-v1&other=compared-{LONG}")
    assert_accessible(page)
    assert_fits(page)
