"""What a service calls."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import quote

from experiments_core.client.outbox import Outbox
from experiments_core.client.snapshot import Assignment, Snapshot
from experiments_core.client.wire import Wire


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
        self._wire, self._patience = Wire(url, key, timeout), patience
        self._snapshot = Snapshot(self._wire, snapshot_seconds) if decide_locally else None
        self._outbox = Outbox(
            self._wire, batch=batch, linger=linger, most_waiting=most_waiting,
            on_rejected=on_rejected,
        )  # fmt: skip

    @property
    def acknowledged(self) -> int:
        """Events that the server has taken."""
        return self._outbox.acknowledged

    @property
    def rejected(self) -> deque[tuple[dict[str, Any], dict[str, Any]]]:
        """The last events that the server refused, each with its problem."""
        return self._outbox.rejected

    # Arms ----------------------------------------------------------------------------------

    def assign(
        self, experiment: str, unit_id: str, attributes: Mapping[str, Any] | None = None
    ) -> Assignment:
        """Tell which arm a unit gets.

        Raises:
            RefusedError: there is no such experiment, or the key may not ask.
            UnreachableError: no answer within the patience.
        """
        known = None if self._snapshot is None else self._snapshot.get(experiment)
        if known is not None:
            return known.assign(unit_id, attributes)
        sent = _unit(unit_id, attributes)
        return _assignment(self._post(f"{_path(experiment)}/assign", sent))

    def assign_many(
        self, experiment: str, units: Sequence[str | tuple[str, Mapping[str, Any]]]
    ) -> dict[str, Assignment]:
        """The arms of up to 1 000 units in one request; units in error are left out."""
        pairs = [(unit, None) if isinstance(unit, str) else unit for unit in units]
        sent = {"units": [_unit(*pair) for pair in pairs], "experiments": [experiment]}
        results = self._post("/assign", sent)["results"]
        return {one["unit_id"]: _assignment(one) for one in results if "error" not in one}

    def change_traffic(
        self, experiment: str, weights_bp: Mapping[str, int], reason: str
    ) -> None:
        """Change the split of a running test, on the version that it has now.

        Raises:
            RefusedError: the split, the reason or the status does not allow it.
        """
        path = _path(experiment)
        version = self._wire.ask("GET", f"{path}/ramp", patience=self._patience).etag
        sent = {"weights_bp": dict(weights_bp), "reason": reason}
        self._post(f"{path}/traffic", sent, {"If-Match": version})

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
        more: dict[str, Any] = {"type": "exposure", "experiment": experiment}
        if variant is not None:
            more["variant"] = variant
        return self._report(unit_id, more, at, attributes, event_id)

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
        more: dict[str, Any] = {"type": "metric", "name": name}
        if value is not None:
            more["value"] = value
        return self._report(unit_id, more, at, attributes, event_id)

    def flush(self, timeout: float = 60.0) -> bool:
        """Wait until everything reported so far is acknowledged; tell whether it is."""
        return self._outbox.flush(timeout)

    def close(self, timeout: float = 60.0) -> bool:
        """Send what waits and stop; tell whether everything was acknowledged."""
        done = self._outbox.close(timeout)
        self._wire.close()
        return done

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _report(
        self,
        unit_id: str,
        more: Mapping[str, Any],
        at: datetime | None,
        attributes: Mapping[str, Any] | None,
        event_id: str | None,
    ) -> str:
        moment = (at or datetime.now(UTC)).astimezone(UTC)
        event = {
            "event_id": event_id or uuid.uuid4().hex,
            "unit_id": unit_id,
            "at": moment.isoformat().replace("+00:00", "Z"),
            **more,
        }
        if attributes:
            event["attributes"] = dict(attributes)
        self._outbox.put(event)
        return str(event["event_id"])

    def _post(self, path: str, sent: Any, headers: Mapping[str, str] | None = None) -> Any:
        return self._wire.ask("POST", path, sent, headers, patience=self._patience).body["data"]


def _path(experiment: str) -> str:
    return f"/experiments/{quote(experiment, safe='')}"


def _unit(unit_id: str, attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"unit_id": unit_id, "attributes": dict(attributes) if attributes else None}


def _assignment(answer: Mapping[str, Any]) -> Assignment:
    return Assignment(
        answer["variant"], answer["value"], answer["reason"], answer["in_experiment"]
    )
