"""The planned rises of the allocation."""

from __future__ import annotations

from typing import Annotated

from fastapi import Body as BodyIs
from pydantic import Field
from starlette.responses import Response

from experiments_core.api.answers import one
from experiments_core.api.call import The
from experiments_core.api.door import Door
from experiments_core.api.rules import Rule
from experiments_core.api.shapes import Answer, Body, Moment, One, moment
from experiments_core.domain.access import Permission
from experiments_core.domain.experiment import Experiment, RampStep
from experiments_core.services import experiments, ramping

door = Door("Assignment")


class RampStepBody(Body):
    """One rise of the allocation."""

    at: Moment
    allocation_bp: Annotated[int, Field(ge=1, le=10_000)]


class RampStepAnswer(Answer):
    """One rise of the allocation."""

    at: str
    allocation_bp: int


Ramp = list[RampStepAnswer]


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


def _ramp(experiment: Experiment) -> Response:
    steps = [
        {"at": moment(step.at), "allocation_bp": step.allocation_bp} for step in experiment.ramp
    ]
    return one(steps, version=experiment.version)
