"""Two browsers edit the same experiment: nothing typed is lost."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import watched_page
from tests.browser.test_main_job import SLOW, settled, step, typed
from tests.servers import Server

pytestmark = pytest.mark.browser


def begun(page: Page) -> None:
    """A draft with a name, saved at its first step."""
    page.goto("/create")
    expect(page.get_by_role("heading", name="New experiment")).to_be_visible(timeout=SLOW)
    settled(page)
    typed(page, "Name", "Shorter form")
    step(page, "Go to arms", "Go to metrics")


def test_the_second_save_shows_both_and_keeps_what_was_typed(
    browser: Browser, empty_server: Server
) -> None:
    faults: list[str] = []
    mine, theirs = (watched_page(browser, empty_server.url, faults) for _ in range(2))
    begun(mine)
    for page in (mine, theirs):
        page.goto("/create?exp=shorter-form&step=idea")
        settled(page)
    typed(theirs, "Owner", "their team")
    typed(theirs, "Name", "Their name")
    step(theirs, "Go to arms", "Go to metrics")
    typed(mine, "Name", "My name")
    mine.get_by_role("button", name="Go to arms").click()
    settled(mine)

    box = mine.locator(".st-key-conflict")
    expect(box).to_contain_text("Your text is kept.", timeout=SLOW)
    expect(box).to_contain_text("Their name", timeout=SLOW)
    expect(box).to_contain_text("My name")

    box.get_by_role("button", name="Save mine over it").click()
    settled(mine)
    expect(box).to_have_count(0, timeout=SLOW)
    theirs.goto("/create?exp=shorter-form&step=idea")
    settled(theirs)
    expect(theirs.get_by_label("Name", exact=True)).to_have_value("My name", timeout=SLOW)
    expect(theirs.get_by_label("Owner", exact=True)).to_have_value("their team")
    assert faults == []
