"""The runs on a calendar, with a title that says what is going on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from experiments_core.charts import words
from experiments_core.charts.timeline import KEY, NARROW_DAYS, Run, timeline
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.lifecycle import Status
from pages.parts import screen, theme
from pages.parts.experiments_attention import counted
from pages.parts.experiments_rows import Row

MOST = 30
CONCLUDED = {"won", "lost", "inconclusive", "invalid"}


def draw(rows: Sequence[Row], now: datetime) -> None:
    """Title, figure, key, and the same as a table."""
    started = [row for row in rows if row.experiment.started_at]
    if not started:
        return
    theme.section(title(started))
    if len(started) > MOST:
        theme.muted(f"The first {MOST} of {len(started)} in the list.")
    runs = [_run(row, now) for row in started[:MOST]]
    today = now.date()
    alt = " ".join(f"{run.name}: {words.day(run.start)}, {run.outcome}." for run in runs)
    narrow = screen.is_narrow()
    first = today - timedelta(days=NARROW_DAYS)
    drawn = [run for run in runs if not narrow or run.end is None or run.end >= first]
    if drawn:
        drawing = timeline(drawn, theme.tokens(), today=today, narrow=narrow)
        theme.figure(drawing, key="timeline", alt=alt)
        theme.note(KEY)
    else:
        theme.muted("Nothing ran in the last eight weeks; the table below has all runs.")
    theme.numbers([_line(run) for run in runs])


def title(rows: Sequence[Row]) -> str:
    """``Timeline: three running, one waiting for a decision``."""
    running = sum(row.group == "running" for row in rows)
    waiting = sum(row.group == "decide" for row in rows)
    told = [f"{counted(running) if running else 'none'} running"]
    if waiting:
        told.append(f"{counted(waiting)} waiting for a decision")
    return f"Timeline: {', '.join(told)}"


def _run(row: Row, now: datetime) -> Run:
    one = row.experiment
    last = [phase for phase in one.phases if phase.run_no == one.run_no]
    start = last[0].started_at if last else one.started_at or now
    going = one.status in {Status.RUNNING, Status.PAUSED}
    end = None if going else (one.stopped_at or one.completed_at or now).date()
    return Run(
        name=row.name,
        start=start.date(),
        end=end,
        outcome=_outcome(one, row),
        planned_end=one.plan.planned_end if going else None,
        changes=tuple(phase.started_at.date() for phase in last if phase.kind == "traffic"),
    )


def _outcome(one: Experiment, row: Row) -> str:
    if one.conclusion:
        return one.conclusion if one.conclusion in CONCLUDED else "stopped"
    if row.summary is not None and row.summary.verdict == "cannot_say":
        return "invalid"
    if one.status is Status.PAUSED:
        return "paused"
    return "running" if one.status is Status.RUNNING else "undecided"


def _line(run: Run) -> dict[str, object]:
    return {
        "Experiment": run.name,
        "Start": words.day(run.start, year=True),
        "End": "still on" if run.end is None else words.day(run.end, year=True),
        "Outcome": run.outcome,
        "Split changed": ", ".join(words.day(day) for day in run.changes) or words.NONE,
    }
