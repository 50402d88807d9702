"""Open a workspace's file for this process alone, repaired where that loses nothing."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb

from experiments_core.errors import WorkspaceError
from experiments_core.store.commits import ACKNOWLEDGED
from experiments_core.store.connect import connect
from experiments_core.store.database import Database
from experiments_core.store.lock import Owner, WorkspaceLock
from experiments_core.store.recovery import open_or_repair
from experiments_core.store.side import clear, make_folders


def open_database(
    path: str | Path,
    *,
    memory_limit: str = "1GB",
    threads: int = 2,
    address: str = "",
    port: int | None = None,
) -> Database:
    """Open a workspace file, made if absent, for this process alone.

    Args:
        path: The file; its side folder and inbox lie beside it.
        memory_limit: As DuckDB writes it.
        threads: Threads for one query.
        address: Where this process serves, for the sentence a second opener reads.
        port: TCP port it serves on.

    A damaged file is repaired where that loses nothing that was acknowledged; one that lacks
    acknowledged changes can only be read (``Database.damage``).

    Raises:
        BusyError: somebody has it open; the sentence says who and where.
        WorkspaceError: the file cannot be used; the sentence says why.
        UnrecoverableError: it is damaged, and so is everything that could replace it.
    """
    file = Path(path).expanduser().resolve()
    side = file.with_suffix(".d")
    try:
        make_folders(side)
        lock = WorkspaceLock(side / "lock", Owner(os.getpid(), address, port))
    except OSError as error:
        raise WorkspaceError(
            f"{side} cannot be written ({error.strerror}).",
            hint="Choose a folder of yours in UPSHOT_WORKSPACE.",
        ) from error
    root: duckdb.DuckDBPyConnection | None = None
    try:
        _refuse_unsafe(file, side)
        clear(side / "tmp")
        root = open_or_repair(
            file,
            side,
            lambda: connect(file, side, memory_limit=memory_limit, threads=threads),
        )
        return Database(root, file, side, lock=lock)
    except BaseException:
        if root is not None:
            root.close()
        lock.release()
        raise


def _refuse_unsafe(file: Path, side: Path) -> None:
    """Refuse a second name for the same file, and a write-ahead log without its file."""
    wal = file.with_name(f"{file.name}.wal")
    if not file.exists():
        if wal.exists():
            raise WorkspaceError(
                f"{file} is missing, but {wal.name} with unsaved changes is there.",
                hint=f"Put {file.name} back, or remove {wal.name} to start empty.",
            )
        (side / ACKNOWLEDGED).unlink(missing_ok=True)  # a new file counts from the beginning
    elif file.stat().st_nlink > 1:
        raise WorkspaceError(
            f"{file} has more than one name (hard links); a second program could write to it.",
            hint="Make a copy, and remove the other names.",
        )
