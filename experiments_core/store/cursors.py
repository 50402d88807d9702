"""The cursors of the one connection: lent to each caller, ended together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import duckdb

from experiments_core.errors import BusyError
from experiments_core.store.connect import in_words

CLOSE_PATIENCE = 10.0  # seconds that close() waits for readers and the writer


class Cursors:
    """Lends cursors, one for each call.

    Args:
        root: The connection; nothing else may run on it.

    Attributes:
        on_fatal: Called with a sentence when DuckDB has failed so badly that no connection
            works any more.
    """

    def __init__(self, root: duckdb.DuckDBPyConnection) -> None:
        self._root = root
        self.on_fatal: Callable[[str], None] | None = None
        self._open: set[duckdb.DuckDBPyConnection] = set()
        self._idle = threading.Condition()
        self._closed = False

    @contextmanager
    def lend(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Lend a cursor; what DuckDB refuses is told in our words where there are any.

        Raises:
            BusyError: the workspace is closed.
        """
        with self._idle:
            if self._closed:
                raise BusyError("This workspace is closed.", hint="Open it again.")
            cursor = self._root.cursor()
            self._open.add(cursor)
        try:
            cursor.execute("USE upshot")  # a cursor does not inherit it
            yield cursor
        except duckdb.FatalException as error:
            if self.on_fatal is not None:
                self.on_fatal(str(error).splitlines()[0])
            raise
        except duckdb.Error as error:
            told = in_words(error)
            if told is None:
                raise
            raise told from error
        finally:
            cursor.close()
            with self._idle:
                self._open.discard(cursor)
                self._idle.notify_all()

    def close(self, *, fold: bool) -> bool:
        """Stop what runs and close the connection; False if that was done before.

        Args:
            fold: Move the write-ahead log into the file first.
        """
        with self._idle:
            if self._closed:
                return False
            self._closed = True
            for cursor in self._open:
                cursor.interrupt()
            self._idle.wait_for(lambda: not self._open, timeout=CLOSE_PATIENCE)
        if fold:
            with suppress(duckdb.Error):  # then the log stays, and is read at the next start
                self._root.execute("CHECKPOINT upshot")
        self._root.close()
        return True
