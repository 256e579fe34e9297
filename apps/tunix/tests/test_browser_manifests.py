"""The pages of manifests, as a person uses them."""

from typing import Any

from playwright.sync_api import Browser, Page, expect

from apps.tunix.tests.test_browser_panel import build, manifests_of
from tunixrt.tests.browser import assert_accessible, assert_fits, watched_page
from tunixrt.tests.live import LiveServer


def generate(server: LiveServer, key: str, **values: Any) -> str:
    """The id of a manifest."""
    body = {"dataset_key": key, "model_id": "google/gemma-2b-it", "output_dir": "./output/run_001", **values}
    status, manifest = server.call("POST", "/api/tunix/sft/manifest", body)
    assert status == 201
    return str(manifest["id"])


def test_again_with_changes(page: Page, server: LiveServer) -> None:
    key = build(server, "again")
    values: dict[str, Any] = {
        "model_id": "a/b",
        "learning_rate": 1e-7,
        "num_epochs": 9,
        "max_seq_length": 128,
    }
    id = generate(server, key, **values)
    page.goto(f"/manifests?dataset_key={key}")
    page.get_by_role("link", name=key).click()
    page.get_by_role("link", name="Again with changes").click()
    page.get_by_label("Epochs").fill("10")
    page.get_by_test_id("tunix:manifest-btn").click()
    expect(page.get_by_test_id("tunix:manifest-yaml")).to_contain_text("num_epochs: 10")
    again, before = manifests_of(server, key)
    own = {"id", "created_at", "sha256", "manifest_yaml", "num_epochs"}
    assert before["id"] == id
    assert {**again, **dict.fromkeys(own)} == {**before, **dict.fromkeys(own)}
    assert again["num_epochs"] == 10


def test_two_that_are_ticked_are_compared(page: Page, server: LiveServer) -> None:
    key = build(server, "manifest_pair")
    base, other = generate(server, key), generate(server, key, num_epochs=5)
    page.goto(f"/manifests?dataset_key={key}")
    button = page.get_by_role("button", name="Compare")
    expect(button).to_be_hidden()
    for box in page.get_by_role("checkbox").all():
        box.focus()
        page.keyboard.press("Space")
    assert_accessible(page)
    button.press("Enter")
    expect(page).to_have_url(f"/manifests/compare?base={base}&other={other}")
    expect(page.get_by_role("row", name="differs")).to_have_text(["Epochs differs 3 5"])
    lines = (page.locator("pre").text_content() or "").splitlines()
    assert [line for line in lines if line.startswith(("+", "-"))] == [
        "-   num_epochs: 3",
        "+   num_epochs: 5",
    ]
    assert_accessible(page)
    assert_fits(page)
    page.get_by_role("link", name="Swap").click()
    expect(page.get_by_role("row", name="differs")).to_have_text(["Epochs differs 5 3"])


def test_a_model_is_found_as_it_is_typed(page: Page, server: LiveServer) -> None:
    key = build(server, "sought")
    for model in ("sought/one", "sought/two"):
        generate(server, key, model_id=model)
    page.goto("/manifests")
    page.get_by_label("Model", exact=True).press_sequentially("SOUGHT/t")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(1)
    expect(page).to_have_url("/manifests?model=SOUGHT%2Ft")
    page.reload()
    expect(rows).to_have_count(1)
    page.get_by_role("link", name="Clear").click()
    expect(page).to_have_url("/manifests")
    page.go_back()
    expect(rows).to_have_count(1)


def test_a_manifest_leads_to_another(page: Page, server: LiveServer) -> None:
    key = build(server, "beside")
    first, second = generate(server, key), generate(server, key, model_id="<b>" + "w" * 200)
    page.goto(f"/manifests/{first}")
    assert_accessible(page)
    assert_fits(page)
    page.get_by_label("Compare with").select_option(second)
    page.get_by_role("button", name="Compare").click()
    expect(page).to_have_url(f"/manifests/compare?base={first}&other={second}")
    assert_fits(page)


def test_without_scripts(browser: Browser, server: LiveServer) -> None:
    key = build(server, "unscripted")
    base, other = generate(server, key), generate(server, key, batch_size=4)
    with watched_page(browser, server, java_script_enabled=False) as page:
        page.goto("/manifests")
        page.get_by_label("Dataset key").fill(key)
        page.get_by_role("button", name="Search").click()
        boxes = page.get_by_role("checkbox")
        expect(boxes).to_have_count(2)
        boxes.first.check()
        page.get_by_role("button", name="Compare").click()
        expect(page.get_by_role("alert")).to_contain_text("Two manifests can be compared, not 1.")
        page.go_back()
        for box in boxes.all():
            box.check()
        page.get_by_role("button", name="Compare").click()
        expect(page).to_have_url(f"/manifests/compare?base={base}&other={other}")


def test_the_list_can_be_used_by_everybody(page: Page, server: LiveServer) -> None:
    generate(server, build(server, "listed"), model_id="w" * 256, output_dir="\u202e" + "d" * 1000)
    for path in (
        "/manifests",
        "/manifests?model=nothing-like-it",
        "/manifests?after=x",
        "/manifests/compare",
    ):
        page.goto(path)
        assert_accessible(page)
        assert_fits(page)
