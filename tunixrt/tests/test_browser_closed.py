"""A closed server, as a person with an account uses it: sign in, tokens, the admin, sign out."""

import json
import re
import subprocess
from collections.abc import Iterator
from secrets import token_urlsafe

import pytest
from playwright.sync_api import Browser, Page, expect

from apps.traces.tests.factories import make_payload
from tunixrt.tests.browser import WIDE, assert_accessible, assert_fits, watched_page
from tunixrt.tests.live import LiveServer, live_server, manage

NAME, PASSWORD = "keeper", "a long password"
READ_ONLY = "This token is read-only. Use a read-write token for this call."


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    key = token_urlsafe(48)
    folder = tmp_path_factory.mktemp("closed")
    with live_server(folder, TUNIXRT_OPEN="", TUNIXRT_SECRET_KEY=key) as running:
        command = [*manage("createsuperuser"), "--noinput", "--username", NAME, "--email", "k@example.org"]
        variables = {**running.environment, "DJANGO_SUPERUSER_PASSWORD": PASSWORD}
        subprocess.run(command, env=variables, check=True, stdout=subprocess.DEVNULL)
        yield running


@pytest.fixture
def page(browser: Browser, closed: LiveServer) -> Iterator[Page]:
    """Not signed in."""
    with watched_page(browser, closed, permissions=["clipboard-read", "clipboard-write"]) as opened:
        yield opened


def sign_in(page: Page, path: str = "/") -> None:
    page.goto(path)
    page.get_by_label("Username").fill(NAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(path)


def test_one_signs_in_with_the_keyboard_and_is_where_one_wanted_to_be(page: Page) -> None:
    page.goto("/tokens")
    expect(page).to_have_url("/login?next=/tokens")
    assert_accessible(page)
    assert_fits(page)
    page.keyboard.type(NAME)
    page.keyboard.press("Tab")
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(visible=True)).to_contain_text("do not belong together")
    expect(page.get_by_label("Username")).to_have_value(NAME)
    assert_accessible(page)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url("/tokens")


def test_an_empty_place_teaches_its_first_steps(page: Page) -> None:
    sign_in(page)
    expect(page.locator("h1")).to_have_text("Begin here")
    assert_accessible(page)
    assert_fits(page)
    page.get_by_role("link", name="Import a file: JSON").click()
    expect(page.locator("h1")).to_have_text("Import a file")


def test_a_token_is_made_used_and_revoked(page: Page, closed: LiveServer) -> None:
    sign_in(page, "/tokens")
    page.get_by_label("Name").fill("laptop <b>")
    page.get_by_label("Scope").select_option("read-only")
    page.get_by_label("Expires after days").fill("7")
    page.get_by_role("button", name="Create token").click()
    page.get_by_role("button", name="Copy token").click()
    token = page.evaluate("navigator.clipboard.readText()")
    command = page.locator("#new-token-curl").inner_text()
    assert command == f'curl -H "Authorization: Bearer {token}" http://{closed.address}/api/traces'
    assert_accessible(page)
    assert_fits(page)
    done = subprocess.run(["bash", "-c", f"{command} --silent"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith('{"data":')
    bearer = {"Authorization": f"Bearer {token}"}
    assert closed.call("POST", "/api/traces", make_payload(), **bearer) == (403, {"detail": READ_ONLY})
    page.reload()
    assert token not in page.content()
    row = page.get_by_role("row").filter(has_text="laptop <b>")
    expect(row).to_contain_text("now")  # used
    row.get_by_role("link", name="Revoke").click()
    assert_accessible(page)
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("status")).to_have_text("The token laptop <b> is revoked.")
    assert closed.call("GET", "/api/traces", **bearer)[0] == 401


def test_a_refused_token_keeps_what_was_typed(page: Page) -> None:
    sign_in(page, "/tokens")
    page.get_by_label("Name").fill("same")
    page.get_by_role("button", name="Create token").click()
    expect(page.locator("#new-token")).to_be_visible()
    page.get_by_label("Name").fill("same")
    page.get_by_role("button", name="Create token").click()
    expect(page.locator(".errorlist")).to_contain_text('keeper has a token named "same" already.')
    expect(page.get_by_label("Name")).to_have_value("same")
    assert_accessible(page)


def test_without_scripts_a_token_is_made_and_revoked(browser: Browser, closed: LiveServer) -> None:
    with watched_page(browser, closed, java_script_enabled=False) as page:
        sign_in(page, "/tokens")
        page.get_by_label("Name").fill("plain")
        page.get_by_role("button", name="Create token").click()
        bearer = {"Authorization": f"Bearer {page.locator('#new-token').inner_text()}"}
        assert closed.call("POST", "/api/traces", make_payload(), **bearer)[0] == 201
        page.get_by_role("link", name="Revoke plain").click()
        page.get_by_role("button", name="Revoke").click()
        assert closed.call("GET", "/api/traces", **bearer)[0] == 401
        page.get_by_role("button", name="Sign out").click()
        expect(page.locator("h1")).to_have_text("Sign in")


def test_after_signing_out_in_one_tab_the_other_goes_to_the_login_page_as_a_whole(page: Page) -> None:
    sign_in(page, "/traces")
    other = page.context.new_page()
    other.goto("/")
    other.get_by_role("button", name="Sign out").click()
    expect(other.locator("h1")).to_have_text("Sign in")
    page.get_by_label("Search", exact=True).press_sequentially("x")
    expect(page).to_have_url("/login?next=%2Ftraces")
    expect(page.locator("h1")).to_have_text("Sign in")
    assert page.locator("table, nav").count() == 0


def test_the_admin_works_within_the_policy(page: Page, closed: LiveServer) -> None:
    sign_in(page)
    page.get_by_role("link", name="Admin").click()
    page.locator("#content-main").get_by_role("link", name="Traces", exact=True).last.click()
    page.get_by_role("link", name="Add trace").click()
    page.locator("#id_payload").fill('{"trace_version": "1.0"}')
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".errorlist").first).to_contain_text("prompt: This field is required.")
    hostile = "<script>alert(1)</script>" + "x" * 49_000
    page.locator("#id_payload").fill(json.dumps(make_payload(prompt=hostile, meta={"source": "by hand"})))
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("link", name="by hand").click()  # the filter
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    assert page.locator("#result_list").evaluate("table => table.scrollWidth") <= WIDE["width"]
    page.get_by_label("Select this object for an action").first.check()
    page.get_by_label("Action:").select_option("export_trace")
    with page.expect_download() as started:
        page.get_by_role("button", name="Go").click()
    [line] = started.value.path().read_text().splitlines()
    assert json.loads(line)["prompts"] == hostile
    page.locator("#result_list tbody a").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= WIDE["width"]
    expect(page.get_by_role("link", name="View on site")).to_have_attribute(
        "href", re.compile("^/traces/[0-9a-f-]{36}$")
    )
    page.get_by_role("link", name="tunix-rt").click()
    expect(page).to_have_url("/")


def test_records_of_the_admin_can_be_read_by_everybody(browser: Browser, closed: LiveServer) -> None:
    """Without the policy, which forbids axe itself the style elements that it makes of imported sheets."""
    with watched_page(browser, closed, bypass_csp=True) as page:
        page.goto("/admin/")
        assert_accessible(page)
        sign_in(page)
        for path in (
            "/admin/",
            "/admin/traces/trace/add/",
            "/admin/tunix/manifest/",
            "/admin/datasets/dataset/",
            "/admin/audit/act/?q=build",
            "/admin/accounts/apitoken/add/",
            "/admin/accounts/user/",
            "/admin/auth/group/add/",
        ):
            page.goto(path)
            assert_accessible(page)
        page.goto("/admin/accounts/user/")
        page.locator("#result_list tbody th a").first.click()
        assert_accessible(page)
