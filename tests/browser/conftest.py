"""A real server and a real browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.servers import Server, start_server, stop_server

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        message = f"{CHROMIUM} is not installed, so pages cannot be looked at"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def sample_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the sample experiments, shared by tests that only read."""
    server = start_server(tmp_path_factory.mktemp("samples"), sample=True)
    yield server
    stop_server(server)


@pytest.fixture
def empty_server(tmp_path: Path) -> Iterator[Server]:
    """A server on a fresh workspace."""
    server = start_server(tmp_path / "workspace", sample=False)
    yield server
    stop_server(server)


def wait_until_drawn(page: Page) -> None:
    """Wait for the end of the run, and for every element that still shows a placeholder."""
    expect(page.get_by_role("heading").first).to_be_visible(timeout=60_000)
    for _ in range(2):  # a part may begin to load when the run has ended
        expect(page.locator('[data-test-script-state="notRunning"]')).to_have_count(
            1, timeout=60_000
        )
        for waiting in ("stStatusWidget", "stSkeleton"):
            expect(page.get_by_test_id(waiting)).to_have_count(0, timeout=60_000)
        page.wait_for_timeout(300)


def watched_page(browser: Browser, url: str, faults: list[str], **options: object) -> Page:
    """Open a page that notes script errors and every request to another address."""
    context = browser.new_context(base_url=url, **options)  # type: ignore[arg-type]
    page = context.new_page()
    own = (url, url.replace("http", "ws", 1), "data:", "blob:")
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith(own) else faults.append(r.url))
    return page
