"""Verified copies of the whole workspace: on request, and once a day while it is served."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from experiments_core.domain.access import Actor, Permission, Role, event_by, require
from experiments_core.domain.documents import moment_text
from experiments_core.errors import ConflictError
from experiments_core.services.workspace import Workspace
from experiments_core.store import audit, backup
from experiments_core.store.backup import Backup

__all__ = ["EVERY", "Backup", "backup_if_due", "list_backups", "make_backup"]

EVERY = timedelta(days=1)
NIGHTLY = Actor("backup", Role.ADMIN)


def make_backup(ws: Workspace, actor: Actor) -> Backup:
    """Make a copy, verify it, and let the oldest of the daily copies go.

    Raises:
        ForbiddenError: the actor is no admin.
        ConflictError: ``NO_FILE``: the workspace is in memory.
        BusyError: another one is being made, or the disk has no room.
        WorkspaceError: the copy differs from the workspace; nothing was replaced.
    """
    require(actor, Permission.ADMIN)
    if ws.db.path is None:
        raise ConflictError("This workspace is in memory: it has no file.", code="NO_FILE")
    prefix = f"{ws.db.path.stem}-"
    name = f"{prefix}{backup.stamp(ws.now())}"
    with ws.db.staging() as cursor:
        made = backup.make(cursor, ws.db.side, name, ws.now)
    gone = backup.rotate(ws.db.side, prefix)
    told = {
        "file": made.file.name, "bytes": made.bytes, "rows": made.rows, "seq": made.seq,
        "removed": [file.name for file in gone],
    }  # fmt: skip
    with ws.db.write() as cursor:
        event = event_by(actor, ws.now(), "backup", "workspace", made.file.name, after=told)
        audit.append_event(cursor, ws.db.secret, event)
    return made


def list_backups(ws: Workspace, actor: Actor) -> list[Backup]:
    """The verified copies that are there, the newest first."""
    require(actor, Permission.ADMIN)
    return backup.backups_in(ws.db.side)


def backup_if_due(ws: Workspace) -> Backup | None:
    """Make the daily copy, if something has changed and the last one is a day old."""
    if ws.db.path is None or ws.db.damage:
        return None
    last = next(iter(backup.backups_in(ws.db.side)), None)
    since = _made(ws) if last is None else datetime.fromisoformat(last.made_at)
    its_own_line = 1
    changed = last is None or ws.db.last_commit > last.seq + its_own_line
    return make_backup(ws, NIGHTLY) if changed and ws.now() - since >= EVERY else None


def backup_body(one: Backup) -> dict[str, Any]:
    """A copy as JSON values."""
    return {
        "file": one.file.name,
        "made_at": moment_text(datetime.fromisoformat(one.made_at)),
        "verified_at": moment_text(datetime.fromisoformat(one.verified_at)),
        "last_commit": one.seq,
        "rows": one.rows,
        "bytes": one.bytes,
        "sha256": one.sha256,
    }


def _made(ws: Workspace) -> datetime:
    """When the workspace was made: as old as its secret."""
    seconds = (ws.db.side / "secret").stat().st_mtime
    return datetime.fromtimestamp(seconds, tz=ws.now().tzinfo)
