"""The looks of an experiment in words and as a table: who, when, what it cost, what it said."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from experiments_core.analysis.contrast import Contrast
from experiments_core.analysis.past_looks import LookLine
from experiments_core.analysis.results import MetricResult
from experiments_core.charts import words
from experiments_core.charts.verdicts import in_line
from experiments_core.stats.estimate import Undefined

Lines = Sequence[LookLine]

DOORS = {"page": "page", "api": "API", "report": "report"}


def title(lines: Lines) -> str:
    """``3 looks, opened 7 times in all``."""
    views = sum(line.views for line in lines)
    opened = "opened once" if views == 1 else f"opened {words.count(views)} times in all"
    return f"{words.plural(len(lines), 'look')}, {opened}"


def monitoring(lines: Lines, treatment: str, alpha: float) -> str:
    """How looking early is paid for, in sentences."""
    found = [one for line in lines if (one := line.contrast(treatment)) is not None]
    early = [one.sequential for one in found if one.sequential and one.sequential.decides]
    spending = [one for one in early if one.method == "group_sequential"]
    if spending:
        spent = spending[-1].alpha_spent or 0.0
        return (
            "Monitored group-sequentially (Lan-DeMets, O’Brien-Fleming type): every new look "
            f"spends its part of alpha; {_alpha(spent)} of {alpha:g} is spent so far. Opening "
            "a look again costs nothing."
        )
    if early and not lines[-1].final:
        return (
            "Monitored by a confidence sequence: it holds at any number of looks, so looking "
            "spends nothing; its price is a wider interval."
        )
    if early:
        return (
            "Looks before the end were judged by a confidence sequence, which holds at any "
            "number of looks and spends nothing."
        )
    return "Judged by the one test at the end of the plan; no look before it spent any alpha."


def flips(lines: Lines, treatment: str) -> str:
    """Where a decision came or went, in one sentence; empty where none did."""
    told = []
    for before, after in pairwise(lines):
        was, now = (_decided(line.contrast(treatment)) for line in (before, after))
        if was != now:
            what = "Decided" if now else "Undecided again"
            told.append(f"{what} at look {after.no} ({words.day(after.taken_at)})")
    return f"{'; '.join(told)}." if told else ""


def rows(lines: Lines, treatment: str, unit: str) -> list[dict[str, object]]:
    """One row per look, the newest first."""
    spends = any(
        found is not None and found.alpha_spent is not None
        for line in lines
        if (contrast := line.contrast(treatment)) is not None
        for found in (contrast.sequential,)
    )
    return [_row(line, treatment, unit, spends=spends) for line in reversed(lines)]


def _decided(contrast: Contrast | None) -> bool:
    return contrast is not None and contrast.significant


def _row(line: LookLine, treatment: str, unit: str, *, spends: bool) -> dict[str, object]:
    when = f"{words.day(line.taken_at, year=True)} {line.taken_at:%H:%M}"
    row: dict[str, object] = {
        "Look": str(line.no),
        "Taken (UTC)": when,
        "By": words.plain(line.actor, 40),
        "Through": DOORS.get(line.trigger, line.trigger),
        f"{unit.capitalize()}s": words.count(line.units),
        **_effect(line.metric, line.contrast(treatment)),
    }
    if spends:
        row["Alpha spent so far"] = _spent(line.contrast(treatment))
    return row | {
        "Verdict of the look": in_line(line.verdict),
        "Opened": words.plural(line.views, "time"),
    }


def _effect(metric: MetricResult | None, found: Contrast | None) -> dict[str, object]:
    names = ("Lift", "Interval", "p at this look")
    if metric is None or found is None:
        return dict.fromkeys(names, words.NONE)
    early = found.sequential if found.sequential and found.sequential.decides else None
    source = early or found
    ends = source.relative_lift_ci_lower, source.relative_lift_ci_upper
    lift = words.lift(found.relative_lift)
    interval = words.lift_interval(*ends, column=True)
    if isinstance(found.relative_lift, Undefined):
        lift = words.difference_of(metric, found.difference)
        ends = source.difference_ci_lower, source.difference_ci_upper
        interval = words.difference_interval(metric, *ends)
    told = words.p(found.p_value_adjusted) if early is None else words.p_of_look(early)
    return dict(zip(names, (lift, interval, told), strict=True))


def _spent(found: Contrast | None) -> str:
    spent = found.sequential.alpha_spent if found and found.sequential else None
    return words.NONE if spent is None else _alpha(spent)


def _alpha(spent: float) -> str:
    return f"<{words.NARROW}0.0001" if 0 < spent < 0.0001 else f"{spent:.4f}"
