"""Who may do what: roles, and the one table that services ask."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any

from experiments_core.errors import ForbiddenError


class Role(IntEnum):
    """Roles, each holding the rights of those below it."""

    VIEWER = 1
    EDITOR = 2
    ADMIN = 3


class Permission(StrEnum):
    """What can be done, and (in :data:`REQUIRED`) the lowest role that may."""

    READ = "read"
    EDIT = "edit"
    IMPORT = "import"
    INBOX = "inbox"
    DEPLOY = "deploy"
    REOPEN = "reopen"
    PURGE = "purge"


REQUIRED: dict[Permission, Role] = {
    Permission.READ: Role.VIEWER,
    Permission.EDIT: Role.EDITOR,
    Permission.IMPORT: Role.EDITOR,
    Permission.INBOX: Role.ADMIN,
    Permission.DEPLOY: Role.ADMIN,
    Permission.REOPEN: Role.ADMIN,
    Permission.PURGE: Role.ADMIN,
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, for permissions and the audit trail."""

    name: str
    role: Role
    org_id: str = "default"


LOCAL = Actor("local", Role.ADMIN)
"""The person at the machine, in local mode."""


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One change, written in the transaction that made it.

    Attributes:
        seq: Place in the chain; 0 before it is written.
        ts: When it was written, aware, in UTC.
        verb: ``create``, ``edit``, ``start``, ``traffic`` …
        object: What kind of thing changed (``experiment``, ``import``).
        object_id: Its id.
        before: The fields that changed, as they were.
        after: The same fields as they are now.
        note: The reason that was given.
    """

    ts: datetime
    actor: str
    verb: str
    object: str
    object_id: str
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    note: str = ""
    org_id: str = "default"
    seq: int = 0


_DOING: dict[Permission, str] = {
    Permission.DEPLOY: "Deploying",
    Permission.REOPEN: "Reopening",
    Permission.PURGE: "Purging",
    Permission.INBOX: "Reading the inbox",
}


def may(actor: Actor, permission: Permission) -> bool:
    """Whether the actor's role is high enough."""
    return actor.role >= REQUIRED[permission]


def require(actor: Actor, permission: Permission) -> None:
    """Let the actor pass or refuse.

    Raises:
        ForbiddenError: the actor's role is too low.
    """
    needed = REQUIRED[permission]
    if not may(actor, permission):
        message = (
            f"{_DOING.get(permission, 'This')} needs the {needed.name.lower()} role. "
            f"You are {'an' if actor.role is Role.EDITOR else 'a'} {actor.role.name.lower()}."
        )
        raise ForbiddenError(message, hint="Ask an admin.")
