"""Verified copies of the workspace, and a look through all of it."""

from __future__ import annotations

from dataclasses import asdict

from starlette.responses import Response

from experiments_core.api.answers import listed, one
from experiments_core.api.call import Page, The
from experiments_core.api.door import Door
from experiments_core.api.rules import Rule
from experiments_core.api.shapes import Answer, Many, One
from experiments_core.domain.access import Permission
from experiments_core.services import backups, verifying

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


class CheckAnswer(Answer):
    """One thing that was looked at."""

    name: str
    ok: bool
    told: str


class VerifyAnswer(Answer):
    """Everything that was looked at, and whether all of it is as it must be."""

    ok: bool
    checks: list[CheckAnswer]


@door.get(
    "/verify", Rule(permission=Permission.ADMIN, rate="compute", answer=One[VerifyAnswer])
)
def verify_workspace(call: The) -> Response:
    """Read every row and check what belongs together; changes nothing."""
    found = verifying.verify(call.ws, call.actor)
    checks = [asdict(check) for check in found]
    return one({"ok": all(check.ok for check in found), "checks": checks})


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
