"""Fixtures for what a person does: Chromium on the server as `make run` starts it.

Every test has a browser context of its own; all share one server, so each works on traces and datasets of
its own names.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tunixrt.tests.live import LiveServer, live_server

WIDE: ViewportSize = {"width": 1280, "height": 900}
NARROW: ViewportSize = {"width": 380, "height": 800}
Scheme = Literal["light", "dark"]

_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]

# Playwright leaves an event loop in this thread, in which Django would refuse to ask the database.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with live_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, _CHROMIUM)))
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, server: LiveServer) -> Iterator[Page]:
    """A page on the open server. At its end no script has failed and no other host was asked."""
    with watched_page(browser, server) as opened:
        yield opened


@contextmanager
def watched_page(browser: Browser, server: LiveServer, **options: Any) -> Iterator[Page]:
    """`options` of the browser's context, such as java_script_enabled or viewport."""
    context = browser.new_context(base_url=f"http://{server.address}", **{"viewport": WIDE, **options})
    opened = context.new_page()
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    context.on(
        "request",
        lambda request: (
            faults.append(request.url) if urlsplit(request.url).netloc not in (server.address, "") else None
        ),
    )
    yield opened
    context.close()
    assert [fault for fault in faults if not _is_expected(fault)] == []


def _is_expected(fault: str) -> bool:
    """Chromium and HTMX call an answered refusal an error; whether it should have been one is for the test to
    say.
    """
    return fault.startswith(
        ("Failed to load resource: the server responded with a status of 4", "Response Status Error Code 4")
    )


def assert_accessible(page: Page) -> None:
    """No violation that axe finds, in light and in dark."""
    for scheme in get_args(Scheme):
        page.emulate_media(color_scheme=scheme)
        found = Axe().run(page)
        assert found.violations_count == 0, f"{scheme} {page.url}\n{found.generate_report()}"


def assert_fits(page: Page) -> None:
    """Nothing stands out of the page at the width of a phone."""
    page.set_viewport_size(NARROW)
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    page.set_viewport_size(WIDE)
