"""What to expect after launch: winners shrink, by how much the workspace's own past says.

A significant estimate is too large on average. The factor for the plan's power is told with
every decided metric; the estimate itself is never altered. From six finished tests of the same
metric on, their spread says how far to pull it towards no effect.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from experiments_core.analysis.body import from_dict
from experiments_core.analysis.contrast import Contrast
from experiments_core.analysis.explain_expected import explain_expected
from experiments_core.analysis.explain_step import Step
from experiments_core.analysis.results import ExperimentResult
from experiments_core.domain.access import Actor, Permission, require
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.metric import MetricRole
from experiments_core.services.viewing import LookView
from experiments_core.services.workspace import Workspace
from experiments_core.stats import shrinkage
from experiments_core.stats.estimate import Undefined, Value
from experiments_core.stats.normal import critical_value
from experiments_core.store import catalog, looks

CLOSED_GATE = frozenset({"no_data", "cannot_say", "too_early", "interim"})
Effect = tuple[float, float]
"""A relative lift and its standard error, fractions."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """One decided comparison and what is likely left of it.

    Attributes:
        metric: Key.
        variant: The treatment.
        relative_lift: As measured, a fraction.
        exaggeration: How many times too large a significant estimate is on average, at the
            plan's power.
        past_tests: Finished tests of the same metric in this workspace.
        expected: The lift pulled towards 0; ``past_too_short`` under six past tests,
            ``no_signal_in_history`` where they vary no more than their noise.
        standard_error: Of ``expected``.
        steps: How these came about.
    """

    metric: str
    variant: str
    relative_lift: float
    exaggeration: float
    past_tests: int
    expected: Value
    standard_error: Value
    steps: tuple[Step, ...]

    @property
    def past_is_too_short(self) -> bool:
        """Whether there are too few finished tests to learn from."""
        return isinstance(self.expected, Undefined) and self.expected.reason == "past_too_short"


def expectations(ws: Workspace, actor: Actor, view: LookView) -> tuple[Expectation, ...]:
    """What to expect of every primary metric that a final look has decided."""
    require(actor, Permission.READ)
    decided = list(_decided(view.result)) if view.result.final else []
    if not decided:
        return ()
    past = _past(ws, actor, view.experiment)
    plan = view.design.plan
    told = plan.power, plan.alpha, shrinkage.exaggeration(plan.power, plan.alpha)
    return tuple(
        _expectation(metric, variant, contrast, past.get(metric, []), told)
        for metric, variant, contrast in decided
    )


def _expectation(
    metric: str,
    variant: str,
    contrast: Contrast,
    past: list[Effect],
    plan: tuple[float, float, float],
) -> Expectation:
    lift, error = _effect(contrast) or (0.0, 0.0)
    found = shrinkage.shrink(lift, error, [d for d, _ in past], [se for _, se in past])
    return Expectation(
        metric=metric,
        variant=variant,
        relative_lift=lift,
        exaggeration=plan[2],
        past_tests=len(past),
        expected=found.estimate,
        standard_error=found.standard_error,
        steps=explain_expected(lift, error, found=found, past=past, plan=plan),
    )


def _decided(result: ExperimentResult) -> Iterator[tuple[str, str, Contrast]]:
    if result.verdict.code in CLOSED_GATE:
        return
    for metric, variant, contrast in _primary(result):
        if contrast.significant and _effect(contrast) is not None:
            yield metric, variant, contrast


def _primary(result: ExperimentResult) -> Iterator[tuple[str, str, Contrast]]:
    for metric in result.metrics:
        for arm in metric.arms:
            if metric.role == MetricRole.PRIMARY and arm.contrast is not None:
                yield metric.key, arm.variant, arm.contrast


def _effect(contrast: Contrast) -> Effect | None:
    """Lift and its standard error, read off the interval that the plan promised."""
    lift, lower, upper = (
        contrast.relative_lift,
        contrast.relative_lift_ci_lower,
        contrast.relative_lift_ci_upper,
    )
    if isinstance(lift, Undefined):
        return None
    z = critical_value((1 - contrast.confidence_level) / 2)
    if not isinstance(lower, Undefined) and not isinstance(upper, Undefined):
        return lift, (upper - lower) / 2 / z
    ends = [end for end in (lower, upper) if not isinstance(end, Undefined)]
    return (lift, abs(ends[0] - lift) / z) if ends else None


def _past(ws: Workspace, actor: Actor, present: Experiment) -> dict[str, list[Effect]]:
    """Effects of the other finished tests by metric; of several treatments the first."""
    name = ("past effects", actor.org_id, present.id, present.sample)
    return ws.db.recall(name, lambda cursor: _effects_of_others(cursor, actor, present))


def _effects_of_others(
    cursor: Any, actor: Actor, present: Experiment
) -> dict[str, list[Effect]]:
    others = [
        one.id
        for one in catalog.all_experiments(cursor, actor.org_id)
        if one.id != present.id and not one.deleted_at and one.sample == present.sample
    ]
    stored = looks.latest_results(cursor, others)
    found: dict[str, list[Effect]] = {}
    for body in stored.values():
        for metric, effect in _effects(body).items():
            found.setdefault(metric, []).append(effect)
    return found


def _effects(body: dict[str, Any]) -> dict[str, Effect]:
    result = from_dict(body)
    if not result.final or result.verdict.code in CLOSED_GATE:
        return {}
    effects: dict[str, Effect] = {}
    for metric, _, contrast in _primary(result):
        effect = _effect(contrast)
        if effect is not None and effect[1] > 0:
            effects.setdefault(metric, effect)
    return effects
