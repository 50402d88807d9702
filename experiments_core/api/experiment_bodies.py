"""Experiments as they are sent, and their fields in the form that the services take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from experiments_core.api.metric_shapes import ExperimentMetric, Library, metrics_of
from experiments_core.api.shapes import BasisPoints, Body, Day, Key, Moment, Text, broken
from experiments_core.domain.documents import plan_from_document, plan_to_document
from experiments_core.domain.experiment import Experiment, NamespaceSlot, Variant, VariantDraft
from experiments_core.domain.fields import field_problems

Status = Literal["draft", "running", "paused", "stopped", "completed", "archived"]
Kind = Literal["ranking", "config", "feature", "model", "page", "file", "email", "other"]
Conclusion = Literal["won", "lost", "inconclusive", "stopped_early", "invalid"]


Name = Annotated[str, Field(json_schema_extra={"minLength": 1, "maxLength": 200})]
SIMPLE = (
    "name", "key", "owner", "tags", "unit", "environment", "hash_method", "hash_seed",
    "targeting", "external_ids", "stored_results", "promote_threshold", "promote_after_days",
)  # fmt: skip
"""Fields whose rules ask for nothing but their own value."""


class NewVariant(Body):
    """An arm. Without a weight in any of them, all get equal shares."""

    key: Annotated[str, Field(max_length=100)] = ""
    name: Text = ""
    is_control: bool = False
    weight_bp: BasisPoints | None = None
    value: Any = None
    version_hash: Text | None = None
    model_id: Text | None = None


class VariantChange(Body):
    """Fields of an arm that change."""

    name: Text | None = None
    is_control: Literal[True] | None = None
    weight_bp: BasisPoints | None = None
    value: Any = None
    version_hash: Text | None = None
    model_id: Text | None = None


class NewPlan(Body):
    """What is promised before the start."""

    alpha: float | None = None
    power: float | None = None
    alternative: Literal["two-sided", "greater", "less"] | None = None
    method: Literal["fixed", "sequential"] | None = None
    correction: Literal["none", "holm", "bh"] | None = None
    min_runtime_days: int | None = None
    min_units_per_arm: int | None = None
    min_conversions_per_arm: int | None = None
    planned_units: int | None = None
    planned_end: Day | None = None
    baseline: float | None = None
    daily_units: int | None = None
    lock_results: bool | None = None


CLEARED = frozenset({"planned_units", "planned_end", "baseline", "daily_units"})
"""Numbers of a plan that null takes away."""
EMPTIED = frozenset({"resource", "targeting", "namespace", "stored_results"})
"""Fields that null empties."""


class Slot(Body):
    """The part of a namespace that the test owns."""

    key: Key
    from_bp: BasisPoints
    to_bp: BasisPoints


class Fields(Body):
    """What an experiment is made of."""

    key: Key | None = None
    description: Annotated[str, Field(max_length=10_000)] | None = None
    hypothesis: Annotated[str, Field(max_length=5_000)] | None = None
    type: Kind | None = None
    project: Key | None = None
    environment: Key | None = None
    owner: Text | None = None
    resource: Key | None = None
    tags: Annotated[list[str], Field(max_length=20)] | None = None
    assignment_mode: Literal["hash", "listed", "external"] | None = None
    unit: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    allocation_bp: BasisPoints | None = None
    holdout_bp: Annotated[int, Field(ge=0, le=5_000)] | None = None
    targeting: dict[str, Any] | None = None
    namespace: Slot | None = None
    hash_method: Annotated[str, Field(max_length=40)] | None = None
    hash_seed: Text | None = None
    variants: Annotated[list[NewVariant], Field(max_length=100)] | None = None
    metrics: Annotated[list[ExperimentMetric], Field(max_length=30)] | None = None
    plan: NewPlan | None = None
    auto_promote: bool | None = None
    promote_threshold: float | None = None
    promote_after_days: int | None = None
    external_ids: Annotated[dict[str, str], Field(max_length=10)] | None = None
    stored_results: dict[str, Any] | None = None

    @field_validator(*SIMPLE, check_fields=False)
    @classmethod
    def keeps_rules(cls, value: Any, info: ValidationInfo) -> Any:
        """Check the rules of a field with its type, so that all fields are refused at once."""
        name = info.field_name or ""
        problems = [] if value is None else field_problems({name: value})
        if problems:
            raise broken(problems)
        return value


class NewExperiment(Fields):
    """An experiment to be made; ``running`` starts it in the same transaction."""

    name: Name
    status: Status = "draft"
    historical: bool = False
    started_at: Moment | None = None
    stopped_at: Moment | None = None
    conclusion: Conclusion | None = None
    conclusion_note: Annotated[str, Field(max_length=10_000)] = ""


class ExperimentChange(Fields):
    """Fields of an experiment that change."""

    name: Name | None = None


def changed_fields(
    body: Fields, library: Library, known: Experiment | None = None
) -> dict[str, Any]:
    """The fields that were sent, in the form that the services take.

    Args:
        body: As it was sent.
        library: Finds a metric by its key.
        known: The experiment that changes: what is left out of its plan, or of an arm that it
            has, stays as it is.
    """
    taken = {"name", *Fields.model_fields}
    given = {name: value for name, value in body.said(EMPTIED).items() if name in taken}
    if body.variants is not None:
        given["variants"] = _variants(body.variants, () if known is None else known.variants)
    if body.metrics is not None:
        given["metrics"] = metrics_of(body.metrics, library)
    if body.plan is not None:
        before = {} if known is None else plan_to_document(known.plan)
        given["plan"] = plan_from_document(before | body.plan.said(CLEARED))
    if body.namespace is not None:
        given["namespace"] = NamespaceSlot(**body.namespace.given())
    if body.tags is not None:
        given["tags"] = tuple(body.tags)
    return given


def variant_draft(body: NewVariant) -> VariantDraft:
    """An arm as services take it."""
    return VariantDraft(**body.model_dump())


def _variants(
    bodies: Sequence[NewVariant], known: Sequence[Variant]
) -> tuple[VariantDraft, ...]:
    """Arms as services take them; one that is there keeps what is not sent.

    The split is kept where the same arms stay, the control where no other one is named.
    """
    before = {arm.key: arm for arm in known}
    kept = ["name", "value"]
    kept += ["weight_bp"] if before.keys() == {one.key for one in bodies} else []
    kept += [] if any(one.is_control for one in bodies) else ["is_control"]
    drafts = []
    for one in bodies:
        arm = before.get(one.key)
        stays = {} if arm is None else {name: getattr(arm, name) for name in kept}
        drafts.append(VariantDraft(**(one.model_dump() | stays | one.given())))
    return tuple(drafts)
