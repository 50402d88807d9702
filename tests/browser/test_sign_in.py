"""Accounts mode in a browser: from a link to the sign-in, back to the link, and out again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from experiments_core import cli
from tests.browser.conftest import wait_until_drawn, watched_page
from tests.servers import start_server, stop_server

pytestmark = pytest.mark.browser

LINK = re.compile(r"/sign-in\?link=\S+")
EMAIL, CHOSEN = "vic@example.com", "correct horse battery"


@pytest.fixture
def stranger(
    browser: Browser,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Page]:
    """Somebody with an invitation, before a server of accounts."""
    monkeypatch.setenv("UPSHOT_WORKSPACE", str(tmp_path))
    assert cli.main(["users", "add", EMAIL, "--name", "Vic"]) == 0
    assert cli.main(["users", "link", EMAIL]) == 0
    invitation = LINK.search(capsys.readouterr().out)
    assert invitation
    server = start_server(tmp_path, sample=False, environment={"UPSHOT_AUTH": "accounts"})
    faults: list[str] = []
    page = watched_page(browser, server.url, faults)
    page.goto(invitation[0])
    yield page
    stop_server(server)
    assert faults == []


def test_a_sign_in_leads_back_and_a_viewer_is_offered_no_upload(stranger: Page):
    page = stranger
    page.get_by_label("Password").fill(CHOSEN)
    page.get_by_role("button", name="Save and sign in").click()
    wait_until_drawn(page)
    page.get_by_role("link", name="Sign out").click()
    page.get_by_role("button", name="Sign out").click()
    page.goto("/data?exp=checkout&x=1%2F2")
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("do not belong together")
    page.get_by_label("Password").fill(CHOSEN)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/data?exp=checkout&x=1%2F2")
    wait_until_drawn(page)
    expect(page.get_by_text("needs the editor role")).to_be_visible()
    assert page.context.pages == [page]
    cli.main(["users", "disable", EMAIL])
    page.reload()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible(timeout=30_000)
