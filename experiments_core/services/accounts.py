"""Sign-in of people: argon2id passwords, server-side sign-ins, one-time links.

In local mode nobody signs in: the pages act as ``local``. In accounts mode every rerun of a
page asks who holds the cookie, so switching a person off works at the next click.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from experiments_core.domain.access import LOCAL, Actor, Role, event_by
from experiments_core.errors import InvalidInputError, Problem, UnauthorizedError
from experiments_core.services import rate_limits
from experiments_core.services.people import USER, digest
from experiments_core.services.workspace import Workspace
from experiments_core.store import audit
from experiments_core.store import users as rows
from experiments_core.store.users import LoginRow, UserRow

COOKIE = "upshot"
SESSION = timedelta(days=7)
SHORTEST, LONGEST = 10, 200


def page_actor(ws: Workspace, cookie: str) -> Actor | None:
    """Who is looking at a page: ``local`` in local mode, else whoever holds the cookie."""
    return LOCAL if ws.settings.auth == "local" else signed_in(ws, cookie)


def signed_in(ws: Workspace, token: str) -> Actor | None:
    """Who holds a sign-in that has neither ended nor run out; None for nobody."""
    if not token:
        return None
    with ws.db.read() as cursor:
        login = rows.find_login(cursor, digest(token), "session")
        if login is None or login.ended_at is not None or login.expires_at <= ws.now():
            return None
        user = rows.user_by_id(cursor, login.user_id)
    return _actor(user) if user is not None and user.active else None


def sign_in(ws: Workspace, email: str, password: str, address: str) -> str:
    """Check a password and begin a sign-in; the token is for the person's cookie only.

    Args:
        ws: The workspace.
        email: As typed.
        password: As typed.
        address: Where the request comes from.

    Raises:
        UnauthorizedError: the two do not belong together; the sentence does not say which of
            them is wrong, and unknown people take as long as known ones.
        RateLimitedError: the eleventh try of a minute, per address and per account.
    """
    account = email.strip().lower()[:255]
    rate_limits.take(ws, "sign_in", f"address {address}")
    rate_limits.take(ws, "sign_in", f"account {account}")
    with ws.db.read() as cursor:
        user = rows.user_by_email(cursor, account)
    known = user is not None and user.active and bool(user.password)
    kept = user.password if user is not None and known else _nobodys()
    right = _matches(kept, password)
    if user is None or not known or not right:
        raise UnauthorizedError("E-mail and password do not belong together.")
    return _begin(ws, user)


def sign_out(ws: Workspace, token: str) -> None:
    """End a sign-in; the cookie is worth nothing afterwards."""
    with ws.db.write() as cursor:
        rows.end_login(cursor, digest(token), ws.now())


def link_is_good(ws: Workspace, link: str) -> bool:
    """Whether a one-time link can still be used."""
    return _link_user(ws, link) is not None


def choose_password(ws: Workspace, link: str, password: str) -> str:
    """Use a one-time link up: set the password, end every sign-in before, begin a new one.

    Raises:
        UnauthorizedError: the link was used, is older than a day, or was never made.
        InvalidInputError: the password is too short.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        message = f"A password has {SHORTEST} to {LONGEST} characters"
        raise InvalidInputError(
            f"{message}.", details=(Problem("password", None, "LENGTH", message),)
        )
    kept = _hasher().hash(password)
    with ws.db.write() as cursor:
        user = _link_user(ws, link)
        if user is None:
            raise UnauthorizedError(
                "This link was used already or has run out.",
                hint="Ask an admin for a new one.",
            )
        now = ws.now()
        rows.end_logins_of(cursor, user.id, now)
        changed = replace(user, password=kept, version=user.version + 1, updated_at=now)
        rows.update_user(cursor, changed, user.version)
        event = event_by(_actor(user), now, "password", USER, user.id, note=user.email)
        audit.append_event(cursor, ws.db.secret, event)
        return _begin(ws, changed)


def _link_user(ws: Workspace, link: str) -> UserRow | None:
    with ws.db.read() as cursor:
        login = rows.find_login(cursor, digest(link), "link")
        if login is None or login.ended_at is not None or login.expires_at <= ws.now():
            return None
        user = rows.user_by_id(cursor, login.user_id)
    return user if user is not None and user.active else None


def _begin(ws: Workspace, user: UserRow) -> str:
    token = secrets.token_urlsafe(32)
    now = ws.now()
    with ws.db.write() as cursor:
        made = LoginRow(digest(token), user.id, "session", now, now + SESSION, None)
        rows.insert_login(cursor, made)
        event = event_by(_actor(user), now, "sign in", USER, user.id, note=user.email)
        audit.append_event(cursor, ws.db.secret, event)
    return token


def _actor(user: UserRow) -> Actor:
    return Actor(user.name, Role[user.role.upper()], user.org_id)


@cache
def _hasher() -> PasswordHasher:
    """argon2id with the library's present defaults (RFC 9106, low memory)."""
    return PasswordHasher()


@cache
def _nobodys() -> str:
    """A hash that no password fits, so that unknown people take as long as known ones."""
    return _hasher().hash(secrets.token_urlsafe(32))


def _matches(kept: str, password: str) -> bool:
    try:
        return _hasher().verify(kept, password[:LONGEST])
    except (VerificationError, InvalidHashError):
        return False
