"""Run one long statement, say how far it is, and stop it when somebody wants that."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import duckdb

from experiments_core.errors import CancelledError

PAUSE = 0.1  # seconds between two looks at the progress


@dataclass(frozen=True, slots=True)
class Watch:
    """Who wants to know how far it is, and who may stop it.

    Attributes:
        progress: Called with a fraction from 0 to 1 and what is being done, in the caller's
            thread.
        cancelled: Asked now and then; True stops the work.
    """

    progress: Callable[[float, str], None] | None = None
    cancelled: Callable[[], bool] | None = None

    def say(self, fraction: float, text: str) -> None:
        """Report, and stop when asked to.

        Raises:
            CancelledError: somebody stopped it.
        """
        if self.cancelled is not None and self.cancelled():
            raise CancelledError("The import was stopped; nothing was stored.")
        if self.progress is not None:
            self.progress(min(max(fraction, 0.0), 1.0), text)

    def run(
        self, cursor: duckdb.DuckDBPyConnection, sql: str, text: str, begin: float, end: float
    ) -> None:
        """Execute a statement that takes the progress from ``begin`` to ``end``.

        Raises:
            CancelledError: somebody stopped it; the statement had no effect.
        """
        if self.progress is None and self.cancelled is None:
            cursor.execute(sql)
            return
        with ThreadPoolExecutor(1) as pool:
            task: Future[object] = pool.submit(cursor.execute, sql)
            try:
                while not wait((task,), PAUSE).done:
                    done = max(0.0, cursor.query_progress()) / 100
                    self.say(begin + (end - begin) * done, text)
            except BaseException:
                cursor.interrupt()
                wait((task,))
                raise
        task.result()
        self.say(end, text)


SILENT = Watch()
