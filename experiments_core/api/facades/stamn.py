"""Stamn: experiments with named participants; its paths are ours, it prints none."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path
from starlette.responses import Response

from experiments_core.api import answers
from experiments_core.api.call import Call, The
from experiments_core.api.door import Door
from experiments_core.api.facades import camel, common
from experiments_core.api.facades.stamn_forms import (
    DIALECT,
    Change,
    Deploy,
    ExperimentAnswer,
    ListAnswer,
    NewExperiment,
    NewVariant,
    StatusChange,
    VariantChange,
    experiment_body,
)
from experiments_core.api.rules import Rule
from experiments_core.api.shapes import One
from experiments_core.domain.access import Permission
from experiments_core.domain.deployment import PARTICIPANT
from experiments_core.domain.experiment import Experiment, ExperimentDraft, VariantDraft
from experiments_core.domain.lifecycle import Status, Verb, invalid_transition
from experiments_core.domain.shares import equal_weights
from experiments_core.errors import ConflictError, NotFoundError
from experiments_core.services import (
    acting,
    arms,
    deploying,
    experiments,
    participants,
    projects,
)

door = Door(
    "Stamn",
    envelope=camel.respond_with({"unit_ids": "participantIds", "weight_bp": "weight"}),
    via="compat/stamn",
    any_type=True,
)

VERBS: dict[tuple[str, str], Verb] = {
    (Status.DRAFT, "running"): Verb.START,
    (Status.PAUSED, "running"): Verb.RESUME,
    (Status.RUNNING, "paused"): Verb.PAUSE,
    (Status.RUNNING, "completed"): Verb.COMPLETE,
    (Status.PAUSED, "completed"): Verb.COMPLETE,
}
REASON = "via Stamn API"
HERE = "/v1/experiments"
ONE = f"{HERE}/{{experimentId}}"
ExperimentId = Annotated[str, Path(alias="experimentId")]
VariantId = Annotated[str, Path(alias="variantId")]
ACT = Rule(permission=Permission.EDIT, answer=One[ExperimentAnswer], errors=(409,))


@door.get(HERE, Rule(permission=Permission.READ, answer=ListAnswer))
def list_experiments(call: The) -> Response:
    """The experiments that the caller owns, the newest first."""
    mine = [one for one in DIALECT.all(call) if one.owner == call.actor.name]
    files = common.locators(call)
    named = participants.participants_of_all(call.ws, call.actor, mine)
    return answers.raw({"data": [experiment_body(one, files, named[one.id]) for one in mine]})


@door.post(
    HERE,
    Rule(permission=Permission.EDIT, answer=One[ExperimentAnswer], status=201, errors=(409,)),
)
def create_experiment(call: The, body: NewExperiment) -> Response:
    """Make an experiment; its participants are given their versions at once."""
    weights = _weights(body.variants)
    with call.ws.db.write():
        file = projects.resource_at(call.ws, call.actor, kind="file", locator=body.target_file)
        draft = ExperimentDraft(
            name=body.name,
            description=body.description,
            type="file",
            unit="participant",
            assignment_mode="listed",
            resource=file.id,
            variants=tuple(
                VariantDraft(one.name, one.name, one.is_control, weight, one.content)
                for one, weight in zip(body.variants, weights, strict=True)
            ),
            metrics=common.metrics_of(call, common.CONVERSION),
        )
        made = experiments.create_experiment(call.ws, call.actor, draft)
        if body.participant_ids:
            participants.add_participants(call.ws, call.actor, made.id, body.participant_ids)
    return _shown(call, made, 201)


@door.get(ONE, Rule(permission=Permission.READ, answer=One[ExperimentAnswer]))
def read_experiment(call: The, experiment_id: ExperimentId) -> Response:
    """Read one."""
    return _shown(call, DIALECT.found(call, experiment_id))


@door.patch(ONE, ACT)
def change_experiment(call: The, experiment_id: ExperimentId, body: Change) -> Response:
    """Change its words; the file only in a draft."""
    with call.ws.db.write():
        one = DIALECT.found(call, experiment_id)
        changes = body.said()
        locator = changes.pop("target_file", None)
        if locator is not None:
            if one.status is not Status.DRAFT:
                raise invalid_transition(one.place, "The file can be changed in a draft only.")
            file = projects.resource_at(call.ws, call.actor, kind="file", locator=locator)
            changes["resource"] = file.id
        after = experiments.edit_experiment(
            call.ws, call.actor, one.id, changes, version=one.version
        )
    return _shown(call, after)


@door.delete(ONE, Rule(permission=Permission.EDIT, status=204, errors=(409,)))
def delete_experiment(call: The, experiment_id: ExperimentId) -> Response:
    """Delete one that is not running."""
    return DIALECT.delete(call, experiment_id)


@door.post(
    f"{ONE}/variants",
    Rule(permission=Permission.EDIT, answer=One[ExperimentAnswer], status=201, errors=(409,)),
)
def add_variant(call: The, experiment_id: ExperimentId, body: NewVariant) -> Response:
    """Add a version to a draft."""
    with call.ws.db.write():
        one = DIALECT.found(call, experiment_id)
        weight = _basis_points(body.weight)
        draft = VariantDraft(body.name, body.name, body.is_control, weight, body.content)
        after = arms.add(call.ws, call.actor, one.id, draft, version=one.version)
    return _shown(call, after, 201)


@door.patch(f"{ONE}/variants/{{variantId}}", ACT)
def change_variant(
    call: The,
    experiment_id: ExperimentId,
    variant_id: VariantId,
    body: VariantChange,
) -> Response:
    """Change a version of a draft."""
    with call.ws.db.write():
        one = DIALECT.found(call, experiment_id)
        said = body.given()
        changes: dict[str, Any] = {}
        if "name" in said:
            changes["name"] = said["name"]
        if "content" in said:
            changes["value"] = said["content"]
        changes["is_control"] = body.is_control
        changes["weight_bp"] = _basis_points(body.weight)
        after, _ = arms.change(
            call.ws, call.actor, one.id, variant_id, changes, version=one.version
        )
    return _shown(call, after)


@door.delete(f"{ONE}/variants/{{variantId}}", ACT)
def remove_variant(call: The, experiment_id: ExperimentId, variant_id: VariantId) -> Response:
    """Take a version out of a draft."""
    with call.ws.db.write():
        one = DIALECT.found(call, experiment_id)
        after = arms.remove(call.ws, call.actor, one.id, variant_id, version=one.version)
    return _shown(call, after)


@door.patch(f"{ONE}/status", ACT)
def change_status(call: The, experiment_id: ExperimentId, body: StatusChange) -> Response:
    """Start, pause, resume or complete."""
    return _to_status(call, experiment_id, body.status)


@door.post(f"{ONE}/status", ACT)
def post_status(call: The, experiment_id: ExperimentId, body: StatusChange) -> Response:
    """The same for clients that post."""
    return _to_status(call, experiment_id, body.status)


@door.post(
    f"{ONE}/deploy",
    Rule(permission=Permission.DEPLOY, answer=One[dict[str, Any]], errors=(409,)),
)
def deploy(call: The, experiment_id: ExperimentId, body: Deploy) -> Response:
    """Give one participant a version; the status stays."""
    one = DIALECT.found(call, experiment_id)
    variant = _variant(one, body.variant_id)
    _, made = deploying.deploy(
        call.ws, call.actor, one.id, variant=variant, version=None, target=PARTICIPANT,
        unit_id=body.participant_id, reason=REASON,
    )  # fmt: skip
    return answers.one({
        "experimentId": DIALECT.id_of(one),
        "participantId": made.unit_id,
        "variantId": body.variant_id,
        "deployedAt": common.seconds(made.created_at),
    })  # fmt: skip


def _to_status(call: Call, experiment_id: str, status: str) -> Response:
    with call.ws.db.write():
        one = DIALECT.found(call, experiment_id)
        verb = VERBS.get((one.place, status))
        if verb is None:
            raise invalid_transition(one.place, f"It cannot become {status} from there.")
        if verb is Verb.START and not participants.participants(call.ws, call.actor, one.id):
            raise ConflictError(
                "This experiment has no participants.", code="CHECKLIST",
                hint="Name participants when you create it.",
            )  # fmt: skip
        after = acting.transition(
            call.ws, call.actor, one.id, verb, version=one.version, reason=REASON,
            unstated=verb is Verb.COMPLETE,
        )  # fmt: skip
    return _shown(call, after)


def _basis_points(percent: float | None) -> int | None:
    return None if percent is None else round(100 * percent)


def _weights(given: list[NewVariant]) -> list[int]:
    weights = [one.weight for one in given if one.weight is not None]
    if not weights:
        return equal_weights(len(given))
    if len(weights) < len(given):
        missing = next(i for i, one in enumerate(given) if one.weight is None)
        message = "give every variant a weight, or none"
        raise common.refusal(f"variants[{missing}].weight", None, "REQUIRED", message)
    return common.basis_points("variants", weights, 100.0)


def _variant(one: Experiment, variant_id: str) -> str:
    found = next((v.key for v in one.variants if v.id == variant_id), None)
    if found is None:
        raise NotFoundError(f"“{one.name}” has no variant “{variant_id}”.")
    return found


def _shown(call: Call, one: Experiment, status: int = 200) -> Response:
    named = participants.participants(call.ws, call.actor, one.id)
    return answers.one(experiment_body(one, common.locators(call), named), status=status)
