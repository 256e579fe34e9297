"""The Tunix panel as the seed's own tests use it: through its test ids."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from apps.traces.tests.factories import make_payload
from apps.tunix.availability import MESSAGE
from tunixrt.tests.browser import assert_accessible, assert_fits, watched_page
from tunixrt.tests.live import LiveServer


def build(server: LiveServer, name: str, count: int = 3) -> str:
    """The key of a dataset of its own traces."""
    payloads = [make_payload(prompt=f"{name} {n}", meta={"source": name}) for n in range(count)]
    assert server.call("POST", "/api/traces/batch", payloads)[0] == 201
    recipe = {"dataset_name": name, "dataset_version": "v1", "filters": {"source": name}, "limit": None}
    status, built = server.call("POST", "/api/datasets/build", recipe)
    assert status == 201
    return str(built["dataset_key"])


def read(server: LiveServer, path: str) -> bytes:
    with closing(server.connect()) as connection:
        connection.request("GET", path)
        response = connection.getresponse()
        assert response.status == 200
        return response.read()


def manifests_of(server: LiveServer, key: str) -> list[dict[str, Any]]:
    _, page = server.call("GET", "/api/tunix/manifests?limit=100")
    return [manifest for manifest in page["data"] if manifest["dataset_key"] == key]


def generate(page: Page, key: str) -> None:
    page.goto("/tunix")
    page.get_by_test_id("tunix:dataset-key").fill(key)
    page.get_by_test_id("tunix:manifest-btn").click()
    expect(page.get_by_test_id("tunix:manifest-result")).to_contain_text(
        f"Manifest generated for dataset {key}."
    )


def test_a_manifest_through_the_test_ids(page: Page, server: LiveServer) -> None:
    key = build(server, "panel")
    page.goto("/tunix")
    expect(page.get_by_test_id("tunix:section")).to_be_visible()
    expect(page.get_by_test_id("tunix:status")).to_have_text(MESSAGE)
    expect(page.get_by_test_id("tunix:runtime-required")).to_have_text(
        "Runtime Required: No (Artifact-based)"
    )
    expect(page.get_by_test_id("tunix:model-id")).to_have_value("google/gemma-2b-it")
    expect(page.get_by_test_id("tunix:output-dir")).to_have_value("./output/tunix_run")
    page.get_by_test_id("tunix:dataset-key").fill(key)
    page.get_by_test_id("tunix:model-id").fill("google/gemma-3-1b-it")
    page.get_by_test_id("tunix:output-dir").fill("./output/panel")
    page.get_by_label("Learning rate").fill("0.0003")
    page.get_by_label("Epochs").fill("2")
    page.get_by_test_id("tunix:manifest-btn").click()
    shown = page.get_by_test_id("tunix:manifest-yaml")
    expect(shown).to_be_visible()
    [stored] = manifests_of(server, key)
    _, answer = server.call("GET", f"/api/tunix/manifests/{stored['id']}")
    names = ("model_id", "output_dir", "learning_rate", "num_epochs", "batch_size", "max_seq_length")
    values = ("google/gemma-3-1b-it", "./output/panel", 0.0003, 2, 8, 2048)
    assert tuple(answer[name] for name in names) == values
    expect(page.get_by_test_id("tunix:manifest-result")).to_contain_text(answer["message"])
    yaml = read(server, f"/api/tunix/manifests/{stored['id']}.yaml")
    assert (shown.text_content() or "").encode() == yaml
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert (download.value.suggested_filename, Path(download.value.path()).read_bytes()) == (
        f"{key}.yaml",
        yaml,
    )
    page.reload()
    expect(shown).to_be_visible()
    page.get_by_role("link", name="The stored manifest").click()
    expect(page).to_have_url(f"/manifests/{stored['id']}")


def test_the_export_is_that_of_the_api_to_the_byte(page: Page, server: LiveServer) -> None:
    key = build(server, "exported", 101)
    page.goto("/tunix")
    page.get_by_test_id("tunix:dataset-key").fill(key)
    with page.expect_download() as download:
        page.get_by_test_id("tunix:export-btn").click()
    content = Path(download.value.path()).read_bytes()
    assert download.value.suggested_filename == f"{key}.jsonl"
    assert content.count(b"\n") == 101
    assert content == read(server, f"/api/datasets/{key}/export.jsonl?format=tunix_sft")
    expect(page.get_by_test_id("tunix:dataset-key")).to_have_value(key)
    page.get_by_test_id("tunix:manifest-btn").click()  # the page can go on
    expect(page.get_by_test_id("tunix:manifest-result")).to_be_visible()


def test_what_is_wrong_is_said_and_can_be_put_right(page: Page, server: LiveServer) -> None:
    key = build(server, "refused")
    page.goto("/tunix")
    error = page.get_by_test_id("tunix:error")
    expect(error).to_have_count(0)
    page.get_by_test_id("tunix:dataset-key").fill("refused-v9")
    page.get_by_label("Batch size").fill("0")
    page.get_by_test_id("tunix:manifest-btn").click()
    expect(error).to_contain_text("Batch size: A whole number between 1 and 512.")
    page.get_by_label("Batch size").fill("16")
    page.get_by_test_id("tunix:manifest-btn").click()
    expect(error).to_have_text("Dataset key: Dataset not found: refused-v9")
    expect(page.get_by_test_id("tunix:dataset-key")).to_have_attribute("aria-invalid", "true")
    assert_accessible(page)
    assert_fits(page)
    page.get_by_test_id("tunix:export-btn").click()
    expect(error).to_have_text("Dataset key: Dataset not found: refused-v9")
    expect(page.get_by_label("Batch size")).to_have_value("16")
    page.get_by_test_id("tunix:dataset-key").fill(key)
    page.get_by_test_id("tunix:manifest-btn").click()
    expect(page.get_by_test_id("tunix:manifest-result")).to_be_visible()
    expect(error).to_have_count(0)
    assert [manifest["batch_size"] for manifest in manifests_of(server, key)] == [16]


def test_the_yaml_can_be_copied(browser: Browser, server: LiveServer) -> None:
    key = build(server, "copied")
    permissions = ["clipboard-read", "clipboard-write"]
    with watched_page(browser, server, permissions=permissions) as page:
        generate(page, key)
        page.get_by_role("button", name="Copy").click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        copied = page.evaluate("navigator.clipboard.readText()")
    assert [manifest["manifest_yaml"] for manifest in manifests_of(server, key)] == [copied]


@pytest.mark.parametrize("pause", [0, 200])
def test_a_double_click_makes_one(page: Page, server: LiveServer, pause: int) -> None:
    """Also where the first click is answered before the second comes."""
    key = build(server, f"twice{pause}")
    page.goto("/tunix")
    page.get_by_test_id("tunix:dataset-key").fill(key)
    box = page.get_by_test_id("tunix:manifest-btn").bounding_box()
    assert box is not None
    place = (box["x"] + 20, box["y"] + 10)
    page.mouse.click(*place, click_count=1)
    page.wait_for_timeout(pause)
    page.mouse.move(*place)
    page.mouse.down(click_count=2)
    page.mouse.up(click_count=2)
    expect(page.get_by_test_id("tunix:manifest-result")).to_be_visible()
    page.wait_for_timeout(150)
    assert len(manifests_of(server, key)) == 1
    page.get_by_test_id("tunix:manifest-btn").click()  # a wish of its own
    page.wait_for_timeout(150)
    assert len(manifests_of(server, key)) == 2


def test_without_scripts(browser: Browser, server: LiveServer) -> None:
    key = build(server, "panel_alone")
    with watched_page(browser, server, java_script_enabled=False) as page:
        page.goto("/tunix")
        page.get_by_test_id("tunix:dataset-key").fill("panel_alone-v9")
        page.get_by_test_id("tunix:manifest-btn").click()
        expect(page.get_by_test_id("tunix:error")).to_have_text(
            "Dataset key: Dataset not found: panel_alone-v9"
        )
        page.get_by_test_id("tunix:dataset-key").fill(key)
        with page.expect_download() as download:
            page.get_by_test_id("tunix:export-btn").click()
        assert Path(download.value.path()).read_bytes().count(b"\n") == 3
        page.get_by_test_id("tunix:manifest-btn").click()
        [stored] = manifests_of(server, key)
        expect(page).to_have_url(f"/tunix?manifest={stored['id']}")
        expect(page.get_by_test_id("tunix:manifest-yaml")).to_have_text(stored["manifest_yaml"])


def test_by_keyboard_alone(page: Page, server: LiveServer) -> None:
    key = build(server, "keys")
    page.goto("/tunix")
    page.get_by_role("link", name="All manifests").focus()
    page.keyboard.press("Tab")
    page.keyboard.type(key)
    page.keyboard.press("Escape")  # the completion
    for _ in range(7):
        page.keyboard.press("Tab")
    expect(page.get_by_test_id("tunix:manifest-btn")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("tunix:manifest-yaml")).to_be_visible()
    expect(page.get_by_test_id("tunix:manifest-btn")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_test_id("tunix:export-btn")).to_be_focused()
    assert len(manifests_of(server, key)) == 1


def test_a_shared_address_fills_the_form(page: Page, server: LiveServer) -> None:
    key = build(server, "shared")
    page.goto(f"/tunix?dataset_key={key}")
    expect(page.get_by_test_id("tunix:dataset-key")).to_have_value(key)
    assert page.locator("#dataset-keys option").first.get_attribute("value") == key


def test_back_and_forward_keep_what_was_there(page: Page, server: LiveServer) -> None:
    generate(page, build(server, "backwards"))
    page.go_back()
    expect(page).to_have_url("/tunix")
    expect(page.get_by_test_id("tunix:manifest-result")).to_have_count(0)
    page.go_forward()
    expect(page.get_by_test_id("tunix:manifest-yaml")).to_be_visible()


def test_the_panel_can_be_used_by_everybody(page: Page, server: LiveServer) -> None:
    hostile = "<script>document.title = 'run'</script>{{ 7|add:7 }}\u202e" + "w" * 150
    key = build(server, "everybody")
    page.goto("/tunix")
    assert_accessible(page)
    assert_fits(page)
    page.get_by_test_id("tunix:dataset-key").fill(key)
    page.get_by_test_id("tunix:model-id").fill(hostile)
    page.get_by_test_id("tunix:output-dir").fill("d" * 1024)
    page.get_by_test_id("tunix:manifest-btn").click()
    expect(page.get_by_test_id("tunix:manifest-yaml")).to_contain_text(f'model_id: "{hostile}"')
    assert page.title() == "Tunix - tunix-rt"
    assert_accessible(page)
    assert_fits(page)
