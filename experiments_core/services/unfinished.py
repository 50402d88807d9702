"""Files that came in and were not committed: what a stopped server or a closed page left."""

from __future__ import annotations

from experiments_core.domain.access import Actor, Permission, require
from experiments_core.services.import_records import ImportRecord, record_of
from experiments_core.services.workspace import Workspace
from experiments_core.store import imports


def unfinished(ws: Workspace, actor: Actor) -> list[ImportRecord]:
    """Files that were received; nothing of them is among the facts. The newest first."""
    require(actor, Permission.READ)
    with ws.db.read() as cursor:
        return [record_of(row) for row in imports.drafts_of(cursor, actor.org_id)]
