"""Stamn: experiments with named participants; its paths are ours, it prints none."""

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
from experiments_core.domain.deployment import PARTICIPANT
from experiments_core.domain.experiment import (
    Experiment,
    ExperimentDraft,
    VariantDraft,
    equal_weights,
)
from experiments_core.domain.lifecycle import Status, Verb, invalid_transition
from experiments_core.errors import ConflictError, NotFoundError
from experiments_core.services import arms, deploying, experiments, participants, projects
from experiments_core.services.participants import Participant

DIALECT = common.Dialect("stamn", lambda one: one.assignment_mode == "listed")
door = Door(
    "Stamn",
    envelope=common.camel_with({"unit_ids": "participantIds", "weight_bp": "weight"}),
    via="compat/stamn",
    any_type=True,
)

STATUS = {
    Status.DRAFT: "draft", Status.RUNNING: "running", Status.PAUSED: "paused",
    Status.STOPPED: "paused", Status.COMPLETED: "completed", Status.ARCHIVED: "completed",
}  # fmt: skip
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
Name = Annotated[str, Field(min_length=1, max_length=100)]
Weight = Annotated[float, Field(ge=0, le=100)]


class NewVariant(Body):
    """A version of the file; all weights missing means equal shares."""

    name: Name
    content: Any = None
    weight: Weight | None = None
    isControl: bool = False  # noqa: N815  the client's spelling


class NewExperiment(Body):
    """What Stamn's clients send."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    description: Annotated[str, Field(max_length=10_000)] = ""
    targetFile: Annotated[str, Field(min_length=1, max_length=500)]  # noqa: N815  as above
    variants: Annotated[list[NewVariant], Field(min_length=2, max_length=20)]
    participantIds: Annotated[list[str], Field(max_length=10_000)]  # noqa: N815  as above


class Change(Body):
    """Words, and in a draft the file."""

    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    description: Annotated[str, Field(max_length=10_000)] | None = None
    targetFile: Annotated[str, Field(min_length=1, max_length=500)] | None = None  # noqa: N815


class VariantChange(Body):
    """What changes about one version."""

    name: Name | None = None
    content: Any = None
    weight: Weight | None = None
    isControl: bool | None = None  # noqa: N815  the client's spelling


class StatusChange(Body):
    """Where the experiment goes."""

    status: Literal["running", "paused", "completed"]


class Deploy(Body):
    """Which version for whom."""

    participantId: Annotated[str, Field(min_length=1, max_length=256)]  # noqa: N815  as above
    variantId: Annotated[str, Field(min_length=1, max_length=100)]  # noqa: N815  as above


class ExperimentAnswer(BaseModel):
    """An experiment as Stamn's clients read it."""

    id: str
    name: str
    description: str
    targetFile: str  # noqa: N815  the client's spelling
    status: str
    variants: list[dict[str, Any]]
    assignments: list[dict[str, Any]]


class ListAnswer(BaseModel):
    """The experiments of the caller."""

    data: list[ExperimentAnswer]


ACT = Rule(permission=Permission.EDIT, answer=One[ExperimentAnswer], errors=(409,))


@door.get(HERE, Rule(permission=Permission.READ, answer=ListAnswer))
def list_experiments(call: The) -> Response:
    """The experiments that the caller owns, the newest first."""
    mine = [one for one in DIALECT.all(call) if one.owner == call.actor.name]
    files = _files(call)
    named = participants.participants_of_all(call.ws, call.actor, mine)
    return answers.raw({"data": [_body(one, files, named[one.id]) for one in mine]})


@door.post(
    HERE,
    Rule(permission=Permission.EDIT, answer=One[ExperimentAnswer], status=201, errors=(409,)),
)
def create_experiment(call: The, body: NewExperiment) -> Response:
    """Make an experiment; its participants are given their versions at once."""
    weights = _weights(body.variants)
    with call.ws.db.write():
        file = projects.resource_at(call.ws, call.actor, kind="file", locator=body.targetFile)
        draft = ExperimentDraft(
            name=body.name,
            description=body.description,
            type="file",
            unit="participant",
            assignment_mode="listed",
            resource=file.id,
            variants=tuple(
                VariantDraft(one.name, one.name, one.isControl, weight, one.content)
                for one, weight in zip(body.variants, weights, strict=True)
            ),
            metrics=common.metrics_of(call, common.CONVERSION),
        )
        made = experiments.create_experiment(call.ws, call.actor, draft)
        if body.participantIds:
            participants.add_participants(call.ws, call.actor, made.id, body.participantIds)
    return _shown(call, made, 201)


@door.get(ONE, Rule(permission=Permission.READ, answer=One[ExperimentAnswer]))
def read_experiment(call: The, experimentId: str) -> Response:  # noqa: N803  as printed
    """Read one."""
    return _shown(call, DIALECT.found(call, experimentId))


@door.patch(ONE, ACT)
def change_experiment(call: The, experimentId: str, body: Change) -> Response:  # noqa: N803
    """Change its words; the file only in a draft."""
    with call.ws.db.write():
        one = DIALECT.found(call, experimentId)
        changes: dict[str, Any] = {
            name: value
            for name in ("name", "description")
            if (value := getattr(body, name)) is not None
        }
        if body.targetFile is not None:
            if one.status is not Status.DRAFT:
                raise invalid_transition(one.place, "The file can be changed in a draft only.")
            file = projects.resource_at(
                call.ws, call.actor, kind="file", locator=body.targetFile
            )
            changes["resource"] = file.id
        after = experiments.edit_experiment(
            call.ws, call.actor, one.id, changes, version=one.version
        )
    return _shown(call, after)


@door.delete(ONE, Rule(permission=Permission.EDIT, status=204, errors=(409,)))
def delete_experiment(call: The, experimentId: str) -> Response:  # noqa: N803  as printed
    """Delete one that is not running."""
    return DIALECT.delete(call, experimentId)


@door.post(
    f"{ONE}/variants",
    Rule(permission=Permission.EDIT, answer=One[ExperimentAnswer], status=201, errors=(409,)),
)
def add_variant(call: The, experimentId: str, body: NewVariant) -> Response:  # noqa: N803
    """Add a version to a draft."""
    with call.ws.db.write():
        one = DIALECT.found(call, experimentId)
        weight = _basis_points(body.weight)
        draft = VariantDraft(body.name, body.name, body.isControl, weight, body.content)
        after = arms.add(call.ws, call.actor, one.id, draft, version=one.version)
    return _shown(call, after, 201)


@door.patch(f"{ONE}/variants/{{variantId}}", ACT)
def change_variant(
    call: The,
    experimentId: str,  # noqa: N803  as printed
    variantId: str,  # noqa: N803  as printed
    body: VariantChange,
) -> Response:
    """Change a version of a draft."""
    with call.ws.db.write():
        one = DIALECT.found(call, experimentId)
        said = body.given()
        changes: dict[str, Any] = {}
        if "name" in said:
            changes["name"] = said["name"]
        if "content" in said:
            changes["value"] = said["content"]
        changes["is_control"] = body.isControl
        changes["weight_bp"] = _basis_points(body.weight)
        after, _ = arms.change(
            call.ws, call.actor, one.id, variantId, changes, version=one.version
        )
    return _shown(call, after)


@door.delete(f"{ONE}/variants/{{variantId}}", ACT)
def remove_variant(call: The, experimentId: str, variantId: str) -> Response:  # noqa: N803
    """Take a version out of a draft."""
    with call.ws.db.write():
        one = DIALECT.found(call, experimentId)
        after = arms.remove(call.ws, call.actor, one.id, variantId, version=one.version)
    return _shown(call, after)


@door.patch(f"{ONE}/status", ACT)
def change_status(call: The, experimentId: str, body: StatusChange) -> Response:  # noqa: N803
    """Start, pause, resume or complete."""
    return _to_status(call, experimentId, body.status)


@door.post(f"{ONE}/status", ACT)
def post_status(call: The, experimentId: str, body: StatusChange) -> Response:  # noqa: N803
    """The same for clients that post."""
    return _to_status(call, experimentId, body.status)


@door.post(
    f"{ONE}/deploy",
    Rule(permission=Permission.DEPLOY, answer=One[dict[str, Any]], errors=(409,)),
)
def deploy(call: The, experimentId: str, body: Deploy) -> Response:  # noqa: N803  as printed
    """Give one participant a version; the status stays."""
    one = DIALECT.found(call, experimentId)
    variant = _variant(one, body.variantId)
    _, made = deploying.deploy(
        call.ws, call.actor, one.id, variant=variant, version=None, target=PARTICIPANT,
        unit_id=body.participantId, reason=REASON,
    )  # fmt: skip
    return answers.one({
        "experimentId": DIALECT.id_of(one),
        "participantId": made.unit_id,
        "variantId": body.variantId,
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
        after = experiments.transition(
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
    return answers.one(_body(one, _files(call), named), status=status)


def _files(call: Call) -> dict[str, str]:
    """Id of a resource -> its locator."""
    return {one.id: one.locator for one in projects.list_resources(call.ws, call.actor)}


def _body(one: Experiment, files: dict[str, str], named: list[Participant]) -> dict[str, Any]:
    ids = {variant.key: variant.id for variant in one.variants}
    return {
        "id": DIALECT.id_of(one),
        "name": one.name,
        "description": one.description,
        "targetFile": files.get(one.resource or "", ""),
        "status": STATUS[one.status],
        "variants": [
            {
                "id": variant.id, "name": variant.name, "content": variant.value,
                "weight": variant.weight_bp / 100, "isControl": variant.is_control,
            }
            for variant in one.variants
        ],
        "assignments": [
            {"participantId": known.unit_id, "variantId": ids[known.variant]}
            for known in named
        ],
    }  # fmt: skip
