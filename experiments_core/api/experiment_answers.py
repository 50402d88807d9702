"""Experiments, their arms and phases, as they are answered."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from experiments_core.api.experiment_bodies import Status
from experiments_core.api.metric_shapes import metric_body
from experiments_core.api.shapes import Answer, moment
from experiments_core.domain.access import Actor
from experiments_core.domain.documents import to_document
from experiments_core.domain.experiment import Experiment, Variant
from experiments_core.services.acting import allowed_verbs

HIDDEN = frozenset({"phases", "sample", "data_finished"})


class VariantAnswer(Answer):
    """An arm."""

    id: str
    key: str
    name: str
    is_control: bool
    weight_bp: int
    value: Any
    version_hash: str
    model_id: str
    position: int


class ExperimentAnswer(Answer):
    """An experiment as it is now."""

    id: str
    key: str
    slug: str
    name: str
    version: int
    status: Status
    description: str
    hypothesis: str
    type: str
    project: str
    environment: str
    owner: str
    resource: str | None
    tags: list[str]
    variants: list[VariantAnswer]
    metrics: list[dict[str, Any]]
    plan: dict[str, Any]
    allocation_bp: int
    holdout_bp: int
    created_at: str
    updated_at: str
    created_by: str
    first_started_at: str | None
    started_at: str | None
    stopped_at: str | None
    completed_at: str | None
    archived_at: str | None
    deleted_at: str | None
    run_no: int
    conclusion: str | None
    winner_variant_id: str | None
    historical: bool
    external_ids: dict[str, str]
    allowed_actions: list[str]


class PhaseAnswer(Answer):
    """An interval in which the design was constant."""

    run_no: int
    seq: int
    kind: str
    started_at: str
    ended_at: str | None
    weights_bp: dict[str, int]
    allocation_bp: int
    holdout_bp: int
    rerandomised: bool
    reason: str
    by: str


def experiment_body(experiment: Experiment, actor: Actor | None = None) -> dict[str, Any]:
    """Render an experiment.

    Args:
        experiment: As it is now.
        actor: Leaves the verbs out of ``allowed_actions`` that this actor may not do.
    """
    body = {k: v for k, v in to_document(experiment).items() if k not in HIDDEN}
    winner = next((v.id for v in experiment.variants if v.key == experiment.winner), None)
    return body | {
        "variants": [
            variant_body(variant, place) for place, variant in enumerate(experiment.variants)
        ],
        "metrics": [metric_body(metric) for metric in experiment.metrics],
        "winner_variant_id": winner,
        "allowed_actions": [info.verb.value for info in allowed_verbs(experiment, actor)],
        "updated_at": moment(experiment.updated_at),
    }


def variant_body(variant: Variant, position: int) -> dict[str, Any]:
    """Render an arm; its position, from 0, is its place in the split."""
    return asdict(variant) | {"position": position}
