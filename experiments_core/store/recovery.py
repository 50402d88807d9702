"""The recovery ladder: what is done when a workspace does not open as it was left.

1. It opens and holds every change that was acknowledged: nothing to do.
2. The log names a position at which it is damaged: it is cut there, which loses only what was
   being written when the power went; repeated while the named position moves down.
3. It does not open otherwise: the newest verified copy of ``backups`` that is still whole and
   opens takes its place.
4. It opens, but acknowledged changes are missing: it is served read-only (``database.py``).
5. Nothing opens: the end, with instructions.

Every step is told and written to ``NAME.d/recovery.log``. Before anything is changed the file
and its log are copied to ``NAME.d/damaged/``; nothing is ever deleted.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from experiments_core.domain.text import grouped
from experiments_core.errors import UnrecoverableError, WorkspaceError
from experiments_core.store import backup
from experiments_core.store.connect import DamagedError

Open = Callable[[], duckdb.DuckDBPyConnection]

log = logging.getLogger("upshot")


def open_or_repair(file: Path, side: Path, opened: Open) -> duckdb.DuckDBPyConnection:
    """Open a workspace, repairing on the way down the ladder what can be repaired.

    Args:
        file: The database.
        side: Its side folder.
        opened: Opens it, and raises ``DamagedError`` when it is damaged.

    Raises:
        UnrecoverableError: nothing opens; the files lie as they were found.
        UpshotError: whatever else keeps it from being opened.
    """
    try:
        return opened()
    except DamagedError as error:
        kept = keep(file, side)
        note(side, f"{file.name} does not open: {error.reason}. A copy is in {kept}.")
        found = _cut_log(file, side, opened, error) or _restore(file, side, opened)
        if found is not None:
            return found
        _put_back(file, kept)
        note(side, "Nothing opens. The files lie as they were found.")
        raise UnrecoverableError(
            f"{file} is damaged and cannot be repaired ({error.reason}).",
            hint="Nothing was changed. Copy the whole folder to a safe place, then run upshot "
            "restore FILE with a backup from elsewhere. Copies of what was "
            f"found are in {kept}; what was done is in {side}/recovery.log.",
        ) from error


def note(side: Path, sentence: str) -> None:
    """Tell a step and write it down."""
    log.warning(sentence)
    with (side / "recovery.log").open("a", encoding="utf-8") as out:
        out.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {sentence}\n")


def wal_of(file: Path) -> Path:
    """The write-ahead log of a database."""
    return file.with_name(f"{file.name}.wal")


def keep(file: Path, side: Path) -> Path:
    """Copy the database and its log aside; nobody has them open now."""
    kept = side / "damaged" / f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    kept.mkdir(parents=True)
    for one in (file, wal_of(file)):
        if one.exists():
            shutil.copy2(one, kept / one.name)
    return kept


def put_in_place(file: Path, side: Path, copy: Path) -> None:
    """Let a copy take the place of the database; what was there has been kept elsewhere."""
    fresh = side / "tmp" / f"restored-{copy.name}"
    shutil.copyfile(copy, fresh)
    wal_of(file).unlink(missing_ok=True)
    fresh.replace(file)


def _put_back(file: Path, kept: Path) -> None:
    for one in (file, wal_of(file)):
        if (kept / one.name).exists():
            shutil.copy2(kept / one.name, one)


def _cut_log(
    file: Path, side: Path, opened: Open, error: DamagedError
) -> duckdb.DuckDBPyConnection | None:
    """Step 2: cut the log at the position that is named, while the position moves down."""
    place, wal = error.wal_position, wal_of(file)
    while place is not None and wal.exists() and place < wal.stat().st_size:
        note(side, f"Cut {wal.name} at byte {grouped(place)} of {grouped(wal.stat().st_size)}.")
        with wal.open("r+b") as out:
            out.truncate(place)
            os.fsync(out.fileno())
        try:
            return opened()
        except DamagedError as again:
            place = again.wal_position
    return None


def _restore(file: Path, side: Path, opened: Open) -> duckdb.DuckDBPyConnection | None:
    """Step 3: put the newest verified copy in the place of the damaged file."""
    for copy in backup.backups_in(side):
        if not copy.is_whole:
            note(side, f"The copy {copy.file.name} is not what was verified; it is left alone.")
            continue
        put_in_place(file, side, copy.file)
        try:
            root = opened()
        except WorkspaceError as error:
            note(side, f"The copy {copy.file.name} does not open either: {error.message}")
        else:
            note(side, f"Put the copy {copy.file.name} in the place of {file.name}.")
            return root
    return None
