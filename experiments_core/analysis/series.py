"""The cumulative result day by day: what a look at the end of each day would have shown."""

from __future__ import annotations

from datetime import date

from experiments_core.analysis import comparing
from experiments_core.analysis.cells import Cell, Cells
from experiments_core.analysis.design import Design
from experiments_core.analysis.families import family_size
from experiments_core.analysis.groups import Groups
from experiments_core.analysis.looking import always_valid_level
from experiments_core.analysis.results import SeriesPoint
from experiments_core.domain.metric import Metric
from experiments_core.domain.source import CellKey

LEAST_UNITS = 2
"""Units per arm from which a point is drawn."""


def cumulative(
    cells: Cells, design: Design, metric: Metric, alphas: dict[str, float]
) -> dict[str, tuple[SeriesPoint, ...]]:
    """One point per treatment and day on which units came.

    Exact for rows whose outcomes have no time of their own: moving the end of the data over
    the first-seen time is then a running merge of the cells by day.

    Args:
        cells: Keyed by arm, day and (where the design has several) phase.
        design: As for the whole experiment.
        metric: One of its metrics.
        alphas: Treatment -> level of the inner band, that of the scorecard.
    """
    days = sorted({key.day for key in cells if key.day is not None})
    running: dict[CellKey, Cell] = {}
    points: dict[str, list[SeriesPoint]] = {arm: [] for arm in design.treatments}
    by_day: dict[date, list[tuple[CellKey, Cell]]] = {day: [] for day in days}
    for key, cell in cells.items():
        if key.day is not None:
            by_day[key.day].append((CellKey(key.arm, key.phase), cell))
    for day in days:
        for key, cell in by_day[day]:
            running[key] = running[key] + cell if key in running else cell
        groups = Groups.of(running, len(design.phases))
        for arm, found in points.items():
            point = _point(groups, design, metric, arm, day=day, alpha=alphas[arm])
            if point is not None:
                found.append(point)
    return {arm: tuple(found) for arm, found in points.items()}


def _point(
    groups: Groups, design: Design, metric: Metric, treatment: str, *, day: date, alpha: float
) -> SeriesPoint | None:
    strata = groups.strata(metric, design.reference, treatment)
    sizes = [sum(pair[side].n for pair in strata) for side in (0, 1)]
    if min(sizes) < LEAST_UNITS:
        return None
    found = comparing.compare(metric, strata, alpha)
    looks_alpha = design.plan.alpha / family_size(design, metric)
    level = always_valid_level(sum(sizes), looks_alpha, design.tuned_to(treatment))
    wide = comparing.compare(metric, strata, level).relative_lift
    difference, lift = found.difference, found.relative_lift
    return SeriesPoint(
        day=day,
        control_n=sizes[0],
        treatment_n=sizes[1],
        difference=difference.value,
        difference_ci_lower=difference.ci_lower,
        difference_ci_upper=difference.ci_upper,
        relative_lift=lift.value,
        relative_lift_ci_lower=lift.ci_lower,
        relative_lift_ci_upper=lift.ci_upper,
        always_valid_lower=wide.ci_lower,
        always_valid_upper=wide.ci_upper,
    )
