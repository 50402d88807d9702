"""The baseline of a new plan, taken from the data of an earlier experiment."""

from __future__ import annotations

from dataclasses import dataclass

from experiments_core.analysis.arms import arm_results
from experiments_core.analysis.comparing import level_of, total
from experiments_core.analysis.groups import Groups
from experiments_core.domain.access import Actor, Permission, require
from experiments_core.domain.metric import MetricKind
from experiments_core.errors import NotFoundError
from experiments_core.services import readings
from experiments_core.services.saving import find
from experiments_core.services.workspace import Workspace
from experiments_core.stats.estimate import Undefined


@dataclass(frozen=True, slots=True)
class Baseline:
    """What control did.

    Attributes:
        kind: ``rate``, ``ratio``, or ``mean`` for all that is planned like one.
        value: Rate, ratio or mean of control over all phases.
        standard_deviation: Of one unit, for means; of a ratio's linearised value.
        units: Units of control it rests on.
        daily_units: Units of all arms per day with data, None without times.
    """

    kind: str
    value: float
    standard_deviation: float | None
    units: int
    daily_units: float | None


def plan_kind(kind: MetricKind) -> str:
    """How a kind of metric is planned: ``rate``, ``ratio``, or ``mean``."""
    named = {MetricKind.PROPORTION: "rate", MetricKind.RATIO: "ratio"}
    return named.get(kind, "mean")


def baseline_of(
    ws: Workspace, actor: Actor, experiment_id: str, metric_key: str
) -> Baseline | None:
    """Control's rate or mean so far; None without units. It is not a look: no test is read.

    Raises:
        NotFoundError: there is no such experiment or metric.
    """
    require(actor, Permission.READ)
    with ws.db.read() as cursor:
        experiment = find(cursor, actor, experiment_id)
        data = readings.data_of(ws.db, cursor, experiment)
        reading = readings.read(experiment, data, now=ws.now())
        cells = readings.fetch(cursor, reading).cells
    design = reading.design
    metric = next((one for one in design.metrics if one.key == metric_key), None)
    if metric is None:
        known = ", ".join(one.key for one in design.metrics) or "none"
        raise NotFoundError(f"There is no metric “{metric_key}”.", hint=f"There are: {known}.")
    groups = Groups.of(cells, len(design.phases))
    control = total(metric, groups.of_arm(metric, design.reference))
    if not groups.has(metric) or control.n == 0:
        return None
    everyone = groups.total(design.arms)
    alone = next(
        arm
        for arm in arm_results(design, groups, metric, {})
        if arm.variant == design.reference
    )
    own = level_of(metric, control)
    value = alone.value if isinstance(own, Undefined) else own
    if isinstance(value, Undefined):
        return None
    return Baseline(
        kind=plan_kind(metric.kind),
        value=value,
        standard_deviation=alone.standard_deviation,
        units=control.n,
        daily_units=everyone / design.days if design.newest and design.days else None,
    )
