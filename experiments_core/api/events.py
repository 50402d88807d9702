"""Exposures and events, in batches that may be sent again."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from starlette.responses import Response

from experiments_core.api.answers import one
from experiments_core.api.call import The
from experiments_core.api.door import Door
from experiments_core.api.envelope import plain
from experiments_core.api.rules import Rule
from experiments_core.api.shapes import Answer, Body, One
from experiments_core.domain.access import Permission
from experiments_core.services.events import receive_events

door = Door("Events")


class EventsBody(Body):
    """A batch. Each event is checked on its own, so one bad event harms only itself.

    An event is {event_id, type: exposure | metric, unit_id, name, experiment, variant, at,
    value, attributes}; an exposure needs experiment, a metric event needs name.
    """

    events: list[dict[str, Any]]


class RejectedAnswer(Answer):
    """An event that was not taken."""

    index: int
    field: str
    value: Any
    rule: str
    message: str


class EventsAnswer(Answer):
    """What became of a batch; what was accepted is on disk."""

    accepted: int
    duplicates: int
    rejected: list[RejectedAnswer]


@door.post(
    "/events",
    Rule(permission=Permission.EVENTS, rate="events", answer=One[EventsAnswer],
         together=False),
)  # fmt: skip
def send_events(
    call: The,
    body: EventsBody,
    atomic: Annotated[bool, Query(description="All or none.")] = False,  # noqa: FBT002  a query parameter
) -> Response:
    """Store up to 10 000 exposures and events; ids known from before cost nothing."""
    call.spend(len(body.events) - 1)
    receipt = receive_events(call.ws, call.actor, body.events, atomic=atomic)
    rejected = [
        {
            "index": one.index,
            "field": one.problem.field,
            "value": plain(one.problem.value),
            "rule": one.problem.rule,
            "message": one.problem.message,
        }
        for one in receipt.rejected
    ]
    return one(
        {"accepted": receipt.accepted, "duplicates": receipt.duplicates, "rejected": rejected}
    )
