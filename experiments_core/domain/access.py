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


class Scope(StrEnum):
    """What a key was issued for."""

    EXPERIMENTS_READ = "experiments:read"
    EXPERIMENTS_WRITE = "experiments:write"
    ASSIGN = "assign"
    EVENTS_WRITE = "events:write"
    IMPORTS_WRITE = "imports:write"
    RESULTS_READ = "results:read"
    DEPLOY = "deploy"
    SQL_READ = "sql:read"
    ADMIN = "admin"


READING = frozenset({Scope.EXPERIMENTS_READ, Scope.RESULTS_READ})
"""Scopes that change nothing: all that a viewer's key can use."""

ALIASES: dict[str, frozenset[Scope]] = {
    "flags:read": READING,
    "flags:write": frozenset({Scope.EXPERIMENTS_WRITE}),
}
"""Names that other services use for the same."""


class Permission(StrEnum):
    """What can be done, and (in :data:`REQUIRED`) what it takes."""

    READ = "read"
    RESULTS = "results"
    FORECAST = "forecast"
    COMMENT = "comment"
    EDIT = "edit"
    ASSIGN = "assign"
    EVENTS = "events"
    IMPORT = "import"
    INBOX = "inbox"
    DEPLOY = "deploy"
    REOPEN = "reopen"
    PURGE = "purge"
    ERASE = "erase"
    ADMIN = "admin"
    SQL = "sql"
    ORGANISATIONS = "organisations"


@dataclass(frozen=True, slots=True)
class Right:
    """What one permission takes.

    Attributes:
        role: The lowest role that may.
        scope: What a key must have been issued for besides.
        operator: Only the command line on the machine of the workspace may, and no key.
    """

    role: Role
    scope: Scope
    operator: bool = False


REQUIRED: dict[Permission, Right] = {
    Permission.READ: Right(Role.VIEWER, Scope.EXPERIMENTS_READ),
    Permission.RESULTS: Right(Role.VIEWER, Scope.RESULTS_READ),
    Permission.FORECAST: Right(Role.VIEWER, Scope.EXPERIMENTS_WRITE),
    Permission.COMMENT: Right(Role.VIEWER, Scope.EXPERIMENTS_WRITE),
    Permission.EDIT: Right(Role.EDITOR, Scope.EXPERIMENTS_WRITE),
    Permission.ASSIGN: Right(Role.EDITOR, Scope.ASSIGN),
    Permission.EVENTS: Right(Role.EDITOR, Scope.EVENTS_WRITE),
    Permission.IMPORT: Right(Role.EDITOR, Scope.IMPORTS_WRITE),
    Permission.INBOX: Right(Role.ADMIN, Scope.IMPORTS_WRITE),
    Permission.DEPLOY: Right(Role.ADMIN, Scope.DEPLOY),
    Permission.REOPEN: Right(Role.ADMIN, Scope.EXPERIMENTS_WRITE),
    Permission.PURGE: Right(Role.ADMIN, Scope.EXPERIMENTS_WRITE),
    Permission.ERASE: Right(Role.ADMIN, Scope.ADMIN),
    Permission.ADMIN: Right(Role.ADMIN, Scope.ADMIN),
    Permission.SQL: Right(Role.ADMIN, Scope.SQL_READ),
    Permission.ORGANISATIONS: Right(Role.ADMIN, Scope.ADMIN, operator=True),
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, for permissions and the audit trail.

    Attributes:
        scopes: What the key in use was issued for; None for a person, who is bound by the role
            alone.
        projects: Keys of the projects that a key is good for; empty means all.
        request_id: Of the request that is being answered, for the audit trail.
        via: The door it came through (``api``, ``compat/krafter``); empty for the pages.
        operator: Acts by the command line on the machine of the workspace.
    """

    name: str
    role: Role
    org_id: str = "default"
    scopes: frozenset[Scope] | None = None
    projects: tuple[str, ...] = ()
    request_id: str = ""
    via: str = ""
    operator: bool = False


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
        request_id: Of the request that asked for it.
        via: The door it came through.
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
    request_id: str = ""
    via: str = ""


def event_by(
    actor: Actor,
    ts: datetime,
    verb: str,
    kind: str,
    object_id: str,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    note: str = "",
) -> AuditEvent:
    """The event of something that an actor does to an object of their organisation."""
    return AuditEvent(
        ts=ts,
        actor=actor.name,
        verb=verb,
        object=kind,
        object_id=object_id,
        before=before,
        after=after,
        note=note,
        org_id=actor.org_id,
        request_id=actor.request_id,
        via=actor.via,
    )


_DOING: dict[Permission, str] = {
    Permission.DEPLOY: "Deploying",
    Permission.REOPEN: "Reopening",
    Permission.PURGE: "Purging",
    Permission.INBOX: "Reading the inbox",
}


def may(actor: Actor, permission: Permission) -> bool:
    """Whether role and, for a key, scopes are enough."""
    right = REQUIRED[permission]
    if actor.role < right.role or (right.operator and not actor.operator):
        return False
    if actor.scopes is None:
        return True
    reads = right.scope in READING
    return holds(actor.scopes, right.scope) and (reads or actor.role > Role.VIEWER)


def require(actor: Actor, permission: Permission) -> None:
    """Let the actor pass or refuse: the role and, for a key, its scopes must both allow it.

    Raises:
        ForbiddenError: ``ROLE_TOO_LOW``, or ``SCOPE_MISSING`` for a key; ``OPERATOR_ONLY``.
    """
    if may(actor, permission):
        return
    right = REQUIRED[permission]
    if right.operator and not actor.operator:
        raise ForbiddenError(
            "Only the operator may do this, on the machine of the server.",
            code="OPERATOR_ONLY",
            hint=f"There: upshot {permission.value} --help.",
        )
    if actor.role < right.role:
        raise ForbiddenError(
            f"{_DOING.get(permission, 'This')} needs the {right.role.name.lower()} role. "
            f"You are {_role_words(actor)}.",
            hint="Ask an admin.",
        )
    if actor.scopes is not None and not holds(actor.scopes, right.scope):
        raise ForbiddenError(
            f"This key was not issued for “{right.scope}”.",
            code="SCOPE_MISSING",
            hint="Create a key with that scope.",
        )
    raise ForbiddenError(
        "A viewer's key only reads.", hint="Ask an admin for a key of an editor."
    )


def holds(scopes: frozenset[Scope], scope: Scope) -> bool:
    """Tell whether scopes include one; writing experiments includes reading them."""
    return scope in scopes or (
        scope is Scope.EXPERIMENTS_READ and Scope.EXPERIMENTS_WRITE in scopes
    )


def _role_words(actor: Actor) -> str:
    article = "a" if actor.role is Role.VIEWER else "an"
    return f"{article} {actor.role.name.lower()}"
