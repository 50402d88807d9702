"""The open workspace: database, settings and clock in one hand; one per server process."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from experiments_core.errors import WorkspaceError
from experiments_core.services.known import Known
from experiments_core.settings import Settings, read_settings, workspace_file
from experiments_core.store import imports
from experiments_core.store.commits import WAY_OUT
from experiments_core.store.database import Database
from experiments_core.store.lock import Owner, owner_of
from experiments_core.store.opening import open_database
from experiments_core.store.recovery import note
from experiments_core.store.restoring import Restored, restore
from experiments_core.store.writer import Writer

MEMORY = ":memory:"
EXIT_FATAL = 4

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


class Workspace:
    """What every service takes first.

    Attributes:
        db: The database.
        writer: The thread that events and assignments are written by.
        settings: How this process runs.
        known: What this process has worked out for it; gone when it closes.
    """

    def __init__(self, db: Database, settings: Settings, clock: Clock = utc_now) -> None:
        self.db = db
        self.writer = Writer(db)
        self.settings = settings
        self.known = Known()
        self._clock = clock

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        return self._clock()

    def new_id(self) -> str:
        """A new identifier, unique for ever."""
        return self.db.new_id()

    def close(self) -> None:
        """Write what waits and close the file; nothing works afterwards."""
        self.writer.close()
        self.db.close()
        self.known.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_workspace(
    path: str | Path, *, settings: Settings | None = None, clock: Clock | None = None
) -> Workspace:
    """Open a workspace for this process alone; use it in a ``with`` block.

    Args:
        path: The ``.duckdb`` file or the folder that holds ``upshot.duckdb``; made if absent.
            ``":memory:"`` keeps everything in memory.
        settings: Limits of this process; those of the environment when left out.
        clock: Gives the present moment (aware, UTC).

    Raises:
        BusyError: another process has it open.
        WorkspaceError: the file cannot be used.
    """
    settings = settings or read_settings()
    if str(path) == MEMORY:
        db = Database.memory(memory_limit=settings.memory_limit)
    else:
        file = workspace_file(path)
        settings = dataclasses.replace(settings, workspace=file)
        db = open_database(file, memory_limit=settings.memory_limit, threads=settings.threads)
    imports.drop_orphans(db)
    db.longest_staging = settings.import_seconds
    return Workspace(db, settings, clock or utc_now)


def owner(path: str | Path) -> Owner | None:
    """Tell which process has a workspace open, and where it serves; None when nobody has."""
    return owner_of(workspace_file(path).with_suffix(".d") / "lock")


def restore_workspace(
    path: str | Path, copy: Path | None, *, accept_loss: bool = False
) -> Restored:
    """Verify a copy, keep the present file, put the copy in its place, and open it once.

    Args:
        path: The ``.duckdb`` file or the folder that holds ``upshot.duckdb``.
        copy: The copy; None takes the newest verified one, or, with ``accept_loss``, leaves
            the file as it is.
        accept_loss: Go on without changes that were saved after the copy was made.

    Raises:
        BusyError: a process has the workspace open.
        WorkspaceError: there is no copy, or it cannot be read; nothing was changed then.
    """
    return restore(workspace_file(path), copy, accept_loss=accept_loss)


class _Process:
    """The one workspace that this process serves."""

    workspace: Workspace | None = None


def start(settings: Settings, *, clock: Clock = utc_now) -> Workspace:
    """Open the workspace that this process serves.

    Raises:
        BusyError: another process has it open; the sentence says which and where.
    """
    stop()
    db = open_database(
        settings.workspace,
        memory_limit=settings.memory_limit,
        threads=settings.threads,
        address=settings.address,
        port=settings.port,
    )
    imports.drop_orphans(db)
    db.cursors.on_fatal = lambda reason: end_at_once(db, reason)
    db.longest_staging = settings.import_seconds
    return use(Workspace(db, settings, clock))


def end_at_once(db: Database, reason: str) -> None:
    """End a server whose database has failed: no connection of this process works any more.

    Everything that was answered is in the file and its log, and is there at the next start.
    """
    note(db.side, f"DuckDB has failed: {reason}. The server ends; start it again.")
    os._exit(EXIT_FATAL)


def damage() -> str:
    """Why the workspace that is served can only be read; empty when all is well."""
    return current().db.damage


def way_out() -> str:
    """What a person can do about a damage."""
    return WAY_OUT


def use(workspace: Workspace) -> Workspace:
    """Make an open workspace the one that this process serves."""
    _Process.workspace = workspace
    return workspace


def current() -> Workspace:
    """The workspace that this process serves.

    Raises:
        WorkspaceError: the server has not opened one.
    """
    if _Process.workspace is None:
        raise WorkspaceError(
            "No workspace is open.", hint="Start Upshot with make run or upshot serve."
        )
    return _Process.workspace


def stop() -> None:
    """Close the workspace that this process serves, if there is one."""
    if _Process.workspace is not None:
        _Process.workspace.close()
        _Process.workspace = None
