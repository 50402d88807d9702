"""Experiments as bodies: what is sent, what is answered."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from experiments_core.api.shapes import (
    Answer,
    BasisPoints,
    Body,
    Day,
    Key,
    Moment,
    Text,
    broken,
    moment,
)
from experiments_core.domain import definition
from experiments_core.domain.access import Actor
from experiments_core.domain.definition import Definition
from experiments_core.domain.documents import (
    metric_from_document,
    metric_to_document,
    phase_to_document,
    plan_from_document,
    plan_to_document,
    reads_own_name,
    to_document,
)
from experiments_core.domain.experiment import (
    Experiment,
    NamespaceSlot,
    Phase,
    Variant,
    VariantDraft,
)
from experiments_core.domain.metric import Metric
from experiments_core.domain.validation import field_problems, refuse
from experiments_core.errors import InvalidInputError, NotFoundError, Problem
from experiments_core.services.experiments import allowed_verbs

Status = Literal["draft", "running", "paused", "stopped", "completed", "archived"]
Kind = Literal["ranking", "config", "feature", "model", "page", "file", "email", "other"]
Conclusion = Literal["won", "lost", "inconclusive", "stopped_early", "invalid"]
HIDDEN = frozenset({"phases", "sample", "data_finished"})
OF_THE_TEST = frozenset({
    "role", "non_inferiority_margin", "non_inferiority_margin_absolute",
    "relative_minimum_detectable_effect",
})  # fmt: skip
"""What a test says of a metric of the library; the rest stands in its definition."""


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


Library = Callable[[str], Definition]
"""Finds a metric of the library by its key."""


class NewMetric(Body):
    """A metric: of the library by its key, or of a column or event of one's own."""

    metric: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    kind: Literal["proportion", "mean", "count", "ratio", "quantile"] | None = None
    key: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    column: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    of: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    numerator: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    denominator: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    event: Annotated[str, Field(max_length=200)] | None = None
    aggregation: Literal["any", "count", "sum", "mean", "min", "max", "last"] | None = None
    covariate: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    covariate_denominator: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    q: float | None = None
    cap: float | Annotated[str, Field(max_length=10)] | None = None
    window_days: int | None = None
    delay_days: int | None = None
    role: Literal["primary", "secondary", "guardrail"] = "primary"
    preferred_direction: Literal["increase", "decrease", "neutral"] | None = None
    relative_minimum_detectable_effect: float | None = None
    non_inferiority_margin: float | None = None
    non_inferiority_margin_absolute: float | None = None
    unit: Annotated[str, Field(max_length=40)] | None = None
    missing: Literal["exclude", "zero"] | None = None


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
    metrics: Annotated[list[NewMetric], Field(max_length=30)] | None = None
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
        "metrics": [_metric_body(metric) for metric in experiment.metrics],
        "winner_variant_id": winner,
        "allowed_actions": [info.verb.value for info in allowed_verbs(experiment, actor)],
        "updated_at": moment(experiment.updated_at),
    }


def _metric_body(metric: Metric) -> dict[str, Any]:
    """A metric of the test; what the test says of it always stands there."""
    of_the_test = {name: getattr(metric, name) for name in (*sorted(OF_THE_TEST), "post_hoc")}
    stated = {"preferred_direction": metric.preferred_direction, "version": metric.version}
    return of_the_test | stated | metric_to_document(metric)


def variant_body(variant: Variant, position: int) -> dict[str, Any]:
    """Render an arm; its position, from 0, is its place in the split."""
    return asdict(variant) | {"position": position}


def phase_body(phase: Phase) -> dict[str, Any]:
    """Render a phase."""
    return phase_to_document(phase)


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
    given = {name: getattr(body, name) for name in Fields.model_fields if _sent(body, name)}
    if isinstance(body, ExperimentChange) and body.name is not None:
        given["name"] = body.name
    if body.variants is not None:
        given["variants"] = _variants(body.variants, () if known is None else known.variants)
    if body.metrics is not None:
        given["metrics"] = metrics_of(body.metrics, library)
    if body.plan is not None:
        before = {} if known is None else plan_to_document(known.plan)
        given["plan"] = plan_from_document(before | _said(body.plan, CLEARED))
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


def metrics_of(bodies: Sequence[NewMetric], library: Library) -> tuple[Metric, ...]:
    """Every metric as services take it.

    Raises:
        InvalidInputError: what is wrong with any of them, all at once.
    """
    found: list[Metric] = []
    faults: list[InvalidInputError] = []
    for place, one in enumerate(bodies):
        try:
            found.append(metric_of(one, f"metrics[{place}]", library))
        except InvalidInputError as error:
            faults.append(error)
    if faults:
        details = tuple(problem for fault in faults for problem in fault.details)
        raise InvalidInputError(faults[0].message, code=faults[0].code, details=details)
    return tuple(found)


def metric_of(body: NewMetric, where: str, library: Library) -> Metric:
    """A metric as services take it: of the library, or with a meaning of its own.

    Raises:
        InvalidInputError: kind or column are missing, a rule is broken, the library has no
            such metric, or its meaning is said otherwise here.
    """
    said = _said(body)
    key = said.pop("metric", None)
    if key is None and said.get("kind") is None:
        message = f"{where}.kind is missing"
        problem = Problem(f"{where}.kind", None, "REQUIRED", message)
        raise InvalidInputError(f"{message}.", details=(problem,))
    try:
        if key is None:
            return metric_from_document(reads_own_name(said))
        refuse(
            [
                Problem(
                    name, value, "UNKNOWN_FIELD", f"{name} belongs to the metric “{key}” itself"
                )
                for name, value in said.items()
                if name not in OF_THE_TEST
            ]
        )
        return definition.metric_of(library(key), **said)
    except NotFoundError as error:
        problem = Problem(f"{where}.metric", key, "NOT_FOUND", error.message)
        raise InvalidInputError(error.message, details=(problem,)) from error
    except InvalidInputError as error:
        problems = tuple(
            Problem(f"{where}.{one.field}", one.value, one.rule, one.message)
            for one in error.details
        )
        raise InvalidInputError(error.message, code=error.code, details=problems) from error


def _said(body: Body, cleared: Container[str] = ()) -> dict[str, Any]:
    """What was sent; null only where it takes a value away."""
    return {
        name: value
        for name, value in body.given().items()
        if value is not None or name in cleared
    }


def _sent(body: Fields, name: str) -> bool:
    """Whether a field was sent; null clears only what may be empty."""
    if name not in body.model_fields_set:
        return False
    return getattr(body, name) is not None or name in {
        "resource", "targeting", "namespace", "stored_results",
    }  # fmt: skip
