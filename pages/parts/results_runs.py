"""Which runs of an experiment count: all that share their assignments, or one."""

from __future__ import annotations

from datetime import timedelta

from experiments_core.charts import words
from experiments_core.domain.assignment import first_run
from experiments_core.domain.experiment import Experiment
from experiments_core.services.cutting import CURRENT

PLAN = "plan"


def options(experiment: Experiment) -> dict[str, str]:
    """Value in the address -> label; empty where there has been one run at most."""
    runs = sorted({phase.run_no for phase in experiment.phases})
    if len(runs) < 2:
        return {}
    first, last = first_run(experiment), runs[-1]
    together = "all" if first == runs[0] else f"{first} to {last}, the same assignments"
    planned = f"{last}, units were assigned afresh" if first == last else together
    found = {PLAN: f"Runs: {planned}"}
    if first != last:
        found[CURRENT] = f"Runs: the current only · {_days(experiment, last)}"
    return found | {
        str(run): f"Runs: {run} only · {_days(experiment, run)}" for run in runs[:-1]
    }


def are_apart(experiment: Experiment) -> bool:
    """Whether earlier runs have units of their own, that do not count now."""
    return first_run(experiment) > 1


def _days(experiment: Experiment, run: int) -> str:
    phases = [phase for phase in experiment.phases if phase.run_no == run]
    begin, end = phases[0].started_at, phases[-1].ended_at
    if end is None:
        return f"since {words.day(begin)}"
    return words.days(begin, max(begin, end - timedelta(seconds=1)))
