"""Every page in both schemes and two widths: nothing fails, nothing leaves the machine.

The pictures go to ``tests/browser/screenshots``; they are there to be looked at.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import wait_until_drawn, watched_page
from tests.servers import Server

pytestmark = pytest.mark.browser

FOLDER = Path(__file__).parent / "screenshots"
PAGES = {
    "experiments": "/",
    "create": "/create",
    "traffic": "/traffic?exp=shorter-checkout",
    "data": "/data?exp=shorter-checkout",
    "results": "/results?exp=shorter-checkout",
    "results_invalid": "/results?exp=search-ranking-v4",
    "results_three_arms": "/results?exp=image-compression",
    "results_totals": "/results?exp=login-wall-on-reviews",
    "results_empty": "/results?exp=referral-reward",
    "plan": "/plan",
    "metrics": "/metrics",
    "admin": "/admin",
}


@pytest.mark.parametrize("scheme", ("light", "dark"))
@pytest.mark.parametrize("width", (1440, 400))
def test_every_page_draws_itself_without_a_fault(
    browser: Browser, sample_server: Server, scheme: str, width: int
) -> None:
    FOLDER.mkdir(exist_ok=True)
    faults: list[str] = []
    size = {"width": width, "height": 1000}
    page = watched_page(browser, sample_server.url, faults, color_scheme=scheme, viewport=size)
    for name, path in PAGES.items():
        page.goto(path)
        wait_until_drawn(page)
        assert page.get_by_test_id("stException").count() == 0, f"{name} shows an exception"
        unfit = page.locator(f"[class*=st-key-{'narrow' if width > 840 else 'wide'}-]")
        expect(unfit).to_have_count(0, timeout=60_000)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{name} is wider than its window: {wide} px"
        height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
        page.set_viewport_size({"width": width, "height": min(height + 20, 4000)})
        wait_until_drawn(page)
        page.screenshot(path=FOLDER / f"{name}_{scheme}_{width}.png")
        page.set_viewport_size({"width": width, "height": 1000})
    page.context.close()
    assert faults == []
