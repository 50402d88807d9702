"""What traffic has done and would do: units by day, and the smallest lift a split can show."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from experiments_core.domain.access import Actor, Permission, require
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.metric import MetricRole
from experiments_core.domain.traffic import TrafficPreview
from experiments_core.services import readings
from experiments_core.services.following import follow_log
from experiments_core.services.planning_baseline import Baseline
from experiments_core.services.planning_design import Design
from experiments_core.services.planning_numbers import detectable_effect
from experiments_core.services.saving import find
from experiments_core.services.workspace import Workspace
from experiments_core.stats.estimate import Value
from experiments_core.store import cells as store_cells


@dataclass(frozen=True, slots=True)
class VisibleLift:
    """The smallest lift that the planned units show with the planned power.

    Attributes:
        before: With the split as it is, a fraction of the baseline.
        after: When those who are still to come get the new one.
    """

    before: Value
    after: Value


def units_by_day(ws: Workspace, actor: Actor, reference: str) -> dict[date, dict[str, int]]:
    """Units of each arm by the day (UTC) they were first seen; it reads no metric.

    Raises:
        NotFoundError: there is no such experiment.
    """
    require(actor, Permission.READ)
    with ws.db.read() as cursor:
        experiment = find(cursor, actor, reference)
    follow_log(ws, experiment)
    with ws.db.read() as cursor:
        data = readings.data_of(ws.db, cursor, experiment)
        query = readings.read(experiment, data, now=ws.now()).query
        if query is None:
            return {}
        asked = replace(query, needs=(), by_day=True, skewness=False)
        cells = store_cells.unit_cells(cursor, asked).cells
    found: dict[date, dict[str, int]] = {}
    for key, cell in cells.items():
        if key.day is not None:
            arms = found.setdefault(key.day, {})
            arms[key.arm] = arms.get(key.arm, 0) + cell.units
    return dict(sorted(found.items()))


def visible_lift(
    experiment: Experiment, baseline: Baseline, preview: TrafficPreview
) -> VisibleLift | None:
    """What a change of the split does to the smallest lift the plan can show.

    Those who are in the test keep the information they bring; each of those to come brings
    that of the new split. Information counts like units at the present split.

    Args:
        experiment: Its plan names the units in total.
        baseline: What control did so far in the first primary metric.
        preview: The change.

    Returns:
        None when the plan names no units, or one of the splits gives an arm nobody.
    """
    planned = experiment.plan.planned_units
    if planned is None or not preview.efficiency_before or not preview.efficiency_after:
        return None
    present = min(preview.units or 0, planned)
    gain = preview.efficiency_after / preview.efficiency_before
    design = _design(experiment, baseline, preview)
    before, after = (
        detectable_effect(design, max(1, round(total))).relative_increase
        for total in (planned, present + (planned - present) * gain)
    )
    return VisibleLift(before, after)


def _design(experiment: Experiment, baseline: Baseline, preview: TrafficPreview) -> Design:
    plan, weights = experiment.plan, preview.weights_before
    control = experiment.control.key
    ordered = [control, *(key for key in weights if key != control)]
    return Design(
        kind=baseline.kind,
        baseline=baseline.value,
        standard_deviation=baseline.standard_deviation,
        alpha=plan.alpha,
        power=plan.power,
        alternative=plan.alternative,
        weights=tuple(float(weights[key]) for key in ordered),
        primary_metrics=sum(one.role is MetricRole.PRIMARY for one in experiment.metrics) or 1,
    )
