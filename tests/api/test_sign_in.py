"""Signing in: passwords, cookies, one-time links, and what a stranger may try."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from experiments_core.api.app import middleware, routes
from experiments_core.domain.access import LOCAL, Actor, Role
from experiments_core.errors import (
    InvalidInputError,
    RateLimitedError,
    UnauthorizedError,
)
from experiments_core.services import accounts, auditing, people, workspace
from experiments_core.services.workspace import Workspace, open_workspace
from tests.services.conftest import Clock

PASSWORD = "correct horse battery"  # noqa: S105  of a test


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ws(clock: Clock) -> Iterator[Workspace]:
    with open_workspace(":memory:", clock=clock) as opened:
        opened.settings = replace(opened.settings, auth="accounts")
        yield workspace.use(opened)
    workspace.stop()


@pytest.fixture
def mira(ws: Workspace) -> str:
    """The cookie of an admin."""
    people.add_user(ws, LOCAL, "Mira@example.com", name="Mira", role="admin")
    link = people.make_link(ws, LOCAL, "mira@example.com")
    return accounts.choose_password(ws, link, PASSWORD)


def browse(method: str, path: str, **options: Any) -> httpx.Response:
    async def send() -> httpx.Response:
        app = Starlette(routes=routes(), middleware=middleware())
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost"
        ) as client:
            return await client.request(method, path, **options)

    return asyncio.run(send())


def test_a_person_acts_under_their_name_and_role(ws: Workspace, mira: str):
    assert accounts.page_actor(ws, mira) == Actor("Mira", Role.ADMIN)
    assert accounts.page_actor(ws, "") is None
    assert accounts.page_actor(ws, f"{mira[:-1]}x") is None


def test_in_local_mode_nobody_signs_in(ws: Workspace):
    ws.settings = replace(ws.settings, auth="local")
    assert accounts.page_actor(ws, "") == LOCAL


def test_signing_out_ends_the_cookie_for_ever(ws: Workspace, mira: str):
    accounts.sign_out(ws, mira)
    assert accounts.page_actor(ws, mira) is None


def test_a_sign_in_runs_out(ws: Workspace, mira: str, clock: Clock):
    clock.wait(days=8)
    assert accounts.page_actor(ws, mira) is None


def test_switching_a_person_off_works_at_once(ws: Workspace, mira: str):
    people.add_user(ws, LOCAL, "jo@example.com", role="admin")
    people.change_user(ws, LOCAL, "mira@example.com", {"active": False})
    assert accounts.page_actor(ws, mira) is None
    with pytest.raises(UnauthorizedError):
        accounts.sign_in(ws, "mira@example.com", PASSWORD, "127.0.0.1")


def test_a_changed_role_holds_at_the_next_click(ws: Workspace, mira: str):
    people.add_user(ws, LOCAL, "jo@example.com", role="admin")
    people.change_user(ws, LOCAL, "mira@example.com", {"role": "viewer"})
    found = accounts.page_actor(ws, mira)
    assert found is not None
    assert found.role is Role.VIEWER


def test_a_link_is_good_once_and_ends_what_was_before(ws: Workspace, mira: str, clock: Clock):
    link = people.make_link(ws, LOCAL, "mira@example.com")
    older = people.make_link(ws, LOCAL, "mira@example.com")
    with pytest.raises(UnauthorizedError):  # a newer one was made
        accounts.choose_password(ws, link, PASSWORD)
    with pytest.raises(InvalidInputError):
        accounts.choose_password(ws, older, "short")
    accounts.choose_password(ws, older, "another password")
    assert accounts.page_actor(ws, mira) is None
    with pytest.raises(UnauthorizedError):
        accounts.choose_password(ws, older, PASSWORD)
    late = people.make_link(ws, LOCAL, "mira@example.com")
    clock.wait(hours=25)
    assert not accounts.link_is_good(ws, late)


@pytest.mark.parametrize("email", ("mira@example.com", "nobody@example.com", ""))
def test_one_sentence_for_every_wrong_sign_in(ws: Workspace, mira: str, email: str):
    assert mira
    with pytest.raises(UnauthorizedError) as refused:
        accounts.sign_in(ws, email, "wrong", "127.0.0.1")
    assert str(refused.value) == "E-mail and password do not belong together."


@pytest.mark.parametrize(
    ("email", "address"), (("mira@example.com", "10.0.0.2"), ("other@example.com", "10.0.0.1"))
)
def test_tries_are_counted_per_account_and_per_address(
    ws: Workspace, mira: str, email: str, address: str
):
    """With one try a minute: ten would flow in again while a slow machine hashes."""
    assert mira
    assert ws.settings.rate_limits["sign_in"] == 10
    limits = {**ws.settings.rate_limits, "sign_in": 1}
    ws.settings = replace(ws.settings, rate_limits=limits)
    with pytest.raises(UnauthorizedError):
        accounts.sign_in(ws, "mira@example.com", "wrong", "10.0.0.1")
    with pytest.raises(RateLimitedError):
        accounts.sign_in(ws, email, PASSWORD, address)


def test_passwords_and_tokens_are_nowhere_in_the_file(ws: Workspace, mira: str):
    again = accounts.sign_in(ws, "mira@example.com", PASSWORD, "127.0.0.1")
    with ws.db.read() as cursor:
        kept = [cursor.execute(f"SELECT * FROM {t}").fetchall() for t in ("users", "logins")]
    text = str(kept) + str(auditing.read_audit(ws, LOCAL, auditing.Asked()))
    assert "argon2id" in text
    assert not any(secret in text for secret in (PASSWORD, mira, again))


def test_the_form_signs_in_with_a_guarded_cookie(ws: Workspace, mira: str):
    assert mira
    assert ws.settings.auth == "accounts"
    shown = browse("GET", "/sign-in")
    assert shown.headers["content-security-policy"] == "frame-ancestors 'none'"
    assert shown.headers["cache-control"] == "no-store"
    form = {"email": "mira@example.com", "password": PASSWORD}
    done = browse("POST", "/sign-in", data=form)
    assert (done.status_code, done.headers["location"]) == (303, "/")
    cookie = done.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    token = done.cookies[accounts.COOKIE]
    assert accounts.page_actor(ws, token) is not None
    out = browse("POST", "/sign-out", headers={"Cookie": f"{accounts.COOKIE}={token}"})
    assert out.status_code == 303
    assert accounts.page_actor(ws, token) is None


@pytest.mark.parametrize(
    ("asked", "reached"),
    (
        ("/results?exp=shorter-checkout&tab=phases", None),
        ("//evil.example/x", "/"), ("/\\evil.example", "/"), ("https://evil.example", "/"),
        ("/x\r\nSet-Cookie: a=b", "/"), ("/sign-out", "/"), ("", "/"),
    ),
)  # fmt: skip
def test_a_sign_in_leads_back_to_the_page_that_was_asked_for(
    mira: str, asked: str, reached: str | None
):
    assert mira
    form = {"email": "mira@example.com", "password": PASSWORD, "next": asked}
    done = browse("POST", "/sign-in", data=form)
    assert (done.status_code, done.headers["location"]) == (303, reached or asked)
    assert "a=b" not in str(done.headers)


def test_the_form_refuses_and_shows_what_was_typed_as_text(ws: Workspace):
    assert ws.settings.auth == "accounts"
    form = {"email": '"><img src=x onerror=alert(1)>', "password": "x"}
    refused = browse("POST", "/sign-in", data=form)
    assert refused.status_code == 401
    assert "<img" not in refused.text
    elsewhere = browse("POST", "/sign-in", data=form, headers={"Origin": "http://evil.example"})
    assert elsewhere.status_code == 403
    assert browse("POST", "/sign-out", headers={"Origin": "null"}).status_code == 403
    assert browse("GET", "/sign-in?link=nothing").status_code == 401
    assert browse("GET", "/sign-in", headers={"Host": "evil.example"}).status_code == 400


def test_the_api_takes_no_cookie(ws: Workspace, mira: str):
    assert ws.settings.auth == "accounts"
    headers = {"Cookie": f"{accounts.COOKIE}={mira}"}
    assert browse("GET", "/api/v1/experiments", headers=headers).status_code == 401
    bearer = {"Authorization": f"Bearer {mira}"}
    assert browse("GET", "/api/v1/experiments", headers=bearer).status_code == 401


@pytest.mark.parametrize("path", ("/api/v1/x%0Ay", "/api%0A", "/compat/a%0D%0Ab"))
def test_a_line_break_in_a_path_is_a_json_404(ws: Workspace, path: str):
    assert ws
    answer = browse("GET", path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")
