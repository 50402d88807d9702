"""Experiments, their variants, phases and plan: the nouns and the rules they keep.

All splits are basis points (1 bp = 0.01 %, the whole = 10 000); all times are aware, in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from experiments_core.domain.lifecycle import BIN, Status
from experiments_core.domain.metric import Metric

WHOLE_BP = 10_000

TYPES = ("ranking", "config", "feature", "model", "page", "file", "email", "other")
ASSIGNMENT_MODES = ("hash", "listed", "external")
HASH_METHODS = (
    "upshot1", "fnv1a32", "fnv1a32_mod100", "md5_mod2", "growthbook_v1", "growthbook_v2",
)  # fmt: skip
CONCLUSIONS = ("won", "lost", "inconclusive", "stopped_early", "invalid")


@dataclass(frozen=True, slots=True)
class Variant:
    """One arm.

    Attributes:
        key: Printable text of at most 100 characters, unique in the experiment.
        weight_bp: Share of the test's units, 0 to 10 000.
        value: What the product serves (any JSON).
        version_hash: Which version of the resource it is, as its own system names it.
        model_id: The model that answers, where models are compared.
    """

    key: str
    name: str
    is_control: bool
    weight_bp: int
    value: Any = None
    id: str = ""
    version_hash: str = ""
    model_id: str = ""


@dataclass(frozen=True, slots=True)
class NamespaceSlot:
    """The part of a namespace that one test owns; tests of one namespace share no unit.

    Attributes:
        key: Of the namespace.
        from_bp: First bucket, in basis points.
        to_bp: The bucket after the last one.
    """

    key: str
    from_bp: int
    to_bp: int


@dataclass(frozen=True, slots=True)
class RampStep:
    """One scheduled rise of the allocation.

    Attributes:
        at: When, aware, in UTC.
        allocation_bp: Share of eligible units from then on.
    """

    at: datetime
    allocation_bp: int


@dataclass(frozen=True, slots=True)
class Phase:
    """An interval in which the design was constant. Never overwritten.

    Attributes:
        seq: 1, 2, 3 … over the whole life of the experiment.
        kind: ``start``, ``resume``, ``traffic`` or ``design``.
        weights_bp: Variant key -> weight.
        ended_at: None while it lasts; the moment itself belongs to the next phase.
        rerandomised: Units were assigned afresh at its beginning.
        targeting: Condition tree that a unit had to meet; None for everybody.
    """

    run_no: int
    seq: int
    kind: str
    started_at: datetime
    ended_at: datetime | None
    weights_bp: dict[str, int]
    allocation_bp: int
    holdout_bp: int
    reason: str
    by: str
    rerandomised: bool = False
    targeting: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What was promised before the start; sealed when the experiment starts.

    Attributes:
        lock_results: Nobody sees a metric before the plan is reached or the test has ended.
    """

    alpha: float = 0.05
    power: float = 0.8
    alternative: str = "two-sided"
    method: str = "fixed"
    correction: str = "holm"
    min_runtime_days: int = 7
    min_units_per_arm: int = 100
    min_conversions_per_arm: int = 25
    planned_units: int | None = None
    planned_end: date | None = None
    baseline: float | None = None
    daily_units: int | None = None
    lock_results: bool = False


@dataclass(frozen=True, slots=True)
class VariantDraft:
    """An arm as somebody typed it; rules are checked when the draft is made an experiment.

    Attributes:
        key: Made from the name when empty.
        is_control: When no arm says so, the one called “control” or “champion” is it, else
            the first.
        weight_bp: None in every arm means equal shares.
        version_hash: None keeps that of the arm that is there.
        model_id: None keeps that of the arm that is there.
    """

    key: str = ""
    name: str = ""
    is_control: bool = False
    weight_bp: int | None = None
    value: Any = None
    version_hash: str | None = None
    model_id: str | None = None


@dataclass(frozen=True, slots=True)
class ExperimentDraft:
    """What somebody typed to make an experiment.

    Attributes:
        key: Made from the name when empty.
        variants: Control and treatment, half each, when empty.
        hash_seed: The key when empty.
        environment: The project's default one when empty.
        sample: One of the samples that come with Upshot.
    """

    name: str
    key: str = ""
    hypothesis: str = ""
    variants: tuple[VariantDraft, ...] = ()
    metrics: tuple[Metric, ...] = ()
    plan: Plan = field(default_factory=Plan)
    assignment_mode: str = "hash"
    unit: str = "user"
    tags: tuple[str, ...] = ()
    description: str = ""
    type: str = "other"
    owner: str = ""
    allocation_bp: int = WHOLE_BP
    holdout_bp: int = 0
    targeting: dict[str, Any] | None = None
    namespace: NamespaceSlot | None = None
    hash_method: str = "upshot1"
    hash_seed: str = ""
    data_finished: bool | None = None
    sample: bool = False
    auto_promote: bool = False
    promote_threshold: float = 0.02
    promote_after_days: int = 14
    project: str = "default"
    environment: str = ""
    resource: str | None = None
    external_ids: dict[str, str] = field(default_factory=dict)
    stored_results: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Experiment:
    """One test. Immutable; every change is a new value with ``version`` + 1.

    Attributes:
        allocation_bp: Share of eligible units that enter the test.
        holdout_bp: Share of the allocated units kept on the fallback and measured.
        targeting: Condition tree of the units that may enter; None for everybody.
        namespace: The part of a namespace whose units alone may enter.
        ramp: Scheduled rises of the allocation, in the order of their time.
        hash_method: One of :data:`HASH_METHODS`.
        hash_seed: Text that the assignment hash starts with; changed only by a new run that
            assigns afresh.
        seal_hash: SHA-256 of hypothesis, metrics and plan as they were at the first start.
        archived_from: Status to come back to.
        data_finished: Whether the person said that imported data are complete.
        project: Key of its project.
        resource: Id of the thing under test.
        external_ids: Its ids in other systems, unique in each.
        stored_results: An outcome that was computed elsewhere.
        historical: Recorded after the fact; nobody was ever assigned here.
    """

    id: str
    key: str
    slug: str
    name: str
    version: int
    status: Status
    variants: tuple[Variant, ...]
    created_at: datetime
    updated_at: datetime
    created_by: str
    org_id: str = "default"
    description: str = ""
    hypothesis: str = ""
    type: str = "other"
    owner: str = "local"
    tags: tuple[str, ...] = ()
    assignment_mode: str = "hash"
    unit: str = "user"
    allocation_bp: int = WHOLE_BP
    holdout_bp: int = 0
    metrics: tuple[Metric, ...] = ()
    plan: Plan = field(default_factory=Plan)
    phases: tuple[Phase, ...] = ()
    conclusion: str | None = None
    winner: str | None = None
    deployed: str | None = None
    conclusion_note: str = ""
    stop_reason: str = ""
    first_started_at: datetime | None = None
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    completed_at: datetime | None = None
    archived_at: datetime | None = None
    archived_from: Status | None = None
    deleted_at: datetime | None = None
    run_no: int = 0
    sample: bool = False
    data_finished: bool | None = None
    hash_method: str = "upshot1"
    hash_seed: str = ""
    targeting: dict[str, Any] | None = None
    namespace: NamespaceSlot | None = None
    ramp: tuple[RampStep, ...] = ()
    seal_hash: str = ""
    sealed_at: datetime | None = None
    auto_promote: bool = False
    promote_threshold: float = 0.02
    promote_after_days: int = 14
    project: str = "default"
    environment: str = "production"
    resource: str | None = None
    external_ids: dict[str, str] = field(default_factory=dict)
    stored_results: dict[str, Any] | None = None
    historical: bool = False

    @property
    def place(self) -> str:
        """Where it stands in the transition table: its status, or the bin."""
        return BIN if self.deleted_at else self.status

    @property
    def is_record(self) -> bool:
        """It was over before its data came: nothing was sealed, nobody was assigned here."""
        return self.historical and not self.phases

    @property
    def is_sealed(self) -> bool:
        """Its design was fixed by a start."""
        return self.first_started_at is not None and not self.is_record

    @property
    def control(self) -> Variant:
        """The one control."""
        return next(variant for variant in self.variants if variant.is_control)

    @property
    def fallback(self) -> Variant:
        """The version that units outside the test get: the deployed one, else control."""
        return next((one for one in self.variants if one.key == self.deployed), self.control)

    @property
    def weights_bp(self) -> dict[str, int]:
        """Variant key -> present weight."""
        return {variant.key: variant.weight_bp for variant in self.variants}
