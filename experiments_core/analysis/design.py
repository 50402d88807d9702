"""What an analysis is told besides the cells: arms, split, plan, and how far the test is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from experiments_core.domain.experiment import Experiment, Phase, Plan
from experiments_core.domain.metric import Metric, MetricRole
from experiments_core.domain.promotion import Promotion

SEQUENCE_UNITS = 5_000
"""What the confidence sequence is tuned for when the plan does not tell how many come."""
TWO_WEEKS = 14


@dataclass(frozen=True, slots=True)
class PhaseDesign:
    """An interval of constant weights.

    Attributes:
        weights: Variant key -> planned share, in any unit.
        started: First day; None when unknown.
    """

    weights: Mapping[str, float]
    started: date | None = None


@dataclass(frozen=True, kw_only=True)
class Design:
    """One experiment as the analysis sees it.

    Attributes:
        arms: Variant keys in position order.
        holdout: Cells of this arm are units kept out of the test and measured; no variant.
        holdout_randomised: Whether chance decided who was held out.
        methods: Asked for instead of the defaults (``on_request.METHODS``).
        reference: The arm the others are compared with.
        phases: In order; the k-th is phase k of the cells.
        names: Variant key -> what people call it.
        unit: What was randomised, in the singular.
        basis: ``units``, ``totals``, ``moments``, ``counts_only``, or ``stored`` where there
            are only results from elsewhere.
        status: Of the experiment, None where there is none.
        finished: Stopped or completed, or the data are said to be complete.
        said_over: The data are said to be complete.
        planned_end_passed: The planned end lies in the past.
        days: Days the test has run, None when unknown.
        looks: Looks taken before this one.
        past_units: Units of all arms at each of them; what a group-sequential plan has spent.
        spends: A sequential plan with planned units spends alpha look by look; if not, the
            confidence sequence decides there too.
        newest: Last moment at which a unit was first seen.
        age_days: Days between that moment and now.
        promotion: What the experiment asks for before its winner goes to everybody by itself.
    """

    arms: tuple[str, ...]
    reference: str
    metrics: tuple[Metric, ...]
    phases: tuple[PhaseDesign, ...]
    plan: Plan = field(default_factory=Plan)
    names: Mapping[str, str] = field(default_factory=dict)
    unit: str = "user"
    basis: str = "units"
    status: str | None = None
    finished: bool = True
    said_over: bool = True
    planned_end_passed: bool = False
    days: int | None = None
    planned_days: int | None = None
    looks: int = 0
    past_units: tuple[int, ...] = ()
    spends: bool = True
    methods: tuple[str, ...] = ()
    holdout: str | None = None
    holdout_randomised: bool = True
    newest: datetime | None = None
    age_days: float | None = None
    promotion: Promotion | None = None

    @property
    def treatments(self) -> tuple[str, ...]:
        """Arms compared with the reference."""
        return tuple(arm for arm in self.arms if arm != self.reference)

    def named(self, arm: str) -> str:
        """What people call an arm."""
        return self.names.get(arm) or arm

    def of_role(self, role: MetricRole) -> tuple[Metric, ...]:
        """Metrics of one role, in order."""
        return tuple(metric for metric in self.metrics if metric.role is role)

    @property
    def comparisons(self) -> int:
        """Hypotheses in the primary family."""
        return max(1, len(self.of_role(MetricRole.PRIMARY)) * len(self.treatments))

    def share(self, treatment: str) -> float:
        """Share of all units that were planned, at the start, for this pair of arms."""
        weights = self.phases[0].weights
        total = sum(weights.values())
        both = weights.get(self.reference, 0.0) + weights.get(treatment, 0.0)
        return both / total if total and both else 1.0

    def tuned_to(self, treatment: str | None = None) -> int:
        """Units of a pair of arms, or of all, for which the confidence sequence is tightest.

        Comes from the plan alone, so that it is fixed before the first look.
        """
        planned = self.plan.planned_units
        if planned is None and self.plan.daily_units:
            planned = TWO_WEEKS * self.plan.daily_units
        share = 1.0 if treatment is None else self.share(treatment)
        return max(1, round((planned or SEQUENCE_UNITS) * share))


@dataclass(frozen=True, slots=True)
class Quality:
    """What the import knows about rows that never became units.

    Attributes:
        rows_read: Of all committed imports.
        rows_left_out: Rows that are not in the data, whatever the reason.
        rows_rejected: Those that broke a rule (the rest are repeats and crossovers).
        crossed_units: Units seen in two arms; None when nothing identifies a unit.
        served_otherwise: Counted units whose client reported another arm than assigned; None
            where clients report nothing.
        contaminated: Units that were given another arm by hand; they are left out.
        crossed_left_out: Whether these are out (else they count by first sight).
    """

    rows_read: int = 0
    rows_left_out: int = 0
    rows_rejected: int = 0
    crossed_units: int | None = 0
    crossed_left_out: bool = True
    served_otherwise: int | None = None
    contaminated: int = 0


def phase_designs(experiment: Experiment) -> tuple[tuple[Phase, ...], tuple[PhaseDesign, ...]]:
    """Intervals of constant weights and holdout, and the recorded phase that opened each.

    Pauses and changes of allocation alone leave the share of each arm as it was, so they open
    no new interval. After a new random assignment earlier phases do not count.
    """
    recorded = list(experiment.phases)
    fresh = [i for i, phase in enumerate(recorded) if phase.rerandomised]
    opened: list[Phase] = []
    for phase in recorded[fresh[-1] if fresh else 0 :]:
        if not opened or _shares(phase) != _shares(opened[-1]):
            opened.append(phase)
    designs = tuple(PhaseDesign(p.weights_bp, p.started_at.date()) for p in opened)
    return tuple(opened), designs or (PhaseDesign(experiment.weights_bp),)


def _shares(phase: Phase) -> tuple[dict[str, int], int]:
    return phase.weights_bp, phase.holdout_bp
