"""Who came on which day, as far as the data say when."""

from __future__ import annotations

from experiments_core.charts.days import DayCount
from experiments_core.domain.access import Actor
from experiments_core.domain.experiment import Experiment
from experiments_core.services import traffic_effect
from experiments_core.services.cutting import Cut, with_phases_of
from experiments_core.services.workspace import Workspace
from pages.parts import arrivals, theme


def draw(ws: Workspace, actor: Actor, experiment: Experiment) -> None:
    """Units per day and arm; nothing for a draft, a reason where nobody knows the days."""
    if not experiment.phases:
        return
    found = traffic_effect.units_by_day(ws, actor, experiment.id)
    theme.section(f"{experiment.unit.capitalize()}s per day")
    if not found:
        theme.muted("No data say yet on which day somebody came.")
        return
    keys = [variant.key for variant in experiment.variants]
    days = [
        DayCount(day, tuple(arms.get(key, 0) for key in keys)) for day, arms in found.items()
    ]
    names = [variant.name or variant.key for variant in experiment.variants]
    counted = with_phases_of(experiment, Cut())
    theme.once(lambda: arrivals.draw(counted, days, names), "days", experiment, days)
