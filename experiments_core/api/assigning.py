"""Which arm does this unit get? One unit, many, or decided by the client."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any

from fastapi import Header
from pydantic import Field
from starlette.responses import Response

from experiments_core.api.answers import one, raw
from experiments_core.api.call import Call, The
from experiments_core.api.door import Door
from experiments_core.api.envelope import error_body
from experiments_core.api.rules import Rule
from experiments_core.api.shapes import Answer, Body, One, moment
from experiments_core.domain.access import Permission
from experiments_core.services import assigning, snapshots

door = Door("Assignment")

Attributes = dict[str, Any]


class AssignBody(Body):
    """One unit."""

    unit_id: str
    attributes: Attributes | None = None
    dry_run: bool = False


class AssignUnit(Body):
    """One of many units."""

    unit_id: str
    attributes: Attributes | None = None


class AssignManyBody(Body):
    """Many units, in some experiments or in every running one."""

    units: Annotated[
        list[AssignUnit], Field(json_schema_extra={"maxItems": assigning.MOST_UNITS})
    ]
    experiments: Annotated[list[str], Field(max_length=100, default_factory=list)]


class AssignmentAnswer(Answer):
    """What a unit gets."""

    unit_id: str
    experiment: str
    variant: str | None
    value: Any
    reason: str
    source: str | None
    phase: int | None
    assigned_at: str | None
    in_experiment: bool


class SeveralAnswers(Answer):
    """Answers in the order of units, then experiments; each may be an error."""

    results: list[dict[str, Any]]


class SnapshotAnswer(Answer):
    """Running experiments, for clients that decide by themselves."""

    experiments: list[dict[str, Any]]


@door.post(
    "/experiments/{experiment}/assign",
    Rule(permission=Permission.ASSIGN, rate="assign", answer=One[AssignmentAnswer],
         together=False),
)  # fmt: skip
def assign(call: The, experiment: str, body: AssignBody) -> Response:
    """Tell which arm a unit gets; a new assignment is durable before the answer."""
    found = assigning.assign(
        call.ws, call.actor, experiment, body.unit_id, body.attributes, dry_run=body.dry_run
    )
    return one(_answer(found, call))


@door.post(
    "/assign",
    Rule(permission=Permission.ASSIGN, rate="assign", answer=One[SeveralAnswers],
         together=False),
)  # fmt: skip
def assign_many(call: The, body: AssignManyBody) -> Response:
    """Answer for up to 1 000 units at once."""
    call.spend(len(body.units) - 1)
    found = assigning.assign_many(
        call.ws,
        call.actor,
        [(unit.unit_id, unit.attributes) for unit in body.units],
        body.experiments,
    )
    return one({"results": [_answer(answer, call) for answer in found]})


@door.get(
    "/snapshot",
    Rule(permission=Permission.ASSIGN, answer=One[SnapshotAnswer], unchanged=True),
)
def snapshot(
    call: The, if_none_match: Annotated[str | None, Header(max_length=100)] = None
) -> Response:
    """Every running experiment, for clients that decide by themselves where they may."""
    found = snapshots.snapshot(call.ws, call.actor)
    text = json.dumps(found, sort_keys=True, ensure_ascii=False)
    etag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    if if_none_match == etag:
        return Response(status_code=304, headers={"ETag": etag})
    return raw({"data": {"experiments": found}}, headers={"ETag": etag})


def _answer(answer: assigning.Answer, call: Call) -> dict[str, Any]:
    known: dict[str, Any] = {"unit_id": answer.unit_id, "experiment": answer.experiment}
    if answer.error is not None:
        return known | {"error": error_body(answer.error, call.request_id)}
    return known | {
        "variant": answer.variant,
        "value": answer.value,
        "reason": answer.reason,
        "source": answer.source,
        "phase": answer.phase,
        "assigned_at": moment(answer.assigned_at),
        "in_experiment": answer.in_experiment,
    }
