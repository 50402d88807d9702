"""Which arm does this unit get? One unit, many, by hand, by list, or decided by the client."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import Body as BodyIs
from fastapi import Header
from pydantic import Field
from starlette.responses import Response

from experiments_core.api.answers import listed, nothing, one, raw
from experiments_core.api.call import Call, Page, The
from experiments_core.api.door import Door
from experiments_core.api.envelope import error_body
from experiments_core.api.rules import Rule
from experiments_core.api.shapes import Answer as Shape
from experiments_core.api.shapes import Body, Many, Moment, One, moment
from experiments_core.domain.access import Permission
from experiments_core.domain.experiment import Experiment, RampStep
from experiments_core.services import assigning, experiments, participants, ramping, snapshots
from experiments_core.services.assigning import Answer
from experiments_core.services.assignment_audit import audit_assignment
from experiments_core.services.participants import Participant

door = Door("Assignment")

MOST_NAMED = 1_000
"""Units that an audit names in each of its lists."""

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


class AssignmentAnswer(Shape):
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


class SeveralAnswers(Shape):
    """Answers in the order of units, then experiments; each may be an error."""

    results: list[dict[str, Any]]


class SnapshotAnswer(Shape):
    """Running experiments, for clients that decide by themselves."""

    experiments: list[dict[str, Any]]


class ParticipantsBody(Body):
    """A batch of named units."""

    unit_ids: Annotated[list[str], Field(min_length=1, max_length=20_000)]


class ParticipantAnswer(Shape):
    """A named unit with its arm."""

    unit_id: str
    variant: str
    batch: int
    added_at: str


class ParticipantsAnswer(Shape):
    """Every named unit with its arm."""

    participants: list[ParticipantAnswer]


class OverrideBody(Body):
    """The arm that a tester gets."""

    variant: str


class OverrideAnswer(Shape):
    """The arm that a tester gets."""

    unit_id: str
    variant: str


class RampStepBody(Body):
    """One rise of the allocation."""

    at: Moment
    allocation_bp: Annotated[int, Field(ge=1, le=10_000)]


class RampStepAnswer(Shape):
    """One rise of the allocation."""

    at: str
    allocation_bp: int


Ramp = list[RampStepAnswer]


class ServedUnit(Body):
    """A unit and the arm that it got elsewhere."""

    unit_id: Annotated[str, Field(min_length=1, max_length=256)]
    variant: Annotated[str, Field(min_length=1, max_length=100)]


class AuditBody(Body):
    """Who got what from another system, and what is known of its settings."""

    units: Annotated[list[ServedUnit], Field(min_length=1, max_length=50_000)]
    seeds: Annotated[list[str], Field(max_length=20, default_factory=list)]
    weights_bp: dict[str, Annotated[int, Field(ge=0, le=10_000)]] | None = None
    holdout_bp: Annotated[int, Field(ge=0, le=9_999)] = 0
    allocation_bp: Annotated[int, Field(ge=1, le=10_000)] = 10_000


class AuditAnswer(Shape):
    """The hashes that fit best, and whom none explains."""

    units: int
    finding: str
    fits: list[dict[str, Any]]
    known: int
    served_otherwise: list[dict[str, Any]]
    flips: list[dict[str, Any]]


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
    "/experiments/{experiment}/overrides/{unit}",
    Rule(permission=Permission.EDIT, answer=One[OverrideAnswer], errors=(409,)),
)
def set_override(call: The, experiment: str, unit: str, body: OverrideBody) -> Response:
    """Give a tester an arm; the unit is left out of the analysis."""
    participants.set_override(call.ws, call.actor, experiment, unit, body.variant)
    return one({"unit_id": unit.strip(), "variant": body.variant})


@door.delete(
    "/experiments/{experiment}/overrides/{unit}",
    Rule(permission=Permission.EDIT, status=204, errors=(409,)),
)
def remove_override(call: The, experiment: str, unit: str) -> Response:
    """Take an override back."""
    participants.set_override(call.ws, call.actor, experiment, unit, None)
    return nothing()


@door.get(
    "/experiments/{experiment}/ramp",
    Rule(permission=Permission.READ, answer=One[Ramp]),
)
def get_ramp(call: The, experiment: str) -> Response:
    """The planned rises of the allocation."""
    return _ramp(experiments.get_experiment(call.ws, call.actor, experiment))


@door.put(
    "/experiments/{experiment}/ramp",
    Rule(
        permission=Permission.EDIT,
        answer=One[Ramp],
        version=True,
        errors=(409,),
    ),
)
def set_ramp(
    call: The,
    experiment: str,
    body: Annotated[list[RampStepBody], BodyIs(max_length=20)],
) -> Response:
    """Plan the rises of the allocation; an empty list plans none."""
    steps = [RampStep(step.at, step.allocation_bp) for step in body]
    version = call.version()
    return _ramp(ramping.set_ramp(call.ws, call.actor, experiment, steps, version=version))


@door.post(
    "/experiments/{experiment}/assignment-audit",
    Rule(permission=Permission.RESULTS, rate="compute", answer=One[AuditAnswer]),
)
def audit(call: The, experiment: str, body: AuditBody) -> Response:
    """Find the hash that explains who got what, and who was served something else."""
    report = audit_assignment(
        call.ws,
        call.actor,
        experiment,
        {unit.unit_id: unit.variant for unit in body.units},
        seeds=body.seeds,
        weights_bp=body.weights_bp,
        holdout_bp=body.holdout_bp,
        allocation_bp=body.allocation_bp,
    )
    return one({
        "units": report.units,
        "finding": report.sentence,
        "fits": [
            {
                "method": fit.method,
                "settings": fit.settings,
                "agreement": fit.agreement,
                "by_chance": fit.by_chance,
                "explains": fit.explains,
                "moved": [
                    {"unit_id": unit, "served": arm, "expected": given}
                    for unit, arm, given in fit.moved[:MOST_NAMED]
                ],
            }
            for fit in report.fits
        ],
        "known": report.known,
        "served_otherwise": [
            {"unit_id": unit, "served": arm, "assigned": given}
            for unit, arm, given in report.otherwise[:MOST_NAMED]
        ],
        "flips": [asdict(flip) for flip in report.flips[:MOST_NAMED]],
    })  # fmt: skip


def _answer(answer: Answer, call: Call) -> dict[str, Any]:
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


def _participant(who: Participant) -> dict[str, Any]:
    return {
        "unit_id": who.unit_id,
        "variant": who.variant,
        "batch": who.batch,
        "added_at": moment(who.added_at),
    }


def _ramp(experiment: Experiment) -> Response:
    steps = [
        {"at": moment(step.at), "allocation_bp": step.allocation_bp} for step in experiment.ramp
    ]
    return one(steps, version=experiment.version)
