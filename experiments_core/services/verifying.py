"""Look through a whole workspace: readable, complete, its trail untouched, its backup whole."""

from __future__ import annotations

from dataclasses import dataclass

from experiments_core.domain.access import Actor, Permission, require
from experiments_core.services.auditing import first_bad_event
from experiments_core.services.workspace import Workspace
from experiments_core.store import backup
from experiments_core.store import verify as checks


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        ok: Whether it is as it must be.
        told: What was found, in words.
    """

    name: str
    ok: bool
    told: str


def verify(ws: Workspace, actor: Actor) -> list[Check]:
    """Every check, in order; reads every row and changes nothing.

    Raises:
        ForbiddenError: the actor is no admin.
    """
    require(actor, Permission.ADMIN)
    with ws.db.read() as cursor:
        found = [
            Check("tables", *checks.scan(cursor)),
            Check("references", *checks.orphans(cursor)),
        ]
    bad = first_bad_event(ws, actor)
    trail = (
        "nobody has touched it" if bad is None else f"event {bad:,} is not as it was written"
    )
    return [
        *found,
        Check("audit trail", bad is None, trail),
        Check("sequence", *checks.sequence(ws.db)),
        _backup(ws),
    ]


def _backup(ws: Workspace) -> Check:
    last = next(iter(backup.backups_in(ws.db.side)), None)
    if last is None:
        return Check("backup", True, "there is none yet: upshot backup")
    if not last.is_whole:
        return Check("backup", False, f"{last.file.name} is not what was verified")
    return Check("backup", True, f"{last.file.name} is whole, verified {last.verified_at[:16]}")
