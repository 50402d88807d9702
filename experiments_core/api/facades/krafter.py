"""Krafter: experiments on a feature flag, with integer percentages and conversion counters."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field
from starlette.responses import Response

from experiments_core.api import answers
from experiments_core.api.call import Call, The
from experiments_core.api.door import Door
from experiments_core.api.facades import common
from experiments_core.api.rules import Rule
from experiments_core.api.shapes import Body, One
from experiments_core.domain.access import Permission
from experiments_core.domain.experiment import Experiment, ExperimentDraft, VariantDraft
from experiments_core.domain.lifecycle import Status, Verb, invalid_transition
from experiments_core.domain.shares import largest_remainder
from experiments_core.errors import NotFoundError
from experiments_core.services import acting, projects
from experiments_core.services.measuring import Measured
from experiments_core.services.recording import History, create_with_status

DIALECT = common.Dialect("krafter", lambda one: one.resource is not None)
door = Door("Krafter", envelope=common.respond, via="compat/krafter", any_type=True)

STATUS = {
    Status.DRAFT: "draft", Status.RUNNING: "running", Status.PAUSED: "stopped",
    Status.STOPPED: "stopped", Status.COMPLETED: "completed", Status.ARCHIVED: "completed",
}  # fmt: skip
AT = "/flags/{flag_id}/experiments"


class NewVariant(Body):
    """A value of the flag and its share."""

    key: Annotated[str, Field(min_length=1, max_length=100)]
    value: Any
    percentage: Annotated[int, Field(ge=0, le=100)]


class NewExperiment(Body):
    """What Krafter's clients send."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    environment: Annotated[str, Field(min_length=1, max_length=64)]
    variants: Annotated[list[NewVariant], Field(min_length=2, max_length=20)]
    status: Literal["draft", "running", "stopped", "completed"] = "draft"


class VariantAnswer(BaseModel):
    """A variant as Krafter prints it."""

    key: str
    value: Any
    percentage: int


class ExperimentAnswer(BaseModel):
    """An experiment as Krafter prints it."""

    id: str
    name: str
    environment: str
    status: str
    variants: list[VariantAnswer]
    conversions: dict[str, int]
    started_at: str | None
    stopped_at: str | None
    created_at: str
    updated_at: str


class ListAnswer(BaseModel):
    """Every experiment of a flag; Krafter knows no pages."""

    data: list[ExperimentAnswer]


@door.get(AT, Rule(permission=Permission.READ, answer=ListAnswer))
def list_experiments(call: The, flag_id: str) -> Response:
    """Every experiment of a flag, the oldest first; an unknown flag has none."""
    found = _of_flag(call, flag_id)
    numbers = common.numbers_of_all(call, found)
    return answers.raw({"data": [_body(one, numbers[one.id]) for one in found]})


@door.post(
    AT,
    Rule(permission=Permission.EDIT, answer=One[ExperimentAnswer], status=201, errors=(409,)),
)
def create_experiment(call: The, flag_id: str, body: NewExperiment) -> Response:
    """Make an experiment; ``running`` starts it at once."""
    total = sum(one.percentage for one in body.variants)
    if total != 100:
        message = f"the percentages add up to {total}; they must make exactly 100"
        raise common.refusal("variants", total, "SPLIT_SUM", message)
    keys = [one.key for one in body.variants]
    if len(set(keys)) < len(keys):
        raise common.refusal("variants", keys, "NOT_UNIQUE", "two variants have the same key")
    with call.ws.db.write():
        flag = projects.resource_at(call.ws, call.actor, kind="flag", locator=flag_id)
        draft = ExperimentDraft(
            name=body.name,
            variants=tuple(
                VariantDraft(one.key, one.key, weight_bp=100 * one.percentage, value=one.value)
                for one in body.variants
            ),
            metrics=common.metrics_of(call, common.CONVERSION),
            type="feature",
            environment=body.environment,
            resource=flag.id,
        )
        over = body.status in {"stopped", "completed"}
        made = create_with_status(
            call.ws, call.actor, draft, body.status, history=History() if over else None
        )
    return _shown(call, made, status=201)


@door.post(
    f"{AT}/{{experiment_id}}/start",
    Rule(permission=Permission.EDIT, answer=One[ExperimentAnswer], errors=(409,)),
)
def start(call: The, flag_id: str, experiment_id: str) -> Response:
    """Start a draft or a stopped experiment; conversions are kept."""
    return _step(call, flag_id, experiment_id, Verb.START)


@door.post(
    f"{AT}/{{experiment_id}}/stop",
    Rule(permission=Permission.EDIT, answer=One[ExperimentAnswer], errors=(409,)),
)
def stop(call: The, flag_id: str, experiment_id: str) -> Response:
    """Stop a running experiment; the flag answers its default value again."""
    return _step(call, flag_id, experiment_id, Verb.STOP)


def _step(call: Call, flag_id: str, experiment_id: str, verb: Verb) -> Response:
    with call.ws.db.write():
        before = DIALECT.found(call, experiment_id)
        if before.id not in {one.id for one in _of_flag(call, flag_id)}:
            raise NotFoundError(f"The flag “{flag_id}” has no experiment “{experiment_id}”.")
        if verb is Verb.STOP and before.status is not Status.RUNNING:
            raise invalid_transition(before.place, "Only a running experiment can be stopped.")
        after = acting.transition(call.ws, call.actor, before.id, verb, version=before.version)
    return _shown(call, after)


def _of_flag(call: Call, flag_id: str) -> list[Experiment]:
    """The flag's experiments, the oldest first."""
    flags = {
        one.id
        for one in projects.list_resources(call.ws, call.actor)
        if one.kind == "flag" and one.locator == flag_id
    }
    return [one for one in reversed(DIALECT.all(call)) if one.resource in flags]


def _shown(call: Call, experiment: Experiment, *, status: int = 200) -> Response:
    numbers = common.numbers_of(call, experiment)
    return answers.one(_body(experiment, numbers), status=status)


def _body(experiment: Experiment, numbers: Measured) -> dict[str, Any]:
    weights = [one.weight_bp for one in experiment.variants]
    shares = largest_remainder(100, weights)
    return {
        "id": DIALECT.id_of(experiment),
        "name": experiment.name,
        "environment": experiment.environment,
        "status": STATUS[experiment.status],
        "variants": [
            {"key": one.key, "value": one.value, "percentage": share}
            for one, share in zip(experiment.variants, shares, strict=True)
        ],
        "conversions": _conversions(experiment, numbers),
        "started_at": common.seconds(experiment.started_at),
        "stopped_at": common.seconds(experiment.stopped_at),
        "created_at": common.seconds(experiment.created_at),
        "updated_at": common.seconds(experiment.updated_at),
    }


def _conversions(experiment: Experiment, numbers: Measured) -> dict[str, int]:
    """Units that converted on the primary metric, per variant, over all runs."""
    counts = {one.key: 0 for one in experiment.variants}
    for metric in numbers.result.metrics[:1]:
        counts |= {arm.variant: arm.conversions or 0 for arm in metric.arms}
    return counts
