"""Two browsers edit the same experiment: nothing typed is lost."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import watched_page
from tests.browser.test_main_job import SLOW, settled, step, typed
from tests.servers import start_server, stop_server

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def both(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Page, Page]]:
    """My browser and theirs, on one server."""
    server = start_server(tmp_path_factory.mktemp("conflict"), sample=False)
    faults: list[str] = []
    yield watched_page(browser, server.url, faults), watched_page(browser, server.url, faults)
    stop_server(server)
    assert faults == []


def begun(page: Page, name: str) -> str:
    """A draft with a name, saved at its first step; its slug."""
    page.goto("/create")
    expect(page.get_by_role("heading", name="New experiment")).to_be_visible(timeout=SLOW)
    settled(page)
    typed(page, "Name", name)
    step(page, "Go to arms", "Go to metrics")
    return name.lower().replace(" ", "-")


def opened(page: Page, address: str) -> None:
    page.goto(address)
    settled(page)


def told(page: Page, *texts: str) -> Locator:
    """The box with both sides, once it says all this."""
    box = page.locator(".st-key-conflict")
    for text in ("Your text is kept.", *texts):
        expect(box).to_contain_text(text, timeout=SLOW)
    return box


def answered(page: Page, label: str) -> None:
    """Choose in the box, and wait until it is gone."""
    box = page.locator(".st-key-conflict")
    box.get_by_role("button", name=label).click()
    settled(page)
    expect(box).to_have_count(0, timeout=SLOW)


def value_of(page: Page, label: str, value: str) -> None:
    expect(page.get_by_label(label, exact=True)).to_have_value(value, timeout=SLOW)


def test_the_second_save_shows_both_and_keeps_what_was_typed(both: tuple[Page, Page]) -> None:
    mine, theirs = both
    address = f"/create?exp={begun(mine, 'Shorter form')}&step=idea"
    for page in both:
        opened(page, address)
    typed(theirs, "Owner", "their team")
    typed(theirs, "Name", "Their name")
    step(theirs, "Go to arms", "Go to metrics")
    typed(mine, "Name", "My name")
    mine.get_by_role("button", name="Go to arms").click()
    settled(mine)
    told(mine, "Their name", "My name")
    answered(mine, "Save mine over it")

    # Saving once more from this form must not put the old owner back.
    step(mine, "Go to metrics", "Go to plan")
    opened(theirs, address)
    value_of(theirs, "Name", "My name")
    value_of(theirs, "Owner", "their team")


def test_traffic_shows_both_and_takes_what_only_they_changed(both: tuple[Page, Page]) -> None:
    mine, theirs = both
    address = f"/traffic?exp={begun(mine, 'Bigger button')}"
    for page in both:
        opened(page, address)
    shared(theirs, "Allocation, %", "60")
    theirs.get_by_role("button", name="Save the split").click()
    settled(theirs)
    shared(mine, "Share of Control", "20")
    shared(mine, "Share of B", "80")
    told(mine, "Share of B", "50", "80")
    answered(mine, "Go on with mine")
    mine.get_by_role("button", name="Save the split").click()
    settled(mine)
    opened(theirs, address)
    expect(labelled(theirs, "Share of B")).to_have_value("80", timeout=SLOW)
    expect(labelled(theirs, "Allocation, %")).to_have_value("60")


def labelled(page: Page, label: str) -> Locator:
    """A field by the beginning of its label."""
    return page.get_by_label(re.compile(f"^{label}"))


def shared(page: Page, label: str, text: str) -> None:
    """Type a share."""
    labelled(page, label).fill(text)
    labelled(page, label).press("Enter")
    settled(page)


def test_a_metric_shows_both_and_keeps_what_was_typed(both: tuple[Page, Page]) -> None:
    mine, theirs = both
    opened(mine, "/metrics?metric=:new")
    typed(mine, "Name", "Paid order")
    typed(mine, "Column or event", "paid")
    mine.get_by_role("button", name="Define it").click()
    settled(mine)
    for page in both:
        opened(page, "/metrics?metric=paid-order")
        page.get_by_text("Change it").click()
        settled(page)
    typed(theirs, "Owner", "their team")
    typed(theirs, "Name", "Their order")
    theirs.get_by_role("button", name="Save", exact=True).click()
    settled(theirs)
    typed(mine, "Name", "My order")
    told(mine, "Their order", "My order")
    value_of(mine, "Name", "My order")
    answered(mine, "Save mine over it")
    opened(theirs, "/metrics?metric=paid-order")
    theirs.get_by_text("Change it").click()
    settled(theirs)
    value_of(theirs, "Name", "My order")
    value_of(theirs, "Owner", "their team")
