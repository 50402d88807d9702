"""The phases of a test: what held when, who changed it and why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial

from experiments_core.charts import words
from experiments_core.charts.bars import number_of
from experiments_core.charts.timeline import NARROW_DAYS, Run, timeline
from experiments_core.domain.experiment import WHOLE_BP, Experiment, Phase
from experiments_core.domain.lifecycle import Status
from pages.parts import screen, theme


def shares(weights_bp: Mapping[str, int]) -> str:
    """``50 / 50`` in the order of the variants."""
    return " / ".join(number_of(weight) for weight in weights_bp.values())


def situation(experiment: Experiment) -> str:
    """One sentence: who enters the test now."""
    allocation = words.percent(experiment.allocation_bp / WHOLE_BP, 0)
    people = f"{experiment.unit}s"
    if experiment.is_record:
        return "Over before its data came here: Upshot assigned nobody."
    match experiment.status:
        case Status.DRAFT:
            return "Not started. Traffic begins when you start the test."
        case Status.RUNNING:
            return f"{allocation} of eligible {people} enter the test{_next_step(experiment)}."
        case Status.PAUSED:
            return f"Paused: nobody new enters, {people} in the test keep their version."
        case _:
            return f"Ended: every {experiment.unit} gets the fallback. A new run can change it."


def _next_step(experiment: Experiment) -> str:
    """``; 50 % from 29 Nov 09:00 UTC``, where a ramp is scheduled."""
    if not experiment.ramp:
        return ""
    step = experiment.ramp[0]
    share = words.percent(step.allocation_bp / WHOLE_BP, 0)
    return f"; {share} from {words.day(step.at)} {step.at:%H:%M} UTC"


def draw(experiment: Experiment, now: datetime) -> None:
    """A calendar and a table of the phases; nothing for a draft."""
    phases = experiment.phases
    if not phases:
        return
    changes = words.plural(len(phases) - 1, "change") if len(phases) > 1 else "no change"
    theme.section(f"Phases: {changes} since {words.day(phases[0].started_at)}")
    runs = [_run(experiment, number, now) for number in sorted({p.run_no for p in phases})]
    first = now.date() - timedelta(days=NARROW_DAYS)
    recent = any(run.end is None or run.end >= first for run in runs)
    ended = all(run.end is not None for run in runs)
    calendar = partial(
        timeline, runs, theme.tokens(), today=now.date(), whole=ended or not recent
    )
    alt = "; ".join(
        f"{phase.seq}: {shares(phase.weights_bp)}, from {_when(phase.started_at, now)} UTC"
        for phase in phases
    )
    theme.fitting(calendar, key="phases", alt=alt)
    theme.table(_rows(phases, now))
    if screen.is_narrow():
        for phase in phases:
            theme.note(f"Phase {phase.seq}: {_why(phase)}")


def _run(experiment: Experiment, run_no: int, now: datetime) -> Run:
    phases = [phase for phase in experiment.phases if phase.run_no == run_no]
    last = run_no == experiment.run_no
    going = last and experiment.status in {Status.RUNNING, Status.PAUSED}
    ended = phases[-1].ended_at or now
    return Run(
        name=f"Run {run_no}",
        start=phases[0].started_at.date(),
        end=None if going else ended.date(),
        outcome=_outcome(experiment) if last else "stopped",
        planned_end=experiment.plan.planned_end if going else None,
        changes=tuple(p.started_at.date() for p in phases[1:] if p.kind == "traffic"),
    )


def _outcome(experiment: Experiment) -> str:
    if experiment.status is Status.RUNNING:
        return "running"
    if experiment.status is Status.PAUSED:
        return "paused"
    known = {"won", "lost", "inconclusive", "invalid"}
    return experiment.conclusion if experiment.conclusion in known else "undecided"


def _rows(phases: tuple[Phase, ...], now: datetime) -> list[dict[str, object]]:
    narrow = screen.is_narrow()
    return [
        {
            "Phase": phase.seq,
            "From (UTC)": _when(phase.started_at, now),
            "To": "still on" if phase.ended_at is None else _when(phase.ended_at, now),
            "Split": shares(phase.weights_bp),
            "Allocation": words.percent(phase.allocation_bp / WHOLE_BP, 0),
            **({} if narrow else {"Why, by whom": _why(phase)}),
        }
        for phase in phases
    ]


def _why(phase: Phase) -> str:
    return f"{phase.reason or phase.kind} ({phase.by})"


def _when(moment: datetime, now: datetime) -> str:
    return f"{words.day(moment, year=moment.year != now.year)} {moment:%H:%M}"
