"""Put a copy in the place of a workspace's file, because a person says so."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from experiments_core.errors import WorkspaceError
from experiments_core.store import backup
from experiments_core.store.commits import ACKNOWLEDGED
from experiments_core.store.lock import Owner, WorkspaceLock
from experiments_core.store.opening import open_database
from experiments_core.store.recovery import keep, note, put_in_place, wal_of
from experiments_core.store.side import make_folders


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did.

    Attributes:
        kept: Folder with the file as it was before; None when there was none.
        missing: Which acknowledged changes the copy lacks, in a sentence; empty when none.
    """

    kept: Path | None
    missing: str


def restore(file: Path, copy: Path | None, *, accept_loss: bool = False) -> Restored:
    """Verify a copy, move it into the place of the file, and open the workspace once.

    Args:
        file: The database.
        copy: The copy; None takes the newest verified one, or, with ``accept_loss``, leaves
            a file that is there as it is.
        accept_loss: Go on without the changes that the file lacks.

    Raises:
        BusyError: a process has the workspace open.
        WorkspaceError: there is no copy, or it cannot be read; nothing was changed then.
    """
    side = file.with_suffix(".d")
    make_folders(side)
    lock = WorkspaceLock(side / "lock", Owner(os.getpid()))
    try:
        kept = None
        if copy is not None or not accept_loss or not file.exists():
            chosen = _checked(copy or _newest(side))
            there = file.exists() or wal_of(file).exists()
            kept = keep(file, side) if there else None
            put_in_place(file, side, chosen)
            note(side, f"Somebody put {chosen} in the place of {file.name}.")
        if accept_loss:
            (side / ACKNOWLEDGED).unlink(missing_ok=True)
            note(side, "Somebody decided to go on without the changes that are missing.")
    finally:
        lock.release()
    with open_database(file) as db:
        return Restored(kept, db.damage)


def _newest(side: Path) -> Path:
    found = next((one for one in backup.backups_in(side) if one.is_whole), None)
    if found is None:
        raise WorkspaceError(
            f"There is no verified copy in {side / backup.FOLDER}.",
            hint="Name the file of a backup: upshot restore FILE.",
        )
    return found.file


def _checked(copy: Path) -> Path:
    """A copy that opens, and holds what it held when it was verified, if that is known."""
    if not copy.is_file():
        raise WorkspaceError(f"There is no file {copy}.", hint="Check the path.")
    found = backup.read_copy(copy)
    told = Path(f"{copy}.json")
    if told.exists():
        held = json.loads(told.read_text(encoding="utf-8"))["tables"]
        if {name: tuple(one) for name, one in held.items()} != found:
            raise WorkspaceError(
                f"{copy.name} does not hold what it held when it was verified.",
                code="BACKUP_NOT_VERIFIED", hint="Take an older one.",
            )  # fmt: skip
    if not {"meta", "commit_log", "experiments"} <= set(found):
        raise WorkspaceError(f"{copy.name} is not an Upshot workspace.", hint="Name another.")
    return copy.resolve()
