"""Run one long statement, say how far it is, and stop it when somebody wants that."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from experiments_core.errors import BusyError, CancelledError

PAUSE = 0.1  # seconds between two looks at the progress
PROCESS_IO = Path("/proc/self/io")

Progress = Callable[[float, str], None]
"""Is told which fraction of the whole is done, and what is being done."""

Cancelled = Callable[[], bool]
"""Is asked now and then whether to stop."""


@dataclass(frozen=True, slots=True)
class Step:
    """A part of the whole, and how many bytes it has to read.

    Attributes:
        begin: Fraction of the whole at which it begins.
        end: Fraction at which it ends.
        size: Bytes; 0 when nobody knows.
    """

    begin: float
    end: float
    size: int = 0

    def at(self, done: int) -> float:
        """Fraction of the whole when so many bytes have been read."""
        share = min(1.0, done / self.size) if self.size else 0.0
        return self.begin + (self.end - self.begin) * share


@dataclass(frozen=True, slots=True)
class Watch:
    """Who wants to know how far it is, and who may stop it.

    Attributes:
        progress: Called with a fraction from 0 to 1 and what is being done, in the caller's
            thread.
        cancelled: Asked now and then; True stops the work.
    """

    progress: Progress | None = None
    cancelled: Cancelled | None = None

    def say(self, fraction: float, text: str) -> None:
        """Report, and stop when asked to.

        Raises:
            CancelledError: somebody stopped it.
        """
        if self.cancelled is not None and self.cancelled():
            raise CancelledError("The import was stopped; nothing was stored.")
        if self.progress is not None:
            self.progress(min(max(fraction, 0.0), 1.0), text)

    def run(self, cursor: duckdb.DuckDBPyConnection, sql: str, text: str, step: Step) -> None:
        """Execute one long statement.

        The engine tells no progress on a locked configuration, so it is taken from what the
        process has read since the statement began.

        Raises:
            CancelledError: somebody stopped it; the statement had no effect.
        """
        if self.progress is None and self.cancelled is None:
            cursor.execute(sql)
            return
        begun = _bytes_read()
        with ThreadPoolExecutor(1) as pool:
            task: Future[object] = pool.submit(cursor.execute, sql)
            try:
                while not wait((task,), PAUSE).done:
                    self.say(step.at(_bytes_read() - begun), text)
            except BaseException:
                cursor.interrupt()
                wait((task,))
                raise
        task.result()
        self.say(step.end, text)


SILENT = Watch()


@contextmanager
def time_limit(cursor: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    """Interrupt whatever a cursor does after so many seconds, and say so.

    Raises:
        BusyError: the time was up; the statement that ran then had no effect.
    """
    done, barked = threading.Event(), threading.Event()

    def guard() -> None:
        if done.wait(seconds):
            return
        barked.set()
        cursor.interrupt()
        while not done.wait(PAUSE):  # an interrupt between two statements reaches neither
            cursor.interrupt()

    late = BusyError(
        f"Reading took longer than {seconds:g} seconds, so it was stopped; nothing was stored.",
        code="IMPORT_TOO_SLOW",
        hint="Import fewer rows or columns at a time, or raise UPSHOT_IMPORT_SECONDS.",
    )
    dog = threading.Thread(target=guard, name="import-watchdog", daemon=True)
    dog.start()
    try:
        yield
    except duckdb.InterruptException as error:
        if not barked.is_set():
            raise
        raise late from error
    finally:
        done.set()
        dog.join()
    if barked.is_set():  # the last statement was faster than the interrupt
        raise late


def _bytes_read() -> int:
    """Bytes that this process has read so far; 0 where the system does not tell."""
    try:
        return int(PROCESS_IO.read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return 0
