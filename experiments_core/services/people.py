"""People of an organisation: added, changed, switched off, invited by a one-time link."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from experiments_core.domain.access import Actor, Permission, Role, event_by, require
from experiments_core.domain.text import clean, text_problems
from experiments_core.domain.validation import refuse
from experiments_core.errors import ConflictError, NotFoundError, Problem, VersionStaleError
from experiments_core.services.workspace import Workspace
from experiments_core.store import audit
from experiments_core.store import users as rows
from experiments_core.store.users import LoginRow, UserRow

USER = "user"
LINK_HOURS = 24
ROLES = tuple(role.name.lower() for role in Role)
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")


@dataclass(frozen=True, slots=True)
class User:
    """One person.

    Attributes:
        signed_up: Has chosen a password.
    """

    id: str
    email: str
    name: str
    role: Role
    active: bool
    signed_up: bool
    version: int
    created_by: str
    created_at: datetime
    updated_at: datetime


def list_users(ws: Workspace, actor: Actor) -> list[User]:
    """Everybody of the organisation, by address."""
    require(actor, Permission.ADMIN)
    with ws.db.read() as cursor:
        return [_told(row) for row in rows.users_of(cursor, actor.org_id)]


def admins(ws: Workspace, actor: Actor) -> list[str]:
    """Names of those whom somebody without the right can ask."""
    require(actor, Permission.READ)
    with ws.db.read() as cursor:
        found = rows.users_of(cursor, actor.org_id)
    return [row.name for row in found if row.active and row.role == "admin"]


def add_user(ws: Workspace, actor: Actor, email: str, *, name: str = "", role: str) -> User:
    """Add a person, who signs in for the first time through a link.

    Raises:
        InvalidInputError: fields that break a rule.
        ConflictError: ``DUPLICATE_USER``.
    """
    require(actor, Permission.ADMIN)
    refuse(_problems({"email": email, "name": name, "role": role}))
    now, address = ws.now(), clean(email).lower()
    made = UserRow(
        id=ws.new_id(), org_id=actor.org_id, email=address, name=clean(name) or address,
        role=role, active=True, password="", version=1, created_by=actor.name,
        created_at=now, updated_at=now,
    )  # fmt: skip
    with ws.db.write() as cursor:
        if rows.user_by_email(cursor, address) is not None:
            raise ConflictError(f"“{address}” is there already.", code="DUPLICATE_USER")
        rows.insert_user(cursor, made)
        event = event_by(
            actor, now, "create", USER, made.id,
            after={"email": address, "name": made.name, "role": role},
        )  # fmt: skip
        audit.append_event(cursor, ws.db.secret, event)
    return _told(made)


def change_user(
    ws: Workspace,
    actor: Actor,
    reference: str,
    changes: Mapping[str, Any],
    *,
    version: int | None = None,
) -> User:
    """Change name or role, or switch a person off, which ends every sign-in.

    Args:
        ws: The workspace.
        actor: An admin.
        reference: Id or address.
        changes: ``name``, ``role``, ``active``.
        version: The version the actor last read; None does not compare.

    Raises:
        NotFoundError: there is no such person.
        ConflictError: ``LAST_ADMIN``: nobody would be left to administrate.
        VersionStaleError: somebody saved since that version.
    """
    require(actor, Permission.ADMIN)
    refuse(_problems(changes))
    with ws.db.write() as cursor:
        before = _find(cursor, actor, reference)
        if version is not None and version != before.version:
            raise VersionStaleError(
                f"“{before.email}” was changed since.", current=_told(before),
                fields=tuple(changes),
            )  # fmt: skip
        now = ws.now()
        given: dict[str, Any] = {
            k: clean(v) if isinstance(v, str) else v for k, v in changes.items()
        }
        after = replace(before, **given, version=before.version + 1, updated_at=now)
        _keep_an_admin(cursor, before, after)
        rows.update_user(cursor, after, before.version)
        if not after.active:
            rows.end_logins_of(cursor, after.id, now)
        told = [
            k for k in ("name", "role", "active") if getattr(before, k) != getattr(after, k)
        ]
        event = event_by(
            actor, now, "edit", USER, after.id,
            before={k: getattr(before, k) for k in told},
            after={k: getattr(after, k) for k in told}, note=after.email,
        )  # fmt: skip
        audit.append_event(cursor, ws.db.secret, event)
    return _told(after)


def make_link(ws: Workspace, actor: Actor, reference: str) -> str:
    """Make a token by which a person chooses a password, once, within a day.

    Raises:
        NotFoundError: there is no such person.
        ConflictError: ``USER_INACTIVE``.
    """
    require(actor, Permission.ADMIN)
    token = secrets.token_urlsafe(32)
    now = ws.now()
    with ws.db.write() as cursor:
        user = _find(cursor, actor, reference)
        if not user.active:
            raise ConflictError(f"“{user.email}” is switched off.", code="USER_INACTIVE")
        rows.end_logins_of(cursor, user.id, now, "link")
        ends = now + timedelta(hours=LINK_HOURS)
        rows.insert_login(cursor, LoginRow(digest(token), user.id, "link", now, ends, None))
        event = event_by(actor, now, "link", USER, user.id, note=user.email)
        audit.append_event(cursor, ws.db.secret, event)
    return token


def digest(token: str) -> str:
    """What is kept of a token; it has 256 random bits, so a plain hash will do."""
    return hashlib.sha256(token.encode()).hexdigest()


def _find(cursor: Any, actor: Actor, reference: str) -> UserRow:
    for row in rows.users_of(cursor, actor.org_id):
        if reference == row.id or clean(reference).lower() == row.email:
            return row
    raise NotFoundError(f"There is nobody called “{reference}”.", hint="List the people.")


def _keep_an_admin(cursor: Any, before: UserRow, after: UserRow) -> None:
    if before.role != "admin" or not before.active:
        return
    if after.role == "admin" and after.active:
        return
    others = [
        row
        for row in rows.users_of(cursor, before.org_id)
        if row.id != before.id and row.role == "admin" and row.active
    ]
    if not others:
        raise ConflictError(
            f"“{before.email}” is the last admin.",
            code="LAST_ADMIN",
            hint="Make somebody else an admin first.",
        )


def _problems(values: Mapping[str, Any]) -> list[Problem]:
    problems: list[Problem] = []
    if "name" in values:
        problems += text_problems("name", values["name"], longest=200)
    if "email" in values:
        problems += text_problems("email", values["email"], longest=255, shortest=3)
        if not problems and not _EMAIL.fullmatch(clean(values["email"])):
            message = f"“{values['email']}” is no e-mail address"
            problems.append(Problem("email", values["email"], "PATTERN", message))
    if values.get("role", ROLES[0]) not in ROLES:
        message = f"role is “{values['role']}”; choose one of {', '.join(ROLES)}"
        problems.append(Problem("role", values["role"], "UNKNOWN_CHOICE", message))
    return problems


def _told(row: UserRow) -> User:
    return User(
        id=row.id, email=row.email, name=row.name, role=Role[row.role.upper()],
        active=row.active, signed_up=bool(row.password), version=row.version,
        created_by=row.created_by, created_at=row.created_at, updated_at=row.updated_at,
    )  # fmt: skip
