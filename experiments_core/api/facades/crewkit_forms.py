"""crewkit's forms: what its clients send and read."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from experiments_core.api.call import Call
from experiments_core.api.facades import common
from experiments_core.api.shapes import Body
from experiments_core.domain.access import Permission, may
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.lifecycle import Status
from experiments_core.domain.shares import largest_remainder

CONTROL, VARIANT = "control", "variant"


def is_pair(one: Experiment) -> bool:
    """Whether it has the two versions that crewkit knows."""
    return {variant.key for variant in one.variants} == {CONTROL, VARIANT}


DIALECT = common.Dialect("crewkit", is_pair)


STATUS = {
    Status.DRAFT: "draft", Status.RUNNING: "running", Status.PAUSED: "stopped",
    Status.STOPPED: "stopped", Status.COMPLETED: "completed", Status.ARCHIVED: "archived",
}  # fmt: skip


Split = Annotated[int, Field(ge=0, le=100)]


Hash = Annotated[str, Field(min_length=1, max_length=200)]


class NewExperiment(Body):
    """What crewkit's clients send."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    resource_id: Annotated[str, Field(min_length=1, max_length=500)]
    control_version_hash: Hash
    variant_version_hash: Hash
    traffic_split: Split = 50


class Change(Body):
    """Name and split."""

    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    traffic_split: Split | None = None


class Deploy(Body):
    """Which of the two; a version that a client sends is ignored."""

    variant: Annotated[str, Field(pattern="^(control|variant)$")]
    version: Any = None


class ExperimentAnswer(BaseModel):
    """An experiment as crewkit prints it."""

    id: str
    name: str
    resource_id: str
    control_version_hash: str
    variant_version_hash: str
    traffic_split: int
    status: str
    started_at: str | None
    stopped_at: str | None
    created_at: str
    updated_at: str
    links: dict[str, Any] = Field(alias="_links")


class ListMeta(BaseModel):
    """Where the page stands."""

    total_count: int
    current_page: int
    total_pages: int
    per_page: int


class ListAnswer(BaseModel):
    """One page of experiments."""

    data: list[ExperimentAnswer]
    meta: ListMeta


class GroupAnswer(BaseModel):
    """One of the two groups; the rate is in percent."""

    total_sessions: int
    success_rate: float | None
    avg_cost: float | None
    avg_turns: float | None
    p95_cost: float | None


class SignificanceAnswer(BaseModel):
    """The test of the success rate."""

    p_value: float | None
    significant: bool
    confidence: float


class MetricsAnswer(BaseModel):
    """Both groups beside each other."""

    control: GroupAnswer
    variant: GroupAnswer
    significance: SignificanceAnswer


def group_body(units: int, values: dict[str, float | None]) -> dict[str, Any]:
    """Render a group: its sessions and the value of each metric."""
    rate = values.get("success")
    return {
        "total_sessions": units,
        "success_rate": None if rate is None else 100 * rate,
        "avg_cost": values.get("cost"),
        "avg_turns": values.get("turns"),
        "p95_cost": values.get("p95_cost"),
    }


def experiment_body(
    call: Call, one: Experiment, org_id: str, places: dict[str, str]
) -> dict[str, Any]:
    """Render an experiment, with the actions that would be accepted now."""
    hashes = {variant.key: variant.version_hash for variant in one.variants}
    key = DIALECT.id_of(one)
    return {
        "id": key,
        "name": one.name,
        "resource_id": places.get(one.resource or "", ""),
        "control_version_hash": hashes[CONTROL],
        "variant_version_hash": hashes[VARIANT],
        "traffic_split": largest_remainder(
            100, [one.weights_bp[CONTROL], one.weights_bp[VARIANT]]
        )[1],
        "status": STATUS[one.status],
        "started_at": common.seconds(one.started_at),
        "stopped_at": common.seconds(one.stopped_at),
        "created_at": common.seconds(one.created_at),
        "updated_at": common.seconds(one.updated_at),
        "_links": _links(call, one, f"/{org_id}/experiments/{key}"),
    }


_ALLOWED: dict[str, tuple[str, ...]] = {
    Status.DRAFT: ("start",),
    Status.RUNNING: ("stop", "deploy"),
    Status.PAUSED: ("start", "stop", "deploy"),
    Status.STOPPED: ("start", "deploy", "archive"),
    Status.COMPLETED: ("deploy", "archive"),
    Status.ARCHIVED: (),
}


def _links(call: Call, one: Experiment, path: str) -> dict[str, Any]:
    """The actions that would be accepted now, of whoever asks."""
    actions = [
        name
        for name in _ALLOWED[one.status]
        if may(call.actor, Permission.DEPLOY if name == "deploy" else Permission.EDIT)
        and not (name == "deploy" and one.deployed is not None)
    ]
    links = {name: {"href": f"{path}/{name}", "method": "POST"} for name in actions}
    return {"self": {"href": path, "method": "GET"}, **links}
