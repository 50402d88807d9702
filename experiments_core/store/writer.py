"""The one writing thread: what waits goes into one commit, and is answered after it.

Jobs that write the same kind of thing are handed to their handler together, so that a hundred
waiting batches cost one look for known ids, one insert and one flush to disk. There are no
savepoints: when a group fails, each job is tried in a transaction of its own, so a bad batch
harms only itself. A failed commit may have been one, so every job has to be safe to repeat.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from typing import Any

from experiments_core.errors import BusyError
from experiments_core.store.database import Database

MOST_WAITING = 200_000
"""Rows that may wait; beyond this a caller is told to come back."""
MOST_TOGETHER = 50_000
"""Rows that go into one commit."""
PATIENCE = 30.0  # seconds that a caller waits for the disk
STOP_PATIENCE = 30.0

Handler = Callable[[Any, Sequence[Any]], Sequence[Any]]
"""Writes some jobs with a cursor inside a transaction; answers each, in order.

It touches no definitions, since what was read of experiments is kept over its commit.
"""


@dataclass(eq=False, slots=True)
class _Job:
    handler: Handler
    payload: Any
    rows: int
    answer: Future[Any] = field(default_factory=Future)


class Writer:
    """Takes jobs from any thread and writes them, many in one commit.

    Attributes:
        patience: Seconds that :meth:`write` waits.
    """

    def __init__(self, db: Database, *, most_waiting: int = MOST_WAITING) -> None:
        self.patience = PATIENCE
        self._db = db
        self._most = most_waiting
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._waiting = 0
        self._thread: threading.Thread | None = None
        self._closed = False

    def submit(self, handler: Handler, payload: Any, *, rows: int = 1) -> Future[Any]:
        """Queue a job; its future has the answer once it is on disk.

        Args:
            handler: Writes jobs of this kind; must be safe to repeat.
            payload: What to write.
            rows: How many rows it is, for the bound of the queue.

        Raises:
            BusyError: too much is waiting, or the workspace is closing.
        """
        job = _Job(handler, payload, max(1, rows))
        with self._lock:
            if self._closed:
                raise BusyError("This workspace is closing.", hint="Try again in a moment.")
            if self._waiting and self._waiting + job.rows > self._most:
                raise BusyError(
                    f"{self._waiting} rows are waiting to be written.",
                    hint="Nothing of this call was stored; send it again in a second.",
                )
            self._waiting += job.rows
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="upshot-writer", daemon=True
                )
                self._thread.start()
            self._jobs.put(job)
        return job.answer

    def write(self, handler: Handler, payload: Any, *, rows: int = 1) -> Any:
        """The same, and wait until it is on disk.

        Raises:
            BusyError: too much is waiting, the workspace is closing, or it takes too long; in
                that case it may still be written, and sending it again is safe.
        """
        try:
            return self.submit(handler, payload, rows=rows).result(self.patience)
        except FutureTimeout:
            raise BusyError(
                "Writing takes too long; something else is being written.",
                hint="Send it again in a second; what was stored already is not counted twice.",
            ) from None

    def close(self) -> None:
        """Write what waits, then stop."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            thread = self._thread
            self._jobs.put(None)
        if thread is not None:
            thread.join(STOP_PATIENCE)

    def _run(self) -> None:
        while (first := self._jobs.get()) is not None:
            group, is_last = self._gather(first)
            self._commit(group)
            if is_last:
                return

    def _gather(self, first: _Job) -> tuple[list[_Job], bool]:
        """The first job and what waits behind it; whether the end came after them."""
        group, rows = [first], first.rows
        while rows < MOST_TOGETHER:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                return group, True
            group.append(job)
            rows += job.rows
        return group, False

    def _commit(self, group: list[_Job]) -> None:
        try:
            with self._db.write(log_only=True) as cursor:
                answers = _apply(cursor, group)
        except BaseException as error:  # noqa: BLE001  the caller waits for it
            if len(group) > 1:
                for job in group:
                    self._commit([job])
                return
            self._done(group)
            group[0].answer.set_exception(error)
            return
        self._done(group)
        for job, answer in zip(group, answers, strict=True):
            job.answer.set_result(answer)

    def _done(self, group: list[_Job]) -> None:
        with self._lock:
            self._waiting -= sum(job.rows for job in group)


def _apply(cursor: Any, group: list[_Job]) -> list[Any]:
    """Hand jobs of one handler to it together; answers in the order of the group."""
    answers: list[Any] = [None] * len(group)
    by_handler: dict[Handler, list[int]] = {}
    for place, job in enumerate(group):
        by_handler.setdefault(job.handler, []).append(place)
    for handler, places in by_handler.items():
        given = handler(cursor, [group[place].payload for place in places])
        for place, answer in zip(places, given, strict=True):
            answers[place] = answer
    return answers
