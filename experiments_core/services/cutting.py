"""A part of the data by itself: up to a moment, of one run, without some days. Never a look."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from experiments_core.analysis import words
from experiments_core.domain.assignment import first_run
from experiments_core.domain.experiment import Experiment
from experiments_core.errors import ConflictError, InvalidInputError, NotFoundError, Problem
from experiments_core.services import readings
from experiments_core.services.reading_design import PastLook
from experiments_core.services.readings import Reading
from experiments_core.store.data_states import DataState

CURRENT, FIRST_DAY = "current", "first_day"
Window = tuple[datetime | None, datetime | None]


@dataclass(frozen=True, slots=True)
class Cut:
    """Which units are wanted; nothing said wants all of them.

    Attributes:
        as_of: Only units first seen before this moment, judged as on that day.
        run: ``current``, or the number of a run: only units that it brought in.
        exclude: ``first_day``, or days as ``2026-05-04`` (UTC): units first seen then are out.
    """

    as_of: datetime | None = None
    run: str | None = None
    exclude: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self != Cut()


def cut_reading(
    experiment: Experiment,
    data: DataState | None,
    cut: Cut,
    *,
    now: datetime,
    looks: tuple[PastLook, ...] = (),
) -> tuple[Reading, tuple[str, ...]]:
    """What an analysis of these units needs, and what it leaves out in words.

    Args:
        experiment: The experiment.
        data: Its data.
        cut: Which units.
        now: The present moment, aware.
        looks: When each look was taken, and on how many units.

    Raises:
        ConflictError: ``NO_UNIT_ROWS`` or ``NO_UNIT_TIMES``: the data do not tell units apart
            by their time.
        InvalidInputError: a run or a day is not written as it must be.
        NotFoundError: there is no such run.
    """
    until = now if cut.as_of is None else min(now, cut.as_of)
    run = _run(experiment, cut.run)
    window = _window(experiment, run)
    kept = replace(experiment, phases=tuple(
        phase for phase in experiment.phases
        if phase.started_at < until and run in {None, phase.run_no}
    ))  # fmt: skip
    before = tuple(one for one in looks if one[0] < until)
    reading = readings.read(kept, data, now=until, looks=before)
    if reading.query is None:
        raise ConflictError(
            "Only rows per unit can be cut; these data are totals.",
            code="NO_UNIT_ROWS",
            hint="Import one row per unit.",
        )
    first, newest = data.span if data else (None, None)
    if first is None or newest is None:
        raise ConflictError(
            "Nothing says when a unit was first seen, so the data cannot be cut by time.",
            code="NO_UNIT_TIMES",
            hint="Import the data with a column of the time at which each unit was first seen.",
        )
    first = max(first, window[0] or first)
    days = _days(cut.exclude, first)
    query = replace(
        reading.query, as_of=cut.as_of, placed_from=window[0], placed_until=window[1],
        without_days=days, since=reading.query.since if run is None else None,
    )  # fmt: skip
    reading = replace(reading, query=query)
    return _timed(reading, cut, (first, newest), window[1]), _told(cut, run, days)


def with_phases_of(experiment: Experiment, cut: Cut) -> Experiment:
    """The experiment with only the phases whose units are shown."""
    run, first = _run(experiment, cut.run), first_run(experiment)
    return replace(experiment, phases=tuple(
        one for one in experiment.phases
        if (one.run_no >= first if run is None else one.run_no == run)
    ))  # fmt: skip


def assigned_afresh_after(experiment: Experiment, asked: str | None) -> int | None:
    """The first later run that assigned afresh: an earlier run's units lie before it.

    Args:
        experiment: The experiment.
        asked: A run, as :class:`Cut` names it.
    """
    run = _run(experiment, asked)
    later = {p.run_no for p in experiment.phases if p.rerandomised and p.run_no > (run or 0)}
    return None if run is None else min(later, default=None)


def _timed(reading: Reading, cut: Cut, span: tuple[datetime, datetime], end: Any) -> Reading:
    """The reading with the calendar of the units that are left."""
    first, newest = span
    last = min([one for one in (newest, cut.as_of, end) if one is not None])
    goes_on = cut.as_of is not None and cut.as_of <= newest
    design = replace(
        reading.design,
        newest=last,
        days=max(1, (last.date() - first.date()).days + 1),
        finished=reading.design.finished and not goes_on,
        said_over=reading.design.said_over and not goes_on,
    )
    return replace(reading, design=design)


def _run(experiment: Experiment, asked: str | None) -> int | None:
    if asked is None:
        return None
    runs = sorted({phase.run_no for phase in experiment.phases})
    if asked != CURRENT and not (asked.isascii() and asked.isdecimal() and len(asked) < 10):
        message = f"run is “{asked}”; it is current, or the number of a run such as 1"
        raise InvalidInputError(
            f"{message}.", details=(Problem("run", asked, "PATTERN", message),)
        )
    found = (runs or [0])[-1] if asked == CURRENT else int(asked)
    if found not in runs:
        listed = ", ".join(map(str, runs)) or "none yet"
        raise NotFoundError(f"There is no run {asked}.", hint=f"Runs are: {listed}.")
    return found


def _window(experiment: Experiment, run: int | None) -> Window:
    """From the start of a run to that of the next; the first one is open, data may be older."""
    if run is None:
        return None, None
    starts: dict[int, datetime] = {}
    for phase in experiment.phases:
        starts.setdefault(phase.run_no, phase.started_at)
    later = [at for number, at in starts.items() if number > run]
    return (starts[run] if run > min(starts) else None), min(later, default=None)


def _days(exclude: tuple[str, ...], first: datetime) -> tuple[date, ...]:
    return tuple(sorted({_day(one, first) for one in exclude}))


def _day(text: str, first: datetime) -> date:
    if text == FIRST_DAY:
        return first.astimezone(UTC).date()
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        message = f"exclude is “{text}”; it is first_day, or a day such as 2026-05-04"
        raise InvalidInputError(
            f"{message}.", details=(Problem("exclude", text, "PATTERN", message),)
        ) from None


def _told(cut: Cut, run: int | None, days: tuple[date, ...]) -> tuple[str, ...]:
    told = []
    if cut.as_of is not None:
        moment = cut.as_of.astimezone(UTC)
        told.append(f"as of {words.day(moment, year=True)} {moment:%H:%M} UTC")
    if run is not None:
        told.append(f"run {run} only")
    told += [f"without {words.day(day, year=True)}" for day in days]
    return tuple(told)
