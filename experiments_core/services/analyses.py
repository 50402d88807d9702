"""Read an experiment: the look that is kept, its course by day, segments, one number explained.

A look is a reading that somebody saw. It is stored with its cells and never recomputed: the
same data under the same settings opened again are the same look.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from experiments_core.analysis import bayesian, locking
from experiments_core.analysis import explain as explaining
from experiments_core.analysis import segments as by_segment
from experiments_core.analysis import series as by_day
from experiments_core.analysis.body import from_dict, to_dict
from experiments_core.analysis.cells import Cell, Cells
from experiments_core.analysis.design import Design, Quality
from experiments_core.analysis.engine import ENGINE_VERSION, analyze
from experiments_core.analysis.explain import Explanation
from experiments_core.analysis.explain_steps import further_steps
from experiments_core.analysis.groups import Groups
from experiments_core.analysis.results import (
    Contrast,
    ExperimentResult,
    SegmentResult,
    SeriesPoint,
)
from experiments_core.domain.access import Actor, Permission, require
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.metric import Metric, MetricKind, MetricRole
from experiments_core.domain.source import CellKey, Role
from experiments_core.errors import ConflictError, NotFoundError
from experiments_core.query.cells import CellQuery
from experiments_core.services import cutting, promoting, quantile_days, readings
from experiments_core.services.cutting import Cut
from experiments_core.services.following import follow_log
from experiments_core.services.readings import Reading
from experiments_core.services.saving import find, look_up
from experiments_core.services.workspace import Workspace
from experiments_core.stats.estimate import Value
from experiments_core.store import catalog, looks, slices
from experiments_core.store import cells as store_cells
from experiments_core.store.looks import StoredLook
from experiments_core.store.slices import OpenedSlice

LookRecord = StoredLook
"""A look as it is kept, for those who list looks."""
Daily = Cells
"""The cells of :func:`daily`, for those who keep them between questions."""
SAME_VISIT = timedelta(minutes=30)
"""A page that redraws itself is one view, not many."""
_LAST_VISIT: dict[tuple[str, str], datetime] = {}
"""(look, person) -> when this process last showed it."""


@dataclass(frozen=True, slots=True)
class LookView:
    """One look, as it was seen.

    Attributes:
        sql: The query that fetched the cells.
        moments: The cells as rows of a table.
        cells: The same, for those who compute.
        design: What the analysis was told besides.
        data_as_of: Last moment at which a unit was first seen; None without times.
        finished: The test is over, or the data were said to be complete.
        views: How often it has been opened; several openings within half an hour are one.
        newer_data: Data have come since. A plan that spends alpha look by look takes a new
            look once a day, or on demand.
        quality: What the imports knew about rows that never became units.
        cut: Which of the units it shows; a look shows all of them.
        covariates: Numbers from before the test that means may be adjusted by.
    """

    result: ExperimentResult
    experiment: Experiment
    taken_at: datetime
    sql: str
    moments: tuple[dict[str, object], ...]
    cells: dict[CellKey, Cell]
    design: Design
    data_as_of: datetime | None
    finished: bool
    views: int = 1
    newer_data: bool = False
    quality: Quality = field(default_factory=Quality)
    cut: Cut = field(default_factory=Cut)
    covariates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExperimentSummary:
    """What a list shows of one experiment: its verdict and the first primary metric.

    Attributes:
        verdict: Code.
        text: Its sentence.
        variant: The treatment that the numbers are about.
        progress: Share of the planned units, may exceed 1; None without such a plan.
        days_left: By the plan; None when it does not say.
    """

    verdict: str
    text: str
    final: bool
    variant: str | None
    metric: str | None
    relative_lift: Value | None
    relative_lift_ci_lower: Value | None
    relative_lift_ci_upper: Value | None
    progress: float | None
    days_left: int | None


def look(
    ws: Workspace,
    actor: Actor,
    experiment_id: str,
    *,
    reference: str | None = None,
    trigger: str = "page",
    fresh: bool = False,
) -> LookView:
    """Read an experiment as its data are now.

    A sequential plan with a planned number of units spends part of its alpha at each look, so
    a running test shows the look of the same day again until ``fresh`` asks for a new one.
    A plan with ``lock_results`` shows health and progress only, until it is reached or the
    test has ended.

    Args:
        ws: The workspace.
        actor: Who looks.
        experiment_id: Id, key or slug.
        reference: Variant to compare with; control when left out.
        trigger: ``page``, ``api`` or ``report``.
        fresh: Take a new look now, even if the plan has had one today.

    Raises:
        NotFoundError: there is no such experiment.
        InvalidInputError: there is no such variant.
    """
    require(actor, Permission.RESULTS)
    return _open_to_people(
        judged(ws, actor, experiment_id, reference=reference, trigger=trigger, fresh=fresh)
    )


def judged(
    ws: Workspace,
    actor: Actor,
    experiment_id: str,
    *,
    reference: str | None = None,
    trigger: str = "page",
    fresh: bool = False,
) -> LookView:
    """The same whatever the plan locks, for what stops a ramp by itself; shown to nobody.

    Raises:
        NotFoundError: there is no such experiment.
        InvalidInputError: there is no such variant.
    """
    reading = _reading(ws, actor, experiment_id, reference=reference)
    if reading.data is None:
        result = analyze({}, reading.design, data_hash=reading.data_hash)
        return LookView(
            result=result,
            experiment=reading.experiment,
            taken_at=ws.now(),
            sql="",
            moments=(),
            cells={},
            design=reading.design,
            data_as_of=None,
            finished=reading.design.finished,
        )
    stored = _stored(ws, reading) or (None if fresh else _of_today(ws, reading))
    if stored is None:
        view = _opened(reading.experiment, _take(ws, actor, reading, trigger))
        promoting.promote_if_ready(ws, view.experiment, view.result, view.design)
        return replace(view, covariates=reading.covariate_columns)
    _note_view(ws, actor, stored)
    return replace(
        _opened(reading.experiment, stored),
        newer_data=stored.data_hash != reading.data_hash,
        covariates=reading.covariate_columns,
    )


def cut_look(ws: Workspace, actor: Actor, view: LookView, cut: Cut) -> LookView:
    """Some of the units of a look, analysed as the data are now; nothing is kept.

    Args:
        ws: The workspace.
        actor: Who asks.
        view: The look.
        cut: Which units; the look itself where it says nothing.

    Raises:
        ConflictError: the data do not tell units apart by their time.
        InvalidInputError: a run or a day is not written as it must be.
        NotFoundError: there is no such run.
    """
    require(actor, Permission.RESULTS)
    if not cut or view.result.verdict.code == "no_data":
        return view
    with ws.db.read() as cursor:
        reading, told = _cut_reading(ws, cursor, view.experiment, cut)
        table = readings.fetch(cursor, reading)
    design = replace(reading.design, reference=view.result.reference)
    if cut == Cut(exclude=cut.exclude):
        design = _to_scale(design, view.cells, table.cells)
    result = analyze(table.cells, design, reading.quality, data_hash=reading.data_hash)
    found = LookView(
        result=replace(result, look=view.result.look, exploring=told),
        experiment=view.experiment,
        taken_at=view.taken_at,
        sql=table.sql,
        moments=explaining.moment_rows(Groups.of(table.cells, len(design.phases)), design),
        cells=table.cells,
        design=design,
        data_as_of=design.newest,
        finished=design.finished,
        quality=reading.quality,
        cut=cut,
        covariates=reading.covariate_columns,
    )
    return _shut(found) if view.result.locked else found


def _to_scale(design: Design, whole: Cells, part: Cells) -> Design:
    """Planned units in proportion: a plan that was reached is reached without some days too."""
    planned = design.plan.planned_units
    units, left = (sum(cell.units for cell in cells.values()) for cells in (whole, part))
    if planned is None or not units:
        return design
    return replace(
        design, plan=replace(design.plan, planned_units=max(1, planned * left // units))
    )


@dataclass(frozen=True, slots=True)
class Measured:
    """An experiment's numbers as its data are now; nobody's look.

    Attributes:
        units: Variant key -> units analysed.
        groups: What the result was computed from, with the holdout.
        design: What the analysis was told besides.
    """

    experiment: Experiment
    result: ExperimentResult
    units: dict[str, int]
    groups: Groups
    design: Design


def measured(
    ws: Workspace, actor: Actor, experiment_id: str, *, chances: bool = False
) -> Measured:
    """Compute the numbers without keeping a look, for counters that are read all the time.

    The plan's minima do not hold anything back: dialects print the fixed-horizon test that
    their service defines. Locked results are as good as none.

    Args:
        ws: The workspace.
        actor: Who asks.
        experiment_id: Id, key or slug.
        chances: Also the probability of each arm to be best.

    Raises:
        NotFoundError: there is no such experiment.
    """
    require(actor, Permission.RESULTS)
    reading = _reading(ws, actor, experiment_id)
    with ws.db.read() as cursor:
        table = readings.fetch(cursor, reading)
    plan = replace(
        reading.design.plan, min_units_per_arm=2, min_conversions_per_arm=0, min_runtime_days=0
    )
    design = replace(reading.design, plan=plan)
    result = analyze(table.cells, design, reading.quality, data_hash=reading.data_hash)
    groups = Groups.of(table.cells, len(design.phases))
    if locking.is_locked(reading.experiment, result):
        result = locking.shut(result)
    if chances and result.metrics:
        result = bayesian.with_view(result, groups, design)
    units = {arm: groups.total((arm,)) for arm in reading.design.arms}
    return Measured(reading.experiment, result, units, groups, design)


def past_look(ws: Workspace, actor: Actor, experiment_id: str, number: int) -> LookView:
    """One look as it was seen, whatever has happened to data and settings since.

    Raises:
        NotFoundError: there is no such experiment or look.
    """
    require(actor, Permission.RESULTS)
    reading = _reading(ws, actor, experiment_id)
    with ws.db.read() as cursor:
        taken = looks.looks_of(cursor, reading.experiment.id)
    for stored in taken:
        if stored.no == number:
            return _open_to_people(_opened(reading.experiment, stored))
    raise NotFoundError(
        f"There is no look {number} at “{reading.experiment.name}”.",
        hint=f"There {'is 1 look' if len(taken) == 1 else f'are {len(taken)} looks'}.",
    )


def looks_of(ws: Workspace, actor: Actor, experiment_id: str) -> tuple[StoredLook, ...]:
    """Every look of an experiment as it is kept, the oldest first.

    Raises:
        NotFoundError: there is no such experiment.
    """
    require(actor, Permission.RESULTS)
    with ws.db.read() as cursor:
        experiment = find(cursor, actor, experiment_id)
        return looks.looks_of(cursor, experiment.id)


def find_look(ws: Workspace, actor: Actor, look_id: str) -> tuple[StoredLook, LookView]:
    """One look by its id, as it was seen.

    Raises:
        NotFoundError: there is none, or it belongs to another organisation.
    """
    require(actor, Permission.RESULTS)
    with ws.db.read() as cursor:
        stored = looks.look_by_id(cursor, look_id)
        if stored is None:
            raise _no_look(look_id)
        try:
            experiment = find(cursor, actor, stored.experiment_id)
        except NotFoundError:
            raise _no_look(look_id) from None
    return stored, _open_to_people(_opened(experiment, stored))


def daily(ws: Workspace, actor: Actor, shown: LookView) -> Daily:
    """The cells of every metric by day, as somebody looks at them; none without times.

    Quantiles are left out: those of days do not add up to that of the whole.

    Raises:
        ConflictError: the results are locked.
    """
    _check_open(shown.result)
    reading = rows_of(ws, actor, shown)
    query = _query(reading, shown)
    if query is None or reading.design.newest is None:
        return {}
    needs = tuple(one for one in query.needs if one.need.shape != "quantile")
    if not needs:
        return {}
    query = replace(query, needs=needs, by_day=True, skewness=False)
    with ws.db.read() as cursor:
        return store_cells.unit_cells(cursor, query).cells


def series(
    ws: Workspace,
    actor: Actor,
    experiment_id: str,
    metric_key: str,
    *,
    shown: LookView | None = None,
    cells: Daily | None = None,
) -> dict[str, tuple[SeriesPoint, ...]]:
    """The cumulative result of one metric by day, per treatment; empty without times.

    Args:
        ws: The workspace.
        actor: Who asks.
        experiment_id: Id, key or slug.
        metric_key: One of its metrics.
        shown: The look as somebody explores it; the planned one when left out.
        cells: Those of :func:`daily`, where they are at hand.

    Raises:
        ConflictError: the results are locked.
        NotFoundError: there is no such experiment or metric.
    """
    view = shown or look(ws, actor, experiment_id)
    _check_open(view.result)
    metric = _metric(view.design, metric_key)
    if metric.kind is MetricKind.QUANTILE:
        query = _query(rows_of(ws, actor, view), view)
        units = sum(cell.units for cell in view.cells.values())
        ends = quantile_days.cells_by_end(ws, query, metric, units) if query else {}
        return by_day.at_ends(ends, view.design, metric, _levels(view.result, metric))
    found = daily(ws, actor, view) if cells is None else cells
    if not found:
        return dict.fromkeys(view.design.treatments, ())
    return by_day.cumulative(found, view.design, metric, _levels(view.result, metric))


def lifts(view: LookView, cells: Daily) -> dict[tuple[str, str], tuple[float, ...]]:
    """(metric, treatment) -> its cumulative lifts, oldest first, from :func:`daily`."""
    return by_day.lifts(cells, view.design)


def segment_columns(ws: Workspace, actor: Actor, experiment_id: str) -> tuple[str, ...]:
    """Attributes that the units can be cut by."""
    require(actor, Permission.RESULTS)
    return _reading(ws, actor, experiment_id).segment_columns


def segments(
    ws: Workspace,
    actor: Actor,
    experiment_id: str,
    metric_key: str,
    column: str,
    *,
    shown: LookView | None = None,
) -> tuple[SegmentResult, ...]:
    """One metric in every value of one attribute, corrected for their number.

    Args:
        ws: The workspace.
        actor: Who asks.
        experiment_id: Id, key or slug.
        metric_key: One of its metrics.
        column: Header text of the attribute.
        shown: The look as somebody explores it; the planned one when left out.

    Raises:
        NotFoundError: there is no such experiment, metric or attribute.
    """
    require(actor, Permission.RESULTS)
    reading = _reading(ws, actor, experiment_id)
    metric = _metric(shown.design if shown else reading.design, metric_key)
    ours = reading.column_of(column, Role.SEGMENT)
    if reading.query is None or not ours:
        listed = ", ".join(reading.segment_columns) or "none"
        raise NotFoundError(
            f"There is no segment column “{column}”.", hint=f"There are: {listed}."
        )
    if shown is None and reading.experiment.plan.lock_results:
        shown = look(ws, actor, experiment_id)
    query = reading.query
    if shown is not None:
        _check_open(shown.result)
        query = _query(_cut_as(ws, reading, shown), shown) or query
    needs = tuple(one for one in query.needs if one.need.key == metric.key)
    query = replace(query, needs=needs, segment=ours)
    with ws.db.read() as cursor:
        found = store_cells.segment_cells(cursor, query, by_segment.MOST_SEGMENTS)
    design = shown.design if shown else reading.design
    results = by_segment.segment_results(found, design, metric, column)
    _note_slice(ws, actor, reading, OpenedSlice(metric.key, column, len(results)))
    return results


def opened_slices(ws: Workspace, actor: Actor, experiment_id: str) -> tuple[OpenedSlice, ...]:
    """Every slice of an experiment that somebody has opened, the first one first.

    Raises:
        NotFoundError: there is no such experiment.
    """
    require(actor, Permission.READ)
    return _slices(ws, look_up(ws, actor, experiment_id).id)


def explain(
    ws: Workspace, actor: Actor, experiment_id: str, metric_key: str, variant: str
) -> Explanation:
    """How one number came about: formula, numbers put in, moments, query.

    Raises:
        NotFoundError: there is no such experiment, metric or treatment.
    """
    return explained(look(ws, actor, experiment_id), metric_key, variant)


def explained(view: LookView, metric_key: str, variant: str) -> Explanation:
    """The same of a look at hand.

    Raises:
        NotFoundError: there is no such metric or treatment.
    """
    found = contrast_of(view.result, metric_key, variant)
    groups = Groups.of(view.cells, len(view.design.phases))
    metric = next(one for one in view.design.metrics if one.key == metric_key)
    told = explaining.explain(groups, view.design, metric, found, treatment=variant)
    further = further_steps(
        view.result, groups, view.design, metric=metric_key, treatment=variant
    )
    return replace(told, sql=view.sql, steps=further)


def rows_of(ws: Workspace, actor: Actor, shown: LookView) -> Reading:
    """How the rows behind a look are asked, as the data are now; looks at none of them."""
    require(actor, Permission.RESULTS)
    return _cut_as(ws, _reading(ws, actor, shown.experiment.id), shown)


def reading_of(
    ws: Workspace, actor: Actor, experiment_id: str, metric_key: str
) -> tuple[Reading, Metric]:
    """What an analysis of one metric needs; looks at no rows.

    Raises:
        NotFoundError: there is no such experiment or metric.
    """
    reading = _reading(ws, actor, experiment_id)
    return reading, _metric(reading.design, metric_key)


def contrast_of(result: ExperimentResult, metric_key: str, variant: str) -> Contrast:
    """One comparison of a result.

    Raises:
        NotFoundError: there is no such metric or treatment.
        ConflictError: ``RESULTS_LOCKED``.
    """
    _check_open(result)
    metrics = {metric.key: metric for metric in result.metrics}
    if metric_key not in metrics:
        raise NotFoundError(
            f"There is no metric “{metric_key}”.", hint=f"There are: {', '.join(metrics)}."
        )
    arms = {arm.variant: arm.contrast for arm in metrics[metric_key].arms}
    found = arms.get(variant)
    if found is None:
        raise NotFoundError(
            f"“{variant}” is not compared with “{result.reference}”.",
            hint=f"Treatments are: {', '.join(result.treatments)}.",
        )
    return found


def summaries(ws: Workspace, actor: Actor) -> dict[str, ExperimentSummary]:
    """What a list shows of every experiment with data; readings not yet seen are taken."""
    require(actor, Permission.RESULTS)
    with ws.db.read() as cursor:
        known = [e for e in catalog.all_experiments(cursor, actor.org_id) if not e.deleted_at]
    for experiment in known:
        follow_log(ws, experiment)
    with ws.db.read() as cursor:
        ids = [experiment.id for experiment in known]
        states = looks.data_states(cursor, ids)
        taken = looks.units_at_looks(cursor, ids)
        now = ws.now()
        ready = [
            readings.read(one, states.get(one.id), now=now, looks=taken.get(one.id, ()))
            for one in known
            if one.id in states
        ]
        stored = looks.find_looks(
            cursor, [(one.experiment.id, one.data_hash, one.settings_hash) for one in ready]
        )
    found = {}
    for one in ready:
        key = one.experiment.id
        seen = stored.get(key) or _of_today(ws, one) or _take(ws, actor, one)
        result = from_dict(seen.results)
        locked = locking.is_locked(one.experiment, result)
        found[key] = _summary(locking.shut(result) if locked else result)
    return found


def _open_to_people(view: LookView) -> LookView:
    """The look, shut if its plan keeps it locked."""
    return _shut(view) if locking.is_locked(view.experiment, view.result) else view


def _shut(view: LookView) -> LookView:
    return replace(view, result=locking.shut(view.result), sql="", moments=(), cells={})


def _check_open(result: ExperimentResult) -> None:
    if result.locked:
        raise ConflictError(
            locking.TEXT,
            code="RESULTS_LOCKED",
            hint="Health and progress are on the results page.",
        )


def _cut_reading(
    ws: Workspace, cursor: Any, experiment: Experiment, cut: Cut
) -> tuple[Reading, tuple[str, ...]]:
    data = readings.data_of(ws.db, cursor, experiment.id)
    taken = readings.looks_of(ws.db, cursor, experiment.id)
    return cutting.cut_reading(experiment, data, cut, now=ws.now(), looks=taken)


def _query(reading: Reading, shown: LookView) -> CellQuery | None:
    """What the rows are asked for the metrics as somebody explores them.

    Where data have come since the look, its units are those that had come by then.
    """
    query, metrics = reading.query, shown.design.metrics
    if query is None or reading.data is None:
        return None
    if metrics != reading.design.metrics:
        query = replace(query, needs=readings.bound(metrics, reading.data))
    if shown.result.data_hash != reading.data_hash and shown.data_as_of is not None:
        query = replace(query, as_of=shown.data_as_of + timedelta(microseconds=1))
    return query


def _cut_as(ws: Workspace, reading: Reading, shown: LookView) -> Reading:
    """The reading of the units that somebody looks at."""
    if not shown.cut:
        return reading
    with ws.db.read() as cursor:
        return _cut_reading(ws, cursor, reading.experiment, shown.cut)[0]


def _no_look(look_id: str) -> NotFoundError:
    return NotFoundError(
        f"There is no look “{look_id}”.", hint="List the looks of the experiment."
    )


def _reading(
    ws: Workspace, actor: Actor, experiment_id: str, *, reference: str | None = None
) -> Reading:
    experiment = look_up(ws, actor, experiment_id)
    follow_log(ws, experiment)
    data, taken = ws.db.recall(
        ("data and looks", experiment.id),
        lambda cursor: (
            readings.data_of(ws.db, cursor, experiment.id),
            readings.looks_of(ws.db, cursor, experiment.id),
        ),
    )
    return readings.read(experiment, data, now=ws.now(), looks=taken, reference=reference)


def _stored(ws: Workspace, reading: Reading) -> StoredLook | None:
    wanted = reading.experiment.id, reading.data_hash, reading.settings_hash
    return ws.db.recall(("look", *wanted), lambda cursor: looks.find_look(cursor, *wanted))


def _of_today(ws: Workspace, reading: Reading) -> StoredLook | None:
    """The newest look, where the plan spends its alpha and has had its look of today."""
    plan, now = reading.design.plan, ws.now()
    spends = plan.method == "sequential" and plan.planned_units is not None
    if not spends or reading.design.finished:
        return None
    with ws.db.read() as cursor:
        latest = looks.latest_look(cursor, reading.experiment.id)
    if latest is None or latest.taken_at.date() != now.date():
        return None
    same = latest.settings["settings"]["reference"] == reading.design.reference
    return latest if same and latest.data_hash != reading.data_hash else None


def _take(ws: Workspace, actor: Actor, reading: Reading, trigger: str = "page") -> StoredLook:
    """Analyse and keep; if somebody was faster with the same data, theirs is the look."""
    with ws.db.read() as cursor:
        reading = _as_now(ws, cursor, reading)
        table = readings.fetch(cursor, reading)
    result = analyze(table.cells, reading.design, reading.quality, data_hash=reading.data_hash)
    kept = {
        "settings": reading.settings,
        "newest": reading.design.newest.isoformat() if reading.design.newest else None,
        "past_units": list(reading.design.past_units),
        "quality": asdict(reading.quality),
        "sql": table.sql,
        "cells": looks.cells_to_json(table.cells),
    }
    key = reading.experiment.id

    def taken(number: int | None) -> StoredLook:
        return StoredLook(
            id=ws.new_id(),
            experiment_id=key,
            no=number or 0,
            taken_at=ws.now(),
            actor=actor.name,
            trigger=trigger,
            data_hash=reading.data_hash,
            settings_hash=reading.settings_hash,
            engine_version=ENGINE_VERSION,
            settings=kept,
            results=to_dict(replace(result, look=number)),
            verdict=result.verdict.code,
        )

    if ws.db.damage:
        return taken(None)  # shown, but nothing can be kept
    with ws.db.write() as cursor:
        known = looks.find_look(cursor, key, reading.data_hash, reading.settings_hash)
        if known is not None:
            return known
        found = taken(looks.count_looks(cursor, [key]).get(key, 0) + 1)
        looks.insert_look(cursor, found)
    return found


def _as_now(ws: Workspace, cursor: Any, reading: Reading) -> Reading:
    """The reading on the data as this transaction sees them; an import may have come since."""
    key = reading.experiment.id
    data = readings.data_of(ws.db, cursor, key)
    if data == reading.data:
        return reading
    return readings.read(
        reading.experiment,
        data,
        now=ws.now(),
        looks=readings.looks_of(ws.db, cursor, key),
        reference=reading.design.reference,
    )


def _slices(ws: Workspace, experiment_id: str) -> tuple[OpenedSlice, ...]:
    return ws.db.recall(
        ("slices", experiment_id), lambda cursor: slices.opened(cursor, experiment_id)
    )


def _note_slice(ws: Workspace, actor: Actor, reading: Reading, found: OpenedSlice) -> None:
    """Write down that a slice was opened, unless it stands there already."""
    key = reading.experiment.id
    if found in _slices(ws, key):
        return
    with ws.db.write() as cursor:
        slices.note(cursor, key, found, actor=actor.name, at=ws.now())


def _note_view(ws: Workspace, actor: Actor, stored: StoredLook) -> None:
    if ws.db.damage:
        return
    now, key = ws.now(), (stored.id, actor.name)
    before = _LAST_VISIT.get(key)
    if before is not None and now - before < SAME_VISIT:
        return
    _LAST_VISIT[key] = now
    with ws.db.write() as cursor:
        looks.raise_views(cursor, stored.id)


def _opened(experiment: Experiment, stored: StoredLook) -> LookView:
    """A look with everything that was kept with it."""
    kept = stored.settings
    newest = datetime.fromisoformat(kept["newest"]) if kept["newest"] else None
    design = readings.design_of(kept["settings"], newest, kept.get("past_units", ()))
    cells = looks.cells_from_json(kept["cells"])
    return LookView(
        result=from_dict(stored.results),
        experiment=experiment,
        taken_at=stored.taken_at,
        sql=kept["sql"],
        moments=explaining.moment_rows(Groups.of(cells, len(design.phases)), design),
        cells=cells,
        design=design,
        data_as_of=newest,
        finished=design.finished,
        views=stored.views,
        quality=Quality(**kept.get("quality", {})),
    )


def _metric(design: Design, key: str) -> Metric:
    found = {metric.key: metric for metric in design.metrics}
    if key not in found:
        raise NotFoundError(
            f"There is no metric “{key}”.", hint=f"There are: {', '.join(found) or 'none'}."
        )
    return found[key]


def _levels(result: ExperimentResult, metric: Metric) -> dict[str, float]:
    """Level of each treatment's interval on the scorecard."""
    contrasts: Iterable[tuple[str, Any]] = (
        (arm.variant, arm.contrast) for arm in result.metric(metric.key).arms
    )
    return {arm: 1 - found.confidence_level for arm, found in contrasts if found is not None}


def _summary(result: ExperimentResult) -> ExperimentSummary:
    metric = next((m for m in result.metrics if m.role == MetricRole.PRIMARY), None)
    arm = result.verdict.variant or next(iter(result.treatments), None)
    contrast = metric.arm(arm).contrast if metric is not None and arm is not None else None
    now = result.progress
    share = now.units / now.planned_units if now and now.planned_units else None
    days = now.planned_days - now.days if now and now.planned_days and now.days else None
    return ExperimentSummary(
        verdict=result.verdict.code,
        text=result.verdict.text,
        final=result.final,
        variant=arm,
        metric=metric.name if metric else None,
        relative_lift=contrast.relative_lift if contrast else None,
        relative_lift_ci_lower=_end(contrast, "lower", early=not result.final),
        relative_lift_ci_upper=_end(contrast, "upper", early=not result.final),
        progress=share,
        days_left=None if days is None or result.final else max(0, days),
    )


def _end(contrast: Contrast | None, side: str, *, early: bool) -> Value | None:
    """A limit of the lift: at an interim look the one that holds at any look."""
    if contrast is None:
        return None
    source = contrast.sequential if early and contrast.sequential else contrast
    end: Value = getattr(source, f"relative_lift_ci_{side}")
    return end
