"""What was read from one state of the file, kept for other readers of the same state."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Any

MOST = 500
"""Values kept at a time; then it begins afresh."""
STEADY = frozenset({"experiment", "experiments"})
"""First words of names whose values come of definitions alone: events do not change them."""


class Kept:
    """Values that hold until something is committed.

    States are numbered: even while the file stands still, odd while a commit is under way. A
    transaction that found the same even number before it began and after it had seen the file
    sees that very state; only such a reader may take a value or leave one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._state = 0
        self._values: dict[Hashable, Any] = {}

    def state(self) -> int | None:
        """The number of the state as it stands; None while a commit is under way."""
        state = self._state
        return None if state % 2 else state

    @contextmanager
    def committing(self, *, log_only: bool = False) -> Iterator[None]:
        """Around a commit, whether it succeeds or not: nothing kept before holds after it.

        Args:
            log_only: It writes no definitions, so what is steady holds.
        """
        with self._lock:
            self._state += 1
        try:
            yield
        finally:
            with self._lock:
                self._state += 1
                self._values = {
                    name: value
                    for name, value in self._values.items()
                    if log_only and isinstance(name, tuple) and name[0] in STEADY
                }

    def here(self, name: Hashable) -> tuple[bool, Any]:
        """Whether a value of this name is kept of the state as it stands, and the value."""
        with self._lock:
            return name in self._values and self._state % 2 == 0, self._values.get(name)

    def of(self, state: int, name: Hashable) -> tuple[bool, Any]:
        """Whether a value of this name is kept of this state, and the value."""
        with self._lock:
            return state == self._state and name in self._values, self._values.get(name)

    def keep(self, state: int, name: Hashable, value: Any) -> None:
        """Keep what a reader of this state has read, if nothing was committed since.

        Args:
            state: The number that stood before the reader's transaction began; if it still
                stands after the value was read, the transaction has seen that very state.
            name: Says all that the value depends on besides the file.
            value: Must never be changed.
        """
        with self._lock:
            if state == self._state:
                if len(self._values) >= MOST:
                    self._values.clear()
                self._values[name] = value
