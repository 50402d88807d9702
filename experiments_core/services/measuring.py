"""An experiment's numbers as its data are now, for counters that are read all the time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from experiments_core.analysis import bayesian, locking
from experiments_core.analysis.design import Design
from experiments_core.analysis.engine import analyze
from experiments_core.analysis.groups import Groups
from experiments_core.analysis.results import ExperimentResult
from experiments_core.domain.access import Actor, Permission, require
from experiments_core.domain.experiment import Experiment
from experiments_core.services import readings
from experiments_core.services.readings import Reading
from experiments_core.services.taking import reading_of_now, readings_of_now
from experiments_core.services.workspace import Workspace


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
    return _of(ws, reading_of_now(ws, actor, experiment_id), chances=chances)


def measured_all(
    ws: Workspace, actor: Actor, experiments: Sequence[Experiment]
) -> dict[str, Measured]:
    """The same of several, by id; only those whose data or settings changed cost queries."""
    require(actor, Permission.RESULTS)
    found = readings_of_now(ws, experiments)
    return {one.experiment.id: _of(ws, one, chances=False) for one in found}


def _of(ws: Workspace, reading: Reading, *, chances: bool) -> Measured:
    """The numbers of a reading; they depend on its data, its settings and the day."""
    design, experiment = reading.design, reading.experiment
    age = None if design.age_days is None else int(design.age_days)
    key = (
        experiment.id, experiment.version, reading.data_hash, reading.settings_hash,
        design.past_units, design.looks, age, chances,
    )  # fmt: skip
    return ws.known.once("measured", key, lambda: _compute(ws, reading, chances=chances))


def _compute(ws: Workspace, reading: Reading, *, chances: bool) -> Measured:
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
