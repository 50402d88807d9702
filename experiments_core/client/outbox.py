"""Events on their way: a queue and the thread that empties it, batch by batch."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from experiments_core.client.wire import RETRY, Reply, Wire, encoded, waits
from experiments_core.errors import BusyError

MOST_KEPT = 1_000  # rejected events that are remembered


class Outbox:
    """Events that wait for their acknowledgement.

    Args:
        wire: The way to the server.
        batch: Most events in one request.
        linger: Seconds that an event waits for others.
        most_waiting: Events that may wait to be sent.
        on_rejected: Called with (event, problem) for each event that the server refused.

    Attributes:
        rejected: The last events that were refused, with their problems.
        acknowledged: How many events the server has taken.
    """

    def __init__(
        self,
        wire: Wire,
        *,
        batch: int,
        linger: float,
        most_waiting: int,
        on_rejected: Callable[[dict[str, Any], dict[str, Any]], None] | None,
    ) -> None:
        self._wire, self._on_rejected = wire, on_rejected
        self._batch, self._linger, self._most = batch, linger, most_waiting
        self._events: deque[dict[str, Any]] = deque()
        self._news = threading.Condition()
        self._unsent = 0
        self._closed = False
        self._sender: threading.Thread | None = None
        self.rejected: deque[tuple[dict[str, Any], dict[str, Any]]] = deque(maxlen=MOST_KEPT)
        self.acknowledged = 0

    def put(self, event: dict[str, Any]) -> None:
        """Take an event.

        Raises:
            BusyError: the client is closed, or too many wait.
            InvalidInputError: the event cannot be written as JSON.
        """
        encoded(event)  # one that cannot be sent would hold up all behind it
        with self._news:
            if self._closed:
                raise BusyError("This client is closed.", hint="Make a new one.")
            if self._unsent >= self._most:
                raise BusyError(f"{self._unsent} events wait to be sent.", hint="Flush.")
            self._events.append(event)
            self._unsent += 1
            if self._sender is None:
                self._sender = threading.Thread(target=self._send, daemon=True)
                self._sender.start()
            if len(self._events) >= self._batch:
                self._news.notify_all()

    def flush(self, timeout: float) -> bool:
        """Wait until everything is acknowledged or refused; tell whether it is."""
        with self._news:
            self._news.notify_all()
            return self._news.wait_for(lambda: self._unsent == 0, timeout)

    def close(self, timeout: float) -> bool:
        """Send what waits and stop; tell whether everything was acknowledged."""
        done = self.flush(timeout)
        with self._news:
            self._closed = True
            self._news.notify_all()
        if self._sender is not None:
            self._sender.join(timeout)
        return done

    def _send(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._closed or self._events, None)
                if not self._events:
                    return
                if len(self._events) < self._batch and not self._closed:
                    self._news.wait(self._linger)
                several = min(self._batch, len(self._events))
                batch = [self._events.popleft() for _ in range(several)]
            self._deliver(batch)

    def _deliver(self, batch: list[dict[str, Any]]) -> None:
        """Send until it is acknowledged or refused for good."""
        pauses = waits()
        while True:
            reply = self._wire.request("POST", "/events", {"events": batch})
            if reply.status not in RETRY:
                self._settle(batch, reply)
                return
            if self._closed:
                return  # close() has told that not everything was acknowledged
            time.sleep(max(next(pauses), reply.after))

    def _settle(self, batch: list[dict[str, Any]], reply: Reply) -> None:
        if reply.status != 200:
            error = reply.body.get("error") or {}
            problem = {"rule": str(error.get("code") or reply.status)}
            refused = [(event, problem) for event in batch]
        else:
            told = reply.body.get("data") or {}
            refused = [(batch[one["index"]], one) for one in told.get("rejected", ())]
        for event, problem in refused:
            self.rejected.append((event, problem))
            if self._on_rejected is not None:
                self._on_rejected(event, problem)
        with self._news:
            self.acknowledged += len(batch) - len(refused)
            self._unsent -= len(batch)
            self._news.notify_all()
