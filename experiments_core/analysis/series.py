"""The cumulative result day by day: what a look at the end of each day would have shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from experiments_core.analysis import comparing
from experiments_core.analysis.cells import Cell, Cells
from experiments_core.analysis.design import Design
from experiments_core.analysis.effects import effect
from experiments_core.analysis.families import family_size
from experiments_core.analysis.groups import Groups, Pair, is_quantile
from experiments_core.analysis.looking import always_valid_level
from experiments_core.analysis.results import End, SeriesPoint
from experiments_core.domain.metric import Metric
from experiments_core.domain.source import CellKey
from experiments_core.stats.estimate import Undefined

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
    points: dict[str, list[SeriesPoint]] = {arm: [] for arm in design.treatments}
    for day, groups in _running(cells, design):
        for arm, found in points.items():
            point = _point(groups, design, metric, arm, day=day, alpha=alphas[arm])
            if point is not None:
                found.append(point)
    return {arm: tuple(found) for arm, found in points.items()}


def at_ends(
    by_end: Iterable[tuple[End, Cells]],
    design: Design,
    metric: Metric,
    alphas: dict[str, float],
) -> dict[str, tuple[SeriesPoint, ...]]:
    """The same from cells of everybody who had come by the end of each of some days.

    Args:
        by_end: A day (or a time), oldest first, and the cells keyed by arm and (where the
            design has several) phase.
        design: As for the whole experiment.
        metric: One of its metrics.
        alphas: Treatment -> level of the inner band, that of the scorecard.
    """
    points: dict[str, list[SeriesPoint]] = {arm: [] for arm in design.treatments}
    for day, cells in by_end:
        groups = Groups.of(cells, len(design.phases))
        for arm, found in points.items():
            point = _point(groups, design, metric, arm, day=day, alpha=alphas[arm])
            if point is not None:
                found.append(point)
    return {arm: tuple(found) for arm, found in points.items()}


def lifts(cells: Cells, design: Design) -> dict[tuple[str, str], tuple[float, ...]]:
    """The cumulative lift of every metric and treatment, one number a day, oldest first.

    Days without a lift are left out, and so are lines of fewer than two. Quantiles of days do
    not add up, so they have none.

    Args:
        cells: Keyed by arm, day and (where the design has several) phase.
        design: As for the whole experiment.
    """
    asked = [
        (metric, arm)
        for metric in design.metrics
        if not is_quantile(metric)
        for arm in design.treatments
    ]
    found: dict[tuple[str, str], list[float]] = {(m.key, arm): [] for m, arm in asked}
    for _, groups in _running(cells, design):
        for metric, arm in asked:
            strata = groups.strata(metric, design.reference, arm)
            if min(_sizes(strata)) >= LEAST_UNITS:
                lift = comparing.lift_of(metric, strata)
                if not isinstance(lift, Undefined):
                    found[metric.key, arm].append(lift)
    return {key: tuple(line) for key, line in found.items() if len(line) > 1}


def _running(cells: Cells, design: Design) -> Iterator[tuple[date, Groups]]:
    """Everybody up to the end of each day."""
    by_day: dict[date, list[tuple[CellKey, Cell]]] = defaultdict(list)
    for key, cell in cells.items():
        if key.day is not None:
            by_day[key.day].append((CellKey(key.arm, key.phase), cell))
    running: dict[CellKey, Cell] = {}
    for day in sorted(by_day):
        for key, cell in by_day[day]:
            running[key] = running[key] + cell if key in running else cell
        yield day, Groups.of(running, len(design.phases))


def _sizes(strata: Sequence[Pair]) -> tuple[int, int]:
    control, treatment = (sum(pair[side].n for pair in strata) for side in (0, 1))
    return control, treatment


def _point(
    groups: Groups, design: Design, metric: Metric, treatment: str, *, day: End, alpha: float
) -> SeriesPoint | None:
    strata = groups.strata(metric, design.reference, treatment)
    sizes = _sizes(strata)
    if min(sizes) < LEAST_UNITS:
        return None
    found = comparing.compare(metric, strata, alpha)
    looks_alpha = design.plan.alpha / family_size(design, metric)
    level = always_valid_level(sum(sizes), looks_alpha, design.tuned_to(treatment))
    wide = comparing.compare(metric, strata, level).relative_lift
    return SeriesPoint(
        day=day,
        control_n=sizes[0],
        treatment_n=sizes[1],
        **effect(found),
        always_valid_lower=wide.ci_lower,
        always_valid_upper=wide.ci_upper,
    )
