"""Units with a name: those of a listed test, and testers who are given an arm."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from starlette.responses import Response

from experiments_core.api.answers import listed, nothing, one
from experiments_core.api.call import Page, The
from experiments_core.api.door import Door
from experiments_core.api.rules import Rule
from experiments_core.api.shapes import Answer, Body, Many, One, moment
from experiments_core.domain.access import Permission
from experiments_core.services import participants
from experiments_core.services.participants import Participant

door = Door("Assignment")


class ParticipantsBody(Body):
    """A batch of named units."""

    unit_ids: Annotated[list[str], Field(min_length=1, max_length=20_000)]


class ParticipantAnswer(Answer):
    """A named unit with its arm."""

    unit_id: str
    variant: str
    batch: int
    added_at: str


class ParticipantsAnswer(Answer):
    """Every named unit with its arm."""

    participants: list[ParticipantAnswer]


class OverrideBody(Body):
    """The arm that a tester gets."""

    variant: str


class OverrideAnswer(Answer):
    """The arm that a tester gets."""

    unit_id: str
    variant: str


@door.get(
    "/experiments/{experiment}/participants",
    Rule(permission=Permission.READ, answer=Many[ParticipantAnswer]),
)
def list_participants(call: The, experiment: str, page: Page) -> Response:
    """The named units of a listed test with their arms, by batch."""
    found = participants.participants(call.ws, call.actor, experiment)
    found.sort(key=lambda who: (who.batch, who.unit_id))
    return listed(
        call.request_id, found, page, lambda who: (who.batch, who.unit_id), _participant
    )


@door.post(
    "/experiments/{experiment}/participants",
    Rule(permission=Permission.EDIT, answer=One[ParticipantsAnswer], together=False),
)
def add_participants(call: The, experiment: str, body: ParticipantsBody) -> Response:
    """Name a batch of units; it is cut at the weights on its own."""
    found = participants.add_participants(call.ws, call.actor, experiment, body.unit_ids)
    return one({"participants": [_participant(who) for who in found]})


@door.put(
    "/experiments/{experiment}/overrides/{unit:path}",
    Rule(permission=Permission.EDIT, answer=One[OverrideAnswer], errors=(409,)),
)
def set_override(call: The, experiment: str, unit: str, body: OverrideBody) -> Response:
    """Give a tester an arm; the unit is left out of the analysis."""
    participants.set_override(call.ws, call.actor, experiment, unit, body.variant)
    return one({"unit_id": unit.strip(), "variant": body.variant})


@door.delete(
    "/experiments/{experiment}/overrides/{unit:path}",
    Rule(permission=Permission.EDIT, status=204, errors=(409,)),
)
def remove_override(call: The, experiment: str, unit: str) -> Response:
    """Take an override back."""
    participants.set_override(call.ws, call.actor, experiment, unit, None)
    return nothing()


def _participant(who: Participant) -> dict[str, Any]:
    return {
        "unit_id": who.unit_id,
        "variant": who.variant,
        "batch": who.batch,
        "added_at": moment(who.added_at),
    }
