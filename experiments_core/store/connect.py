"""Open DuckDB on a workspace and lock it down. The order of the steps matters."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import duckdb

from experiments_core.errors import (
    BusyError,
    InvalidInputError,
    Problem,
    UpshotError,
    WorkspaceError,
)
from experiments_core.query.literals import quoted

STORAGE_VERSION = "v1.5.0"  # DuckDB 1.5 can read and write it too
MAX_TEMPORARY = "20GB"


class DamagedError(WorkspaceError):
    """The file, or its log, is damaged.

    Attributes:
        reason: What DuckDB says.
        wal_position: Byte of the log at which it is damaged, if that is what it says.
    """

    code = "WORKSPACE_DAMAGED"

    def __init__(self, file: Path, reason: str) -> None:
        self.reason = reason
        found = re.search(r"WAL file.* entry at byte position (\d+)", reason)
        self.wal_position = int(found[1]) if found else None
        super().__init__(
            f"{file} cannot be opened: {reason}",
            hint="Keep the file and its .wal as they are; see upshot restore --help.",
        )


def connect(
    file: Path | None,
    side: Path,
    *,
    memory_limit: str,
    threads: int,
    readable: Iterable[Path] = (),
) -> duckdb.DuckDBPyConnection:
    """Open ``file`` (None: memory) as the database ``upshot`` that reaches only ``side``.

    ``connect()`` followed by ATTACH replays a log with ALTER in it where ``connect(file)``
    may not. Everything that could leave the folder is switched off before the last line locks
    the configuration.

    Raises:
        BusyError: another program has the file open.
        WorkspaceError: the file is no DuckDB file, or a newer one.
        DamagedError: it is damaged.
    """
    root = duckdb.connect(
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "allow_persistent_secrets": False,
        }
    )
    try:
        _limit_memory(root, memory_limit)
        root.execute("LOAD json")  # replaying a log may need it
        # Closing leaves everything as it is unless somebody says CHECKPOINT: what did not
        # open as it was left must not be folded together.
        root.execute("PRAGMA disable_checkpoint_on_shutdown")
        _attach(root, file)
        for setting in (
            "TimeZone = 'UTC'",
            "python_enable_replacements = false",
            f"threads = {int(threads)}",
            "preserve_insertion_order = true",  # a row's place tells its line
            f"temp_directory = {quoted(str(side / 'tmp'))}",
            f"max_temp_directory_size = {quoted(MAX_TEMPORARY)}",
            f"allowed_directories = [{quoted(f'{side}/')}]",
            f"allowed_paths = [{', '.join(quoted(str(path)) for path in readable)}]",
            "enable_external_access = false",
            "lock_configuration = true",
        ):
            root.execute(f"SET GLOBAL {setting}")  # a plain SET does not reach the cursors
    except BaseException:
        root.close()
        raise
    return root


def in_words(error: duckdb.Error) -> UpshotError | None:
    """Say what to do about a full disk or too little memory; None for other faults."""
    if isinstance(error, duckdb.OutOfMemoryException):
        return BusyError(
            "This needs more memory, or more room on disk, than DuckDB may use.",
            hint="Raise UPSHOT_MEMORY_LIMIT, or try with fewer rows or columns.",
        )
    if "No space left" in str(error):
        return BusyError(
            "The disk is full; nothing was saved.", hint="Make room and try again."
        )
    return None


def _limit_memory(root: duckdb.DuckDBPyConnection, memory_limit: str) -> None:
    try:
        root.execute(f"SET GLOBAL memory_limit = {quoted(memory_limit)}")
    except duckdb.Error:
        message = f"UPSHOT_MEMORY_LIMIT is “{memory_limit}”; it is written like 1GB or 800MB"
        problem = Problem("UPSHOT_MEMORY_LIMIT", memory_limit, "PATTERN", message)
        raise InvalidInputError(f"{message}.", details=(problem,)) from None


def _attach(root: duckdb.DuckDBPyConnection, file: Path | None) -> None:
    if file is None:
        root.execute("ATTACH ':memory:' AS upshot")
        return
    if file.exists() and file.stat().st_size == 0:
        file.unlink()  # an empty file is a place for a new one, not a database
    try:
        root.execute(
            f"ATTACH {quoted(str(file))} AS upshot (STORAGE_VERSION {quoted(STORAGE_VERSION)})"
        )
    except duckdb.Error as error:
        raise _cannot_open(file, str(error)) from error


def _cannot_open(file: Path, text: str) -> BusyError | WorkspaceError:
    if "Could not set lock" in text or "Conflicting lock" in text:
        process = re.search(r"PID (\d+)", text)
        who = f" (process {process[1]})" if process else ""
        return BusyError(
            f"Another program has {file} open{who}.", hint="Close it there and start again."
        )
    if "storage version" in text:
        return WorkspaceError(
            f"{file} is in the file format of DuckDB 2, which Upshot does not write.",
            hint="Copy it with COPY FROM DATABASE into a file of STORAGE_VERSION 'v1.5.0'.",
        )
    if "not a valid DuckDB database" in text:
        return WorkspaceError(
            f"{file} is not a DuckDB file.", hint="Name another file in UPSHOT_WORKSPACE."
        )
    return DamagedError(file, " ".join(text.split()))
