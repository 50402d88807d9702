"""API keys: made, registered, listed, revoked.

A key is shown once and kept as an HMAC under the workspace's secret. Whoever holds one acts
with its role, narrowed by its scopes.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from experiments_core.domain.access import (
    ALIASES,
    READING,
    Actor,
    Permission,
    Role,
    Scope,
    event_by,
    require,
)
from experiments_core.domain.documents import moment_text
from experiments_core.domain.text import clean, text_problems
from experiments_core.domain.tokens import (
    ID_LENGTH,
    LONGEST,
    PREFIXES,
    SHORTEST,
    is_printed,
    read_key,
    shown_part,
)
from experiments_core.domain.validation import refuse
from experiments_core.errors import ConflictError, NotFoundError, Problem
from experiments_core.services.projects import list_projects
from experiments_core.services.recognising import digest_of, forget_known
from experiments_core.services.workspace import Workspace
from experiments_core.store import audit
from experiments_core.store import keys as rows
from experiments_core.store.keys import KeyRow

KEY = "key"
_ROLES = tuple(role.name.lower() for role in Role)
_ALPHABET = string.ascii_lowercase + string.digits


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key, as its owner may see it.

    Attributes:
        shown: Its beginning.
        secret: The whole key, only at the moment it is made.
        last_used_at: To the minute.
    """

    id: str
    name: str
    role: Role
    scopes: tuple[Scope, ...]
    projects: tuple[str, ...]
    shown: str
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    secret: str | None = None


def create_key(
    ws: Workspace,
    actor: Actor,
    name: str,
    *,
    role: str = "editor",
    scopes: Iterable[str] = (),
    projects: Iterable[str] = (),
    expires_at: datetime | None = None,
    prefix: str = PREFIXES[0],
) -> ApiKey:
    """Make a key; its text is in the answer and nowhere else.

    Args:
        ws: The workspace.
        actor: An admin.
        name: What people call it; the audit trail names it.
        role: viewer, editor or admin.
        scopes: Names or aliases of scopes; everything the role can use when empty.
        projects: Keys of the projects it is good for; all when empty.
        expires_at: When it ends by itself, aware.
        prefix: How its text begins, for clients that look at it.

    Raises:
        InvalidInputError: fields that break a rule.
        ForbiddenError: the actor is no admin.
    """
    key_id = "".join(secrets.choice(_ALPHABET) for _ in range(ID_LENGTH))
    token = f"{prefix}{key_id}_{secrets.token_urlsafe(32)}"
    problems = [] if prefix in PREFIXES else [_choice("prefix", prefix, PREFIXES)]
    order = _Order(name, role, tuple(scopes), tuple(projects), expires_at)
    return _keep(ws, actor, token, order, problems)


def register_key(
    ws: Workspace,
    actor: Actor,
    token: str,
    name: str,
    *,
    role: str = "editor",
    scopes: Iterable[str] = (),
    projects: Iterable[str] = (),
    expires_at: datetime | None = None,
) -> ApiKey:
    """Let in a key that a migrating service has already; it is kept as an HMAC like ours.

    Raises:
        InvalidInputError: it is shorter than 20 characters, or a document prints it.
        ConflictError: it is registered already.
    """
    problems = []
    if not ws.settings.test_keys:
        if is_printed(token):
            message = "This key is printed in a public document and is no secret"
            problems.append(Problem("token", shown_part(token), "PRINTED_KEY", message))
        elif not SHORTEST <= len(token) <= LONGEST:
            message = f"A key has {SHORTEST} to {LONGEST} characters; this one has {len(token)}"
            problems.append(Problem("token", None, "LENGTH", message))
    if not token.isascii() or not token.isprintable() or " " in token or not token:
        message = "A key is printable ASCII without blanks"
        problems.append(Problem("token", None, "PATTERN", message))
    order = _Order(name, role, tuple(scopes), tuple(projects), expires_at)
    return _keep(ws, actor, token, order, problems)


def list_keys(ws: Workspace, actor: Actor) -> list[ApiKey]:
    """Every key of the organisation, revoked ones included, the newest first."""
    require(actor, Permission.ADMIN)
    with ws.db.read() as cursor:
        return [_told(row) for row in rows.keys_of(cursor, actor.org_id)]


def revoke_key(ws: Workspace, actor: Actor, reference: str) -> ApiKey:
    """End a key; the next request that carries it is refused.

    Args:
        ws: The workspace.
        actor: An admin.
        reference: Its id, its name, or the part that may be seen.

    Raises:
        NotFoundError: there is no such key.
        ConflictError: it was revoked before, or several have this name.
    """
    require(actor, Permission.ADMIN)
    with ws.db.write() as cursor:
        found = [
            row
            for row in rows.keys_of(cursor, actor.org_id)
            if reference in {row.id, row.shown, row.name}
        ]
        live = [row for row in found if row.revoked_at is None]
        if not found:
            raise NotFoundError(f"There is no key “{reference}”.", hint="List the keys.")
        if len(live) != 1:
            raise ConflictError(
                f"“{reference}” was revoked before."
                if not live
                else f"{len(live)} keys are called “{reference}”.",
                code="ALREADY_REVOKED" if not live else "AMBIGUOUS",
                hint="" if not live else "Name it by its id.",
            )
        now = ws.now()
        rows.revoke_key(cursor, actor.org_id, live[0].id, now)
        event = event_by(
            actor, now, "revoke", KEY, live[0].id,
            before={"revoked_at": None}, after={"revoked_at": moment_text(now)},
            note=live[0].name,
        )  # fmt: skip
        audit.append_event(cursor, ws.db.secret, event)
        ended = next(r for r in rows.keys_of(cursor, actor.org_id) if r.id == live[0].id)
    forget_known(ws)
    return _told(ended)


def read_scopes(names: Iterable[str]) -> tuple[tuple[Scope, ...], list[Problem]]:
    """Names and aliases -> scopes, and what is wrong with them."""
    found: dict[Scope, None] = {}
    problems = []
    for name in names:
        if name in ALIASES:
            found |= dict.fromkeys(sorted(ALIASES[name]))
        elif name in set(Scope):
            found[Scope(name)] = None
        else:
            problems.append(_choice("scopes", name, (*Scope, *ALIASES)))
    return tuple(found), problems


@dataclass(frozen=True, slots=True)
class _Order:
    """What a key is to be."""

    name: str
    role: str
    scopes: tuple[str, ...]
    projects: tuple[str, ...]
    expires_at: datetime | None

    def problems(self, now: datetime) -> list[Problem]:
        """What is wrong with it."""
        found = text_problems("name", self.name, longest=200, shortest=1)
        found += read_scopes(self.scopes)[1]
        if self.role not in _ROLES:
            found.append(_choice("role", self.role, _ROLES))
        ends = self.expires_at
        if ends is not None and (ends.tzinfo is None or ends <= now):
            message = "expires_at must be a time with its zone that lies in the future"
            found.append(Problem("expires_at", str(ends), "RANGE", message))
        return found

    def granted(self) -> tuple[str, ...]:
        """Its scopes; everything the role can use when none is named."""
        chosen, _ = read_scopes(self.scopes)
        every = sorted(READING if self.role == "viewer" else Scope)
        return tuple(scope.value for scope in chosen or every)


def _keep(
    ws: Workspace, actor: Actor, token: str, order: _Order, problems: list[Problem]
) -> ApiKey:
    require(actor, Permission.ADMIN)
    now = ws.now()
    good_for, unknown = _projects(ws, actor, order.projects)
    refuse([*problems, *order.problems(now), *unknown])
    ours = read_key(token)
    digest = digest_of(ws, token)
    row = KeyRow(
        id=ws.new_id(), org_id=actor.org_id, name=clean(order.name), role=order.role,
        scopes=order.granted(), projects=good_for,
        shown=ours.shown if ours else shown_part(token),
        lookup=ours.id if ours else digest[:24], digest=digest,
        created_by=actor.name, created_at=now, expires_at=order.expires_at,
    )  # fmt: skip
    with ws.db.write() as cursor:
        if any(one.digest == digest for one in rows.keys_by_lookup(cursor, row.lookup)):
            raise ConflictError(
                "This key is registered already.", code="DUPLICATE_KEY", hint="List the keys."
            )
        rows.insert_key(cursor, row)
        event = event_by(
            actor, now, "create", KEY, row.id,
            after={"name": row.name, "role": row.role, "scopes": list(row.scopes),
                   "projects": list(row.projects), "shown": row.shown},
        )  # fmt: skip
        audit.append_event(cursor, ws.db.secret, event)
    return _told(row, secret=token)


def _projects(
    ws: Workspace, actor: Actor, named: tuple[str, ...]
) -> tuple[tuple[str, ...], list[Problem]]:
    """Projects in their own spelling, and those that there are not."""
    known = {one.key.lower(): one.key for one in list_projects(ws, actor)} if named else {}
    there = f"there are: {', '.join(known.values())}"
    unknown = [
        Problem("projects", name, "NOT_FOUND", f"there is no project “{name}”; {there}")
        for name in named
        if name.lower() not in known
    ]
    return tuple(known[name.lower()] for name in named if name.lower() in known), unknown


def _told(row: KeyRow, *, secret: str | None = None) -> ApiKey:
    return ApiKey(
        id=row.id, name=row.name, role=Role[row.role.upper()],
        scopes=tuple(Scope(scope) for scope in row.scopes), projects=row.projects,
        shown=row.shown, created_by=row.created_by, created_at=row.created_at,
        expires_at=row.expires_at, last_used_at=row.last_used_at, revoked_at=row.revoked_at,
        secret=secret,
    )  # fmt: skip


def _choice(field: str, value: object, choices: Iterable[str]) -> Problem:
    listed = ", ".join(choices)
    return Problem(field, value, "UNKNOWN_CHOICE", f"{field} is “{value}”; choose of {listed}")
