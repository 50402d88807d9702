"""Who holds a key: recognised, remembered for the next request, and noted as used."""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from experiments_core.domain.access import Actor, Role, Scope
from experiments_core.domain.tokens import is_printed, read_key
from experiments_core.errors import BusyError, UnauthorizedError
from experiments_core.services.operator_token import PREFIX as OPERATOR_PREFIX
from experiments_core.services.operator_token import check_token
from experiments_core.services.organisations import operator_in
from experiments_core.services.workspace import Workspace
from experiments_core.store import keys as rows
from experiments_core.store.keys import KeyRow

NOBODY = Actor("nobody", Role.VIEWER, scopes=frozenset())
"""Who asks what is open to everybody."""


class _Known:
    """Keys this process has recognised: the one process that can change them."""

    by_workspace: ClassVar[WeakKeyDictionary[Workspace, dict[bytes, KeyRow]]] = (
        WeakKeyDictionary()
    )
    lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who holds a key.

    Attributes:
        key_id: Empty for the operator.
        touched: The key was not used before in this minute.
    """

    actor: Actor
    key_id: str
    touched: bool = False


def recognise(ws: Workspace, token: str) -> Caller:
    """Find who holds a key.

    Raises:
        UnauthorizedError: nobody, or it has ended; the sentence does not tell which keys exist.
    """
    now = ws.now()
    if token.startswith(f"{OPERATOR_PREFIX}."):
        operator = operator_in(ws, check_token(ws.db.secret, token, now))
        return Caller(replace(operator, via="cli"), "")
    row = _find(ws, token)
    if row is None or (is_printed(token) and not ws.settings.test_keys):
        raise UnauthorizedError("This key is not valid.", hint="Ask an admin for a key.")
    if row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now):
        raise UnauthorizedError("This key has ended.", hint="Ask an admin for a new one.")
    actor = Actor(
        f"key:{row.name}",
        Role[row.role.upper()],
        row.org_id,
        scopes=frozenset(Scope(scope) for scope in row.scopes),
        projects=row.projects,
        via="api",
    )
    used = row.last_used_at
    minute = now.replace(second=0, microsecond=0)
    return Caller(actor, row.id, touched=used is None or used < minute)


def is_at_hand(ws: Workspace, token: str) -> bool:
    """Whether recognising this key reads nothing, so that it needs no thread of its own."""
    with _Known.lock:
        known = _Known.by_workspace.get(ws, {})
    return hashlib.sha256(token.encode()).digest() in known


def touch(ws: Workspace, key_id: str) -> None:
    """Note that a key was used in this minute, when the writer comes to it; waits for nothing.

    An answer must not hang on it: while a large import has the door, every request would.
    """
    with suppress(BusyError):
        job = ws.writer.submit(_touch, (key_id, ws.now().replace(second=0, microsecond=0)))
        job.add_done_callback(lambda _: forget_known(ws))


def _touch(cursor: Any, used: Sequence[tuple[str, datetime]]) -> Sequence[None]:
    for key_id, minute in dict.fromkeys(used):
        rows.touch_key(cursor, key_id, minute)
    return [None] * len(used)


def forget_known(ws: Workspace) -> None:
    """Read keys from the file again, after something about them has changed."""
    with _Known.lock:
        _Known.by_workspace.pop(ws, None)


def _find(ws: Workspace, token: str) -> KeyRow | None:
    mark = hashlib.sha256(token.encode()).digest()
    with _Known.lock:
        known = _Known.by_workspace.setdefault(ws, {})
    if mark in known:
        return known[mark]
    digest = digest_of(ws, token)
    ours = read_key(token)
    with ws.db.read() as cursor:
        found = rows.keys_by_lookup(cursor, ours.id if ours else digest[:24])
    for row in found:
        if hmac.compare_digest(row.digest, digest):
            known[mark] = row
            return row
    return None


def digest_of(ws: Workspace, token: str) -> str:
    """What is kept of a key: its HMAC under the workspace's secret."""
    return hmac.new(ws.db.secret, b"api key\0" + token.encode(), hashlib.sha256).hexdigest()
