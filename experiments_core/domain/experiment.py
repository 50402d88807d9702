"""Experiments, their variants, phases and plan: the nouns and the rules they keep.

All splits are basis points (1 bp = 0.01 %, the whole = 10 000); all times are aware, in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from experiments_core.domain.lifecycle import Status
from experiments_core.domain.metric import Metric

WHOLE_BP = 10_000


@dataclass(frozen=True, slots=True)
class Variant:
    """One arm.

    Attributes:
        key: Printable text of at most 100 characters, unique in the experiment.
        weight_bp: Share of the test's units, 0 to 10 000.
        value: What the product serves (any JSON).
    """

    key: str
    name: str
    is_control: bool
    weight_bp: int
    value: Any = None
    id: str = ""


@dataclass(frozen=True, slots=True)
class Phase:
    """An interval in which the design was constant. Never overwritten.

    Attributes:
        seq: 1, 2, 3 … over the whole life of the experiment.
        kind: ``start``, ``resume``, ``traffic`` or ``design``.
        weights_bp: Variant key -> weight.
        ended_at: None while it lasts.
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


@dataclass(frozen=True, slots=True)
class Plan:
    """What was promised before the start; sealed when the experiment starts."""

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


@dataclass(frozen=True, slots=True)
class Experiment:
    """One test. Immutable; every change is a new value with ``version`` + 1."""

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

    @property
    def control(self) -> Variant:
        """The one control."""
        return next(variant for variant in self.variants if variant.is_control)

    @property
    def weights_bp(self) -> dict[str, int]:
        """Variant key -> present weight."""
        return {variant.key: variant.weight_bp for variant in self.variants}
