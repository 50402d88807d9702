"""Units of every arm by the day they came, with a line where a phase begins."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from experiments_core.charts import findings, tables, words
from experiments_core.charts.days import DayCount, units_by_day
from experiments_core.domain.experiment import Experiment
from pages.parts import markup, theme
from pages.parts.markup import NOTHING, Html


def draw(
    experiment: Experiment,
    days: Sequence[DayCount],
    names: Sequence[str],
    above: Html = NOTHING,
) -> None:
    """Draw the days, oldest first, and the table of their numbers, below what stands above."""
    phases = [
        (phase.started_at.date(), f"phase {phase.seq} {words.split(phase.weights_bp)}")
        for phase in experiment.phases
    ]
    shown = phases if len(phases) > 1 else []
    title = findings.days_title(days, f"{experiment.unit}s")
    markup.draw(above, markup.lead(title))
    theme.fitting(
        partial(units_by_day, days, names, theme.tokens(), phases=shown),
        key="arrivals",
        alt=title,
        image=f"{experiment.slug}-per-day",
    )
    theme.numbers(tables.days_table(days, names))
