"""The workspace's one DuckDB file: opened once, locked down, read by many, written by one.

Reading: one cursor per call, inside a read-only transaction. Writing: one door, one writer at
a time, rolled back unless the block ends well. Nothing runs on the root connection itself.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self, TypeVar, cast

import duckdb

from experiments_core.errors import UnrecoverableError, WorkspaceError
from experiments_core.store.commits import (
    WAY_OUT,
    acknowledge,
    has_commits,
    last_commit_in,
    what_is_lacking,
)
from experiments_core.store.connect import connect
from experiments_core.store.cursors import Cursors
from experiments_core.store.ids import uuid7
from experiments_core.store.kept import Kept
from experiments_core.store.lock import WorkspaceLock
from experiments_core.store.migrate import migrate
from experiments_core.store.parsed import parsed
from experiments_core.store.side import make_folders, secret_of
from experiments_core.store.watch import time_limit

Found = TypeVar("Found")

STAGING_PREFIX = "staging_"
LONGEST_STAGING = 1_800.0  # seconds


class _NotKeptError(Exception):
    """Work that should do with what is kept asks for the file."""


class Database:
    """An open workspace.

    Attributes:
        path: The file, None in memory.
        side: ``NAME.d/`` with ``lock``, ``secret``, ``seq`` and ``uploads/``; the only folder
            that SQL may read or write.
        damage: Why it may only be read, in a sentence; empty when all is well.
        cursors: Lends a cursor to each call.
        longest_staging: Seconds that reading one file may take.
    """

    def __init__(
        self,
        root: duckdb.DuckDBPyConnection,
        path: Path | None,
        side: Path,
        *,
        lock: WorkspaceLock | None = None,
        new_id: Callable[[], str] = uuid7,
    ) -> None:
        self.path = path
        self.side = side
        self.new_id = new_id
        self.secret = secret_of(side)
        self.cursors = Cursors(root)
        self._lock = lock
        self._door = threading.RLock()
        self._own = threading.local()
        self._kept = Kept()
        self._seen: dict[duckdb.DuckDBPyConnection, int | None] = {}
        self.damage = ""
        self.longest_staging = LONGEST_STAGING
        with self.cursors.lend() as cursor:
            self._seq = last_commit_in(cursor)
            if path is not None:
                self.damage = what_is_lacking(path, side, self._seq)
            if self.damage and not has_commits(cursor):
                raise UnrecoverableError(self.damage, hint=WAY_OUT)
            if not self.damage:
                migrate(cursor, side)
                _drop_staging(cursor)
        if not self.damage:
            self._acknowledge()

    @classmethod
    def memory(cls, *, readable: Iterable[Path] = (), memory_limit: str = "1GB") -> Database:
        """Open a workspace without a file, for notebooks and tests.

        Args:
            readable: Files outside the (temporary) side folder that SQL may read.
            memory_limit: As DuckDB writes it; more goes to the side folder on disk.
        """
        side = Path(tempfile.mkdtemp(prefix="upshot-"))
        make_folders(side)
        root = connect(None, side, memory_limit=memory_limit, threads=2, readable=readable)
        database = cls(root, None, side)
        weakref.finalize(database, shutil.rmtree, side, ignore_errors=True)
        return database

    @property
    def inbox(self) -> Path:
        """The folder whose files may be imported without an upload."""
        return self.side.parent / "inbox" if self.path else self.side / "inbox"

    @property
    def last_commit(self) -> int:
        """Number of the last change that was saved."""
        return self._seq

    @contextmanager
    def read(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Lend a cursor that sees one state of the file and cannot change it.

        Inside :meth:`write` of the same thread it is the writer's own cursor, which sees what
        has been written so far.
        """
        writer = getattr(self._own, "writer", None)
        if writer is not None:
            yield writer
            return
        self._may_ask_the_file()
        state = self._kept.state()
        with self.cursors.lend() as cursor:
            cursor.execute("BEGIN TRANSACTION READ ONLY")
            self._seen[cursor] = state
            try:
                yield cursor
            finally:
                del self._seen[cursor]

    def kept(
        self, cursor: duckdb.DuckDBPyConnection, name: Hashable, make: Callable[[], Found]
    ) -> Found:
        """What ``make`` reads with this cursor, or has read since the last commit.

        Args:
            cursor: From :meth:`read`; the writer's own reads anew each time.
            name: Says all that the value depends on besides the file.
            make: Reads it; the value must never be changed.
        """
        state = self._seen.get(cursor)
        if state is None:
            return make()
        known, value = self._kept.of(state, name)
        if not known:
            value = make()
            self._kept.keep(state, name, value)
            return value
        # What a transaction sees is settled by its first look at the file, not by its begin.
        cursor.execute(parsed(cursor, "SELECT 1 FROM meta LIMIT 0"))
        if self._kept.state() == state:
            return cast("Found", value)
        self._seen[cursor] = None
        return make()

    def recall(
        self, name: Hashable, make: Callable[[duckdb.DuckDBPyConnection], Found]
    ) -> Found:
        """The same for who asks for nothing else; what is kept needs no transaction."""
        if getattr(self._own, "writer", None) is None:
            known, value = self._kept.here(name)
            if known:
                return cast("Found", value)
        with self.read() as cursor:
            return self.kept(cursor, name, lambda: make(cursor))

    def without_reading(self, work: Callable[[], Found]) -> Found | None:
        """What some work gives if all it asks for is kept, so that it waits for nothing.

        Args:
            work: Only reads; it is given up at the first thing that the file has to be asked
                for, so the caller may have it done once more.

        Returns:
            None when it was given up.
        """
        self._own.only_kept = True
        try:
            return work()
        except _NotKeptError:
            return None
        finally:
            self._own.only_kept = False

    @contextmanager
    def write(self, *, log_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """Lend the one writing cursor; commit if the block ends well, else roll back.

        A nested call in the same thread joins the outer transaction; if its block fails, the
        outer one rolls back even when it swallowed the error.

        Args:
            log_only: The block writes events, assignments or uses of keys, and no definitions:
                experiments that were read before are kept.
        """
        if self.damage:
            raise WorkspaceError(self.damage, code="READ_ONLY", hint=WAY_OUT)
        self._may_ask_the_file()
        writer = getattr(self._own, "writer", None)
        if writer is None:
            with self._door, self.cursors.lend() as cursor:
                yield from self._transaction(cursor, log_only=log_only)
            return
        try:
            yield writer
        except BaseException:
            self._own.doomed = True
            raise

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold the writing door without writing: no other thread commits until the end.

        For who may find that another has done the same meanwhile: it costs no commit.
        """
        self._may_ask_the_file()
        with self._door:
            yield

    @contextmanager
    def staging(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Lend a cursor that loads rows beside the door, so that a long load blocks nobody.

        After ``longest_staging`` seconds it is interrupted. It may make and fill tables named
        ``staging_…`` that nobody else uses; the door is for moving them into the workspace.
        Such tables are dropped at the next opening.
        """
        if self.damage:
            raise WorkspaceError(self.damage, code="READ_ONLY", hint=WAY_OUT)
        self._may_ask_the_file()
        with self.cursors.lend() as cursor, time_limit(cursor, self.longest_staging):
            yield cursor

    def fold_log(self) -> bool:
        """Move the write-ahead log into the file; False where something under way forbids."""
        with self._door, self.cursors.lend() as cursor:
            try:
                cursor.execute("CHECKPOINT upshot")
            except duckdb.TransactionException:
                return False
        return True

    def close(self) -> None:
        """Stop what runs, fold the write-ahead log into the file and let the next one in."""
        closed = self.cursors.close(fold=self.path is not None and not self.damage)
        if closed and self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _may_ask_the_file(self) -> None:
        if getattr(self._own, "only_kept", False):
            raise _NotKeptError

    def _transaction(
        self, cursor: duckdb.DuckDBPyConnection, *, log_only: bool
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        self._own.writer, self._own.doomed = cursor, False
        try:
            cursor.execute("BEGIN")
            yield cursor
            if self._own.doomed:
                raise RuntimeError("a part of this transaction failed and was not handed on")  # noqa: TRY301
            cursor.execute("INSERT INTO commit_log VALUES (?)", [self._seq + 1])
            with self._kept.committing(log_only=log_only):
                cursor.execute("COMMIT")
        except BaseException:
            with suppress(duckdb.Error):  # the error may have ended the transaction already
                cursor.execute("ROLLBACK")
            with suppress(duckdb.Error):  # a failed COMMIT may have committed
                self._seq = last_commit_in(cursor)
            raise
        finally:
            self._own.writer = None
        self._seq += 1
        self._acknowledge()

    def _acknowledge(self) -> None:
        if self.path is not None:
            acknowledge(self.side, self._seq)


def _drop_staging(cursor: duckdb.DuckDBPyConnection) -> None:
    tables = cursor.execute(
        "SELECT table_name FROM duckdb_tables() "
        "WHERE database_name = 'upshot' AND starts_with(table_name, ?)",
        [STAGING_PREFIX],
    ).fetchall()
    for (name,) in tables:
        cursor.execute(f'DROP TABLE "{name}"')
