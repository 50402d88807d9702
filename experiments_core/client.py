"""A small client for services: ask for arms, report exposures and events.

Standard library and the domain's rules only, so importing it is cheap. Events go out in
batches by a thread of their own and are sent again until the server has acknowledged them;
each has an id, so a retry never counts twice.

::

    with Client("http://127.0.0.1:8501", key) as upshot:
        arm = upshot.assign("checkout", "user-1", {"country": "DE"})
        upshot.expose("checkout", "user-1", variant=arm.variant)
        upshot.track("user-1", "paid", 19.90)
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from itertools import accumulate
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

from experiments_core.domain.assignment import Decision, ProjectRules, Reason, Rules
from experiments_core.domain.experiment import NamespaceSlot
from experiments_core.domain.targeting import compile_targeting
from experiments_core.errors import BusyError, InvalidInputError, UpshotError

RETRY = frozenset({408, 429, 500, 502, 503, 504})
FIRST_WAIT, LONGEST_WAIT = 0.1, 5.0  # seconds between two tries
MOST_KEPT = 1_000  # rejected events that are remembered


class RefusedError(UpshotError):
    """The server answered, and the answer is no."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        error = body.get("error") or {}
        super().__init__(
            str(error.get("message") or f"The server answered {status}."),
            code=str(error.get("code") or status),
            hint=str(error.get("hint") or ""),
        )
        self.status = status


class UnreachableError(UpshotError):
    """The server did not answer in time."""

    code = "UNREACHABLE"


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a unit gets.

    Attributes:
        variant: Key of the arm; None for the fallback.
        value: What to serve.
        reason: The rule that answered.
        local: Decided here, without asking the server.
    """

    variant: str | None
    value: Any
    reason: str
    in_experiment: bool
    local: bool = False


@dataclass(frozen=True, slots=True)
class _Local:
    """A running experiment as the snapshot tells it."""

    rules: Rules
    overrides: Mapping[str, str]
    values: Mapping[str, Any]
    fallback: Any


class Client:
    """Talks to one Upshot server; may be used by many threads.

    Args:
        url: Address of the server, without a path.
        key: An API key with the scopes ``assign`` and ``events:write``.
        timeout: Seconds that one request may take.
        patience: Seconds that an assignment is tried again before it is given up.
        decide_locally: Decide by the downloaded snapshot where the server says that this gives
            every unit its arm; ask otherwise.
        snapshot_seconds: How old the snapshot may be.
        batch: Most events in one request.
        linger: Seconds that an event waits for others.
        most_waiting: Events that may wait to be sent.
        on_rejected: Called with (event, problem) for each event that the server refused.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        timeout: float = 10.0,
        patience: float = 30.0,
        decide_locally: bool = False,
        snapshot_seconds: float = 10.0,
        batch: int = 1_000,
        linger: float = 0.2,
        most_waiting: int = 1_000_000,
        on_rejected: Callable[[dict[str, Any], dict[str, Any]], None] | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise InvalidInputError(
                f"The address is “{url}”; it looks like http://127.0.0.1:8501."
            )
        self._make = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._host, self._port = parts.hostname, parts.port
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._timeout, self._patience = timeout, patience
        self._decide_locally, self._fresh_for = decide_locally, snapshot_seconds
        self._batch, self._linger, self._most = batch, linger, most_waiting
        self._on_rejected = on_rejected
        self._own = threading.local()
        self._connections: set[HTTPConnection] = set()
        self._snapshot: dict[str, _Local] = {}
        self._etag, self._asked = "", float("-inf")
        self._lock = threading.Lock()  # of the connections
        self._reading = threading.Lock()  # of the snapshot
        self._events: deque[dict[str, Any]] = deque()
        self._news = threading.Condition()
        self._unsent = 0
        self._closed = False
        self._sender: threading.Thread | None = None
        self.rejected: deque[tuple[dict[str, Any], dict[str, Any]]] = deque(maxlen=MOST_KEPT)
        self.acknowledged = 0

    # Arms ----------------------------------------------------------------------------------

    def assign(
        self, experiment: str, unit_id: str, attributes: Mapping[str, Any] | None = None
    ) -> Assignment:
        """Tell which arm a unit gets.

        Raises:
            RefusedError: there is no such experiment, or the key may not ask.
            UnreachableError: no answer within the patience.
        """
        known = self._known(experiment) if self._decide_locally else None
        if known is not None:
            override = known.overrides.get(unit_id)
            decision = known.rules.decide(unit_id, attributes, override=override)
            variant = decision.variant
            value = known.fallback if variant is None else known.values.get(variant)
            return Assignment(
                variant, value, decision.reason.value, decision.in_experiment, local=True
            )
        sent = {"unit_id": unit_id, "attributes": dict(attributes) if attributes else None}
        path = f"/experiments/{quote(experiment, safe='')}/assign"
        return _assignment(self._ask("POST", path, sent)["data"])

    def assign_many(
        self, experiment: str, units: Sequence[str | tuple[str, Mapping[str, Any]]]
    ) -> dict[str, Assignment]:
        """The arms of up to 1 000 units in one request; units in error are left out."""
        pairs = [(unit, None) if isinstance(unit, str) else unit for unit in units]
        listed = [
            {"unit_id": unit, "attributes": dict(found) if found else None}
            for unit, found in pairs
        ]
        sent = {"units": listed, "experiments": [experiment]}
        results = self._ask("POST", "/assign", sent)["data"]["results"]
        return {one["unit_id"]: _assignment(one) for one in results if "error" not in one}

    def change_traffic(
        self, experiment: str, weights_bp: Mapping[str, int], reason: str
    ) -> None:
        """Change the split of a running test, on the version that it has now.

        Raises:
            RefusedError: the split, the reason or the status does not allow it.
        """
        path = f"/experiments/{quote(experiment, safe='')}"
        self._ask("GET", f"{path}/ramp", None)
        sent = {"weights_bp": dict(weights_bp), "reason": reason}
        self._ask("POST", f"{path}/traffic", sent, {"If-Match": self._own.etag})

    # Events --------------------------------------------------------------------------------

    def expose(
        self,
        experiment: str,
        unit_id: str,
        *,
        variant: str | None = None,
        at: datetime | None = None,
        attributes: Mapping[str, Any] | None = None,
        event_id: str | None = None,
    ) -> str:
        """Report that a unit met its arm; gives the id of the event."""
        more: dict[str, Any] = {"experiment": experiment}
        if variant is not None:
            more["variant"] = variant
        return self._put("exposure", unit_id, more, at, attributes, event_id)

    def track(
        self,
        unit_id: str,
        name: str,
        value: float | None = None,
        *,
        at: datetime | None = None,
        attributes: Mapping[str, Any] | None = None,
        event_id: str | None = None,
    ) -> str:
        """Report what a unit did; gives the id of the event."""
        more: dict[str, Any] = {"name": name}
        if value is not None:
            more["value"] = value
        return self._put("metric", unit_id, more, at, attributes, event_id)

    def flush(self, timeout: float = 60.0) -> bool:
        """Wait until everything reported so far is acknowledged; tell whether it is."""
        with self._news:
            self._news.notify_all()
            return self._news.wait_for(lambda: self._unsent == 0, timeout)

    def close(self, timeout: float = 60.0) -> bool:
        """Send what waits and stop; tell whether everything was acknowledged."""
        done = self.flush(timeout)
        with self._news:
            self._closed = True
            self._news.notify_all()
        if self._sender is not None:
            self._sender.join(timeout)
        with self._lock:
            for connection in self._connections:
                connection.close()
            self._connections.clear()
        return done

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _put(  # noqa: PLR0917  what an event has
        self,
        kind: str,
        unit_id: str,
        more: dict[str, Any],
        at: datetime | None,
        attributes: Mapping[str, Any] | None,
        event_id: str | None,
    ) -> str:
        moment = (at or datetime.now(UTC)).astimezone(UTC)
        event = {
            "event_id": event_id or uuid.uuid4().hex,
            "type": kind,
            "unit_id": unit_id,
            "at": moment.isoformat().replace("+00:00", "Z"),
            **more,
        }
        if attributes:
            event["attributes"] = dict(attributes)
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
        return str(event["event_id"])

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
        wait = FIRST_WAIT
        while True:
            try:
                status, body, after = self._request("POST", "/events", {"events": batch})
            except (OSError, HTTPException, ValueError):
                status, body, after = 503, {}, 0.0
            if status not in RETRY:
                break
            if self._closed:
                return  # close() has told that not everything was acknowledged
            time.sleep(max(wait, after))
            wait = min(LONGEST_WAIT, wait * 2)
        told = body.get("data") or {}
        if status != 200:
            problem = {"rule": str((body.get("error") or {}).get("code") or status)}
            refused = [(event, problem) for event in batch]
        else:
            refused = [(batch[one["index"]], one) for one in told.get("rejected", ())]
        for event, problem in refused:
            self.rejected.append((event, problem))
            if self._on_rejected is not None:
                self._on_rejected(event, problem)
        with self._news:
            self.acknowledged += len(batch) - len(refused)
            self._unsent -= len(batch)
            self._news.notify_all()

    # Local decisions -----------------------------------------------------------------------

    def _known(self, experiment: str) -> _Local | None:
        with self._reading:
            if time.monotonic() - self._asked > self._fresh_for:
                self._refresh()
            return self._snapshot.get(experiment)

    def _refresh(self) -> None:
        """Fetch the snapshot; without an answer nothing is decided here."""
        headers = {"If-None-Match": self._etag} if self._etag else {}
        try:
            status, body, _ = self._request("GET", "/snapshot", None, headers)
        except (OSError, HTTPException, ValueError):
            self._snapshot, self._etag = {}, ""
            return
        self._asked = time.monotonic()
        if status == 200:
            found = body["data"]["experiments"]
            self._snapshot = {one["key"]: _local(one) for one in found if one["local"]}
            self._etag = self._own.etag
        elif status != 304:
            self._snapshot, self._etag = {}, ""

    # Requests ------------------------------------------------------------------------------

    def _ask(
        self,
        method: str,
        path: str,
        sent: Any,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Ask until there is an answer, within the patience."""
        wait, end = FIRST_WAIT, time.monotonic() + self._patience
        while True:
            try:
                status, body, after = self._request(method, path, sent, headers)
            except (OSError, HTTPException, ValueError) as error:
                status, body, after = 503, {"error": {"message": str(error)}}, 0.0
            if status < 300:
                return body
            if status not in RETRY:
                raise RefusedError(status, body)
            if time.monotonic() + max(wait, after) > end:
                told = (body.get("error") or {}).get("message") or f"status {status}"
                raise UnreachableError(f"No answer from {self._host}: {told}")
            time.sleep(max(wait, after))
            wait = min(LONGEST_WAIT, wait * 2)

    def _request(
        self, method: str, path: str, sent: Any, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any], float]:
        """One request: status, body, and seconds after which to come back."""
        connection = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._make(self._host, self._port, timeout=self._timeout)
            self._own.connection = connection
            with self._lock:
                self._connections.add(connection)
        content = None if sent is None else json.dumps(sent, allow_nan=False).encode()
        try:
            connection.request(
                method, f"/api/v1{path}", content, self._headers | dict(headers or {})
            )
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, HTTPException):
            connection.close()
            self._own.connection = None
            with self._lock:
                self._connections.discard(connection)
            raise
        self._own.etag = answer.getheader("ETag") or ""
        after = answer.getheader("Retry-After") or ""
        body = json.loads(text) if text else {}
        return answer.status, body, float(after) if after.isdecimal() else 0.0


def _assignment(answer: Mapping[str, Any]) -> Assignment:
    return Assignment(
        answer["variant"], answer["value"], answer["reason"], answer["in_experiment"]
    )


def _local(found: Mapping[str, Any]) -> _Local:
    """Rules out of a snapshot: the same code that the server runs."""
    arms = [variant["key"] for variant in found["variants"]]
    slot = found["namespace"]
    rules = Rules(
        place="running",
        mode="hash",
        method=found["hash_method"],
        seed=found["hash_seed"],
        arms=tuple(arms),
        ends=tuple(accumulate(variant["weight_bp"] for variant in found["variants"])),
        allocation_bp=found["allocation_bp"],
        holdout_bp=found["holdout_bp"],
        targeting=compile_targeting(found["targeting"]),
        namespace=NamespaceSlot(**slot) if slot else None,
        project=ProjectRules(**found["project"]),
        decisions=tuple(Decision(arm, Reason.ASSIGNED, is_new=True) for arm in arms),
    )
    values = {variant["key"]: variant["value"] for variant in found["variants"]}
    return _Local(rules, found["overrides"], values, found["fallback"])
