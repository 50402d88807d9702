"""How the process stands, and what somebody may do in it."""

from __future__ import annotations

from experiments_core.domain.access import REQUIRED, Actor, Permission, Scope, may
from experiments_core.errors import BusyError, WorkspaceError
from experiments_core.services.workspace import Workspace


def check(ws: Workspace) -> None:
    """Ask the database for a row.

    Raises:
        BusyError: it does not answer.
    """
    try:
        with ws.db.read() as cursor:
            cursor.execute("SELECT 1").fetchone()
    except WorkspaceError as error:
        raise BusyError(error.message, code="DATABASE", hint=error.hint) from error


def usable_scopes(actor: Actor) -> frozenset[Scope]:
    """The scopes that role and key together leave."""
    return frozenset(REQUIRED[one].scope for one in Permission if may(actor, one))
