"""Verified copies of the workspace."""

from __future__ import annotations

from starlette.responses import Response

from experiments_core.api.answers import listed, one
from experiments_core.api.call import Page, The
from experiments_core.api.frame import Door
from experiments_core.api.rules import Rule
from experiments_core.api.shapes import Answer, Many, One
from experiments_core.domain.access import Permission
from experiments_core.services import backups

door = Door("Backups")


class BackupAnswer(Answer):
    """A copy that was opened and compared with the workspace."""

    file: str
    made_at: str
    verified_at: str
    last_commit: int
    rows: int
    bytes: int
    sha256: str


@door.post(
    "/backup",
    Rule(permission=Permission.ADMIN, rate="compute", answer=One[BackupAnswer], status=201,
         together=False),
)  # fmt: skip
def make_backup(call: The) -> Response:
    """Make a copy in the side folder, open it, compare it; the eighth daily one goes."""
    return one(backups.backup_body(backups.make_backup(call.ws, call.actor)), status=201)


@door.get("/backups", Rule(permission=Permission.ADMIN, answer=Many[BackupAnswer]))
def list_backups(call: The, page: Page) -> Response:
    """The copies that are there, the newest first."""
    found = backups.list_backups(call.ws, call.actor)
    return listed(
        call.request_id, found, page, lambda copy: (copy.seq, copy.made_at),
        backups.backup_body, down=True,
    )  # fmt: skip
