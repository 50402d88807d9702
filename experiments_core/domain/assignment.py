"""Which arm a unit gets, and why: ten rules in a fixed order, the first that applies answers.

1. not running → fallback (paused: the stored arm if there is one) · 2. override for testing ·
3. stored assignment, whatever the design says now · 4. not on the list · 5. not targeted ·
6. held out of all tests of the project · 7. the namespace slot is another test's ·
8. not allocated (not stored, so a later ramp can take the unit in) · 9. holdout (stored) ·
10. the weights (stored).

Allocation, holdout and variant are independent draws of one hash, so raising the allocation
only adds units, and nobody's arm depends on it.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate
from typing import Any

from experiments_core.domain import hashing
from experiments_core.domain.experiment import WHOLE_BP, Experiment, NamespaceSlot, Phase
from experiments_core.domain.hashing import upshot1
from experiments_core.domain.lifecycle import Status
from experiments_core.domain.targeting import Attributes, Rule, compile_targeting
from experiments_core.errors import ConflictError

HOLDOUT = "holdout"
"""What stands for the arm of units that are kept out and measured."""


class Reason(StrEnum):
    """Which of the ten rules answered."""

    NOT_RUNNING = "not_running"
    PAUSED = "paused"
    OVERRIDE = "override"
    STORED = "stored"
    NOT_LISTED = "not_listed"
    NOT_TARGETED = "not_targeted"
    GLOBAL_HOLDOUT = "global_holdout"
    OTHER_EXPERIMENT = "other_experiment"
    NOT_ALLOCATED = "not_allocated"
    HOLDOUT = "holdout"
    ASSIGNED = "assigned"


class AssignmentSource(StrEnum):
    """How an assignment came about."""

    HASH = "hash"
    EXPLICIT = "explicit"
    OVERRIDE = "override"
    DEPLOYED = "deployed"
    IMPORT = "import"


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer for one unit.

    Attributes:
        variant: The arm; None for the fallback.
        reason: The rule that answered.
        is_new: It has to be stored (rules 9 and 10).
    """

    variant: str | None
    reason: Reason
    is_new: bool = False

    @property
    def in_experiment(self) -> bool:
        """Whether the unit is counted in the test; an override is not."""
        return self.variant is not None and self.reason is not Reason.OVERRIDE


@dataclass(frozen=True, slots=True)
class Stored:
    """An assignment that was made before.

    Attributes:
        variant: The arm, or None for the holdout.
    """

    variant: str | None
    source: AssignmentSource = AssignmentSource.HASH


@dataclass(frozen=True, slots=True)
class ProjectRules:
    """What a project decides for all of its tests."""

    key: str = "default"
    global_holdout_bp: int = 0


NO_PROJECT = ProjectRules()

_FALLBACKS = {reason: Decision(None, reason) for reason in Reason}
_HELD_OUT = Decision(None, Reason.HOLDOUT, is_new=True)


@dataclass(frozen=True, slots=True)
class Rules:
    """One experiment's design, made ready to be asked once per unit.

    Attributes:
        place: Status, or the bin.
        mode: ``hash``, ``listed`` or ``external``.
        method: Name of the hash.
        arms: Variant keys in position order.
        ends: Cumulative weights in basis points.
    """

    place: str
    mode: str
    method: str
    seed: str
    arms: tuple[str, ...]
    ends: tuple[int, ...]
    allocation_bp: int
    holdout_bp: int
    targeting: Rule | None = None
    namespace: NamespaceSlot | None = None
    project: ProjectRules = NO_PROJECT
    decisions: tuple[Decision, ...] = field(default=(), repr=False)

    def decide(  # noqa: C901, PLR0911  ten rules in one order, to be read at a glance
        self,
        unit: str,
        attributes: Attributes | None = None,
        *,
        override: str | None = None,
        stored: Stored | None = None,
    ) -> Decision:
        """Answer for one unit.

        Args:
            unit: Its id, exactly as given.
            attributes: For the targeting; a missing one satisfies only ``not_exists``.
            override: The arm that a tester asked for.
            stored: What was stored for this unit in the present run.

        Raises:
            ConflictError: ``EXTERNAL_ASSIGNMENT``, the arms come with the data.
        """
        if self.place != Status.RUNNING:
            return self._not_running(stored)
        if override is not None:
            return Decision(override, Reason.OVERRIDE)
        if stored is not None:
            return _kept(stored)
        if self.mode != "hash":
            return self._unlisted()
        if self.targeting is not None and not self.targeting.met(attributes or {}):
            return _FALLBACKS[Reason.NOT_TARGETED]
        if self.project.global_holdout_bp and self._in_global_holdout(unit):
            return _FALLBACKS[Reason.GLOBAL_HOLDOUT]
        if self.namespace is not None and not self._owns_slot(self.namespace, unit):
            return _FALLBACKS[Reason.OTHER_EXPERIMENT]
        draws = upshot1(self.seed, unit)
        if self.method != "upshot1":
            return self._by_other_hash(unit, draws.allocation, draws.holdout)
        if draws.allocation >= self.allocation_bp:
            return _FALLBACKS[Reason.NOT_ALLOCATED]
        if draws.holdout < self.holdout_bp:
            return _HELD_OUT
        return self.decisions[bisect_right(self.ends, draws.variant)]

    def _not_running(self, stored: Stored | None) -> Decision:
        if self.place != Status.PAUSED:
            return _FALLBACKS[Reason.NOT_RUNNING]
        if stored is None:
            return _FALLBACKS[Reason.PAUSED]
        return _kept(stored)

    def _unlisted(self) -> Decision:
        if self.mode == "listed":
            return _FALLBACKS[Reason.NOT_LISTED]
        raise ConflictError(
            "The variants of this test come with its data; Upshot does not assign units.",
            code="EXTERNAL_ASSIGNMENT",
            hint="Send exposures with the variant, or make a test that Upshot assigns.",
        )

    def _in_global_holdout(self, unit: str) -> bool:
        draw = upshot1(f"project/{self.project.key}", unit).holdout
        return draw < self.project.global_holdout_bp

    def _owns_slot(self, slot: NamespaceSlot, unit: str) -> bool:
        return slot.from_bp <= self.slot_bucket(slot, unit) < slot.to_bp

    def slot_bucket(self, slot: NamespaceSlot, unit: str) -> int:
        """A unit's bucket in a namespace, 0 to 9 999."""
        if self.method.startswith("growthbook"):
            return round(hashing.growthbook_namespace(slot.key, unit) * WHOLE_BP)
        return upshot1(f"ns/{slot.key}", unit).allocation

    def variant_bucket(self, unit: str) -> int:
        """A unit's bucket for the weights, 0 to 9 999, by this test's hash."""
        if self.method == "upshot1":
            return upshot1(self.seed, unit).variant
        if self.method.startswith("growthbook"):
            bucket = hashing.growthbook(self.seed, unit, int(self.method[-1]))
            return round((bucket or 0.0) * WHOLE_BP)
        return legacy_bucket(self.method, self.seed, unit)

    def _by_other_hash(self, unit: str, allocation: int, holdout: int) -> Decision:
        """The arm of a migrated service's hash; GrowthBook's ranges hold the allocation too."""
        if self.method.startswith("growthbook"):
            bucket = hashing.growthbook(self.seed, unit, int(self.method[-1])) or 0.0
            begins = (0, *self.ends[:-1])
            shares = [(e - b) / WHOLE_BP for b, e in zip(begins, self.ends, strict=True)]
            covered = hashing.bucket_ranges(len(shares), self.allocation_bp / WHOLE_BP, shares)
            index = hashing.choose_range(bucket, covered)
            if index < 0:
                return _FALLBACKS[Reason.NOT_ALLOCATED]
        else:
            if allocation >= self.allocation_bp:
                return _FALLBACKS[Reason.NOT_ALLOCATED]
            index = bisect_right(self.ends, legacy_bucket(self.method, self.seed, unit))
        return _HELD_OUT if holdout < self.holdout_bp else self.decisions[index]


def _kept(stored: Stored) -> Decision:
    reason = Reason.STORED if stored.variant is not None else Reason.HOLDOUT
    return Decision(stored.variant, reason)


def legacy_bucket(method: str, seed: str, unit: str) -> int:
    """The bucket, 0 to 9 999, of the FNV-1a and MD5 methods."""
    if method == "md5_mod2":
        return hashing.md5_parity(seed, unit) * (WHOLE_BP // 2)
    value = hashing.fnv1a32_hash(seed, unit)
    return value % 100 * 100 if method == "fnv1a32_mod100" else value % WHOLE_BP


def rules_of(
    experiment: Experiment,
    *,
    project: ProjectRules = NO_PROJECT,
    phase: Phase | None = None,
) -> Rules:
    """Make an experiment's design ready.

    Args:
        experiment: As it is now.
        project: What its project decides.
        phase: Decide as in this phase, as if it lasted; the present design when left out.
    """
    weights = experiment.weights_bp if phase is None else phase.weights_bp
    design: Any = experiment if phase is None else phase
    arms = tuple(weights)
    return Rules(
        place=experiment.place if phase is None else Status.RUNNING,
        mode=experiment.assignment_mode,
        method=experiment.hash_method,
        seed=experiment.hash_seed,
        arms=arms,
        ends=tuple(accumulate(weights.values())),
        allocation_bp=design.allocation_bp,
        holdout_bp=design.holdout_bp,
        targeting=compile_targeting(design.targeting),
        namespace=experiment.namespace,
        project=project,
        decisions=tuple(Decision(arm, Reason.ASSIGNED, is_new=True) for arm in arms),
    )


def phase_at(experiment: Experiment, moment: Any) -> Phase | None:
    """The phase of the present assignments that lasted at a moment; None when none did.

    Phases from before the last fresh assignment do not count: their hash seed is gone.
    """
    for phase in reversed(experiment.phases):
        if phase.started_at <= moment:
            return phase if phase.ended_at is None or moment < phase.ended_at else None
        if phase.rerandomised:
            return None
    return None


def first_run(experiment: Experiment) -> int:
    """The run from which stored assignments hold: the last that assigned afresh, or 1."""
    return max((p.run_no for p in experiment.phases if p.rerandomised), default=1)
