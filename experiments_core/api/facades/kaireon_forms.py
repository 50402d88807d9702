"""KaireonAI's forms: what its clients send and read."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from experiments_core.api.facades import common
from experiments_core.api.facades.camel import CamelAnswer, CamelBody
from experiments_core.domain.experiment import Experiment, Variant
from experiments_core.domain.lifecycle import Status
from experiments_core.services import uplifting
from experiments_core.services.uplifting import Rate, Uplift

DIALECT = common.Dialect("kaireon", lambda one: one.type == "model")


STATUS = {
    Status.DRAFT: "draft", Status.RUNNING: "active", Status.PAUSED: "paused",
    Status.STOPPED: "paused", Status.COMPLETED: "archived", Status.ARCHIVED: "archived",
}  # fmt: skip


CHAMPION = "champion"


NOBODY = "no-challenger"
"""Stands in for the second arm of a draft without challengers; gets nobody, is never shown."""


Percent = Annotated[float, Field(ge=0, le=100)]


Text = Annotated[str, Field(min_length=1, max_length=100)]


Word = Literal["draft", "active", "paused", "archived"]


class Split(CamelBody):
    """The champion's share."""

    champion_pct: Percent


class Challenger(CamelBody):
    """A model and its share."""

    model_id: Text
    traffic_pct: Percent


class Change(CamelBody):
    """What may be sent; what is left out keeps its value."""

    key: Text | None = None
    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    description: Annotated[str, Field(max_length=10_000)] | None = None
    status: Word | None = None
    champion_model_id: Text | None = None
    traffic_split: Split | None = None
    challengers: Annotated[list[Challenger], Field(max_length=19)] | None = None
    auto_promote: bool | None = None
    promote_threshold: Annotated[float, Field(ge=-1, le=1)] | None = None
    promote_after_days: Annotated[int, Field(ge=1, le=365)] | None = None
    holdout_percent: Annotated[float, Field(ge=0, le=50)] | None = None


class NewExperiment(Change):
    """What KaireonAI's clients send to make one."""

    key: Text
    name: Annotated[str, Field(min_length=1, max_length=200)]


class Put(Change):
    """The same, and an outcome to store."""

    results: dict[str, Any] | None = None


class ExperimentAnswer(CamelAnswer):
    """An experiment as KaireonAI prints it."""

    id: str
    key: str
    name: str
    status: str
    champion_model: dict[str, Any] | None
    challengers: list[dict[str, Any]]


class ListAnswer(CamelAnswer):
    """A page of experiments."""

    data: list[ExperimentAnswer]
    pagination: dict[str, Any]


def variant_body(variant: Variant, rate: Rate) -> dict[str, Any]:
    """Render a model with its rate and Wilson's limits."""
    return {
        "modelId": variant.value,
        "role": CHAMPION if variant.is_control else "challenger",
        "samples": rate.units,
        "conversions": rate.conversions,
        "conversionRate": common.number(rate.value),
        "ciLower": common.number(rate.ci_lower),
        "ciUpper": common.number(rate.ci_upper),
    }


def uplift_body(told: Uplift) -> dict[str, Any]:
    """Render what the challengers change, and the test of it."""
    p = common.number(told.p_value)
    return {
        "treatmentConversionRate": common.number(told.treatment.value),
        "holdoutConversionRate": common.number(told.reference.value),
        "uplift": common.number(told.difference),
        "relativeUplift": common.number(told.relative),
        "zScore": common.number(told.z),
        "pValue": p,
        "significant": p is not None and p < uplifting.ALPHA,
        "ciLower": common.number(told.ci_lower),
        "ciUpper": common.number(told.ci_upper),
        "treatmentSamples": told.treatment.units,
        "holdoutSamples": told.reference.units,
        "insufficientData": told.insufficient,
        "reference": "holdout" if told.compared_with == "holdout" else CHAMPION,
    }


def _takes_part(one: Experiment, variant: Variant) -> bool:
    """Whether clients see a challenger; one taken out of a started test stays as an arm."""
    drained = one.first_started_at is not None and variant.weight_bp == 0
    return variant.key != NOBODY and not drained


def experiment_body(one: Experiment) -> dict[str, Any]:
    """Render an experiment with champion and challengers."""
    champion = one.control.value
    return {
        "id": DIALECT.id_of(one),
        "key": one.key,
        "name": one.name,
        "description": one.description,
        "status": STATUS[one.status],
        "championModelId": champion,
        "championModel": None if champion is None else {"id": champion},
        "trafficSplit": {"championPct": one.control.weight_bp / 100},
        "challengers": [
            {"id": v.id, "modelId": v.key, "trafficPct": v.weight_bp / 100}
            for v in one.variants
            if not v.is_control and _takes_part(one, v)
        ],
        "autoPromote": one.auto_promote,
        "promoteThreshold": one.promote_threshold,
        "promoteAfterDays": one.promote_after_days,
        "holdoutPercent": one.holdout_bp / 100,
        "results": one.stored_results,
        "createdAt": common.seconds(one.created_at),
        "updatedAt": common.seconds(one.updated_at),
    }
