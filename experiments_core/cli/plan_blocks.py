"""What ``upshot plan`` prints: the answer in one line, then tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from experiments_core.analysis import words
from experiments_core.cli.terminal import table
from experiments_core.services.planning import (
    Design,
    DetectableEffect,
    PlanResult,
    Sensitivity,
)
from experiments_core.services.planning_looks import Looked

ARM_NAMES = ("control", "treatment")


def headline(result: PlanResult) -> str:
    """The answer: units and days to see an effect."""
    design = result.design
    time = ""
    if result.days is not None and result.weeks is not None:
        days = words.plural(result.days, "day")
        time = f", {days} ({words.plural(result.weeks, 'full week')})"
    lift = "" if design.relative_effect is None else f" ({words.lift(design.relative_effect)})"
    effect = f"{difference(design, design.effect)}{lift}"
    if design.baseline is None or design.target is None:
        return f"{words.plural(result.total, 'unit')}{time} to see {effect}"
    ends = " → ".join(_value(design, value) for value in (design.baseline, design.target))
    return f"{words.plural(result.total, 'unit')}{time} to see {effect}: {ends}"


def effect_headline(design: Design, found: DetectableEffect) -> str:
    """The answer where units are given: with which power they show what follows."""
    units = " + ".join(words.count(n) for n in found.units)
    power = words.percent(design.power, 0)
    return f"{units} units show with power {power} at alpha {design.alpha:g}:"


def arms(result: PlanResult) -> str:
    """Share and units of each arm."""
    names: tuple[str, ...] = ARM_NAMES
    if len(result.units) > 2:
        names = ("control", *[f"treatment {i}" for i in range(1, len(result.units))])
    whole = sum(result.design.weights)
    rows = [
        (name, words.percent(weight / whole), words.count(units))
        for name, weight, units in zip(names, result.design.weights, result.units, strict=True)
    ]
    return table(("arm", "share", "units"), rows)


def looks(looked: Sequence[Looked]) -> str:
    """What reading early costs, by the number of looks."""
    rows = [
        (
            str(one.looks),
            words.count(one.total),
            words.percent(one.factor - 1, 1, signed=True),
            words.NONE if one.days is None else words.count(one.days),
        )
        for one in looked
    ]
    return "Read early, at evenly spaced looks, the last included\n" + table(
        ("looks", "units at most", "against one look", "days at most"), rows
    )


def weeks(result: PlanResult) -> str:
    """The smallest effect that is visible by week."""
    design = result.design
    rows = [
        (
            f"{week.week}{' ←' if week.planned else ''}",
            words.count(week.units),
            difference(design, week.effect),
            words.lift(week.relative_effect),
        )
        for week in result.mde_by_week
    ]
    return "Smallest visible effect by week\n" + table(
        ("week", "units", "difference", "lift"), rows
    )


def sensitivity(result: PlanResult) -> str:
    """What would be needed if things were otherwise."""
    grid, design = result.sensitivity, result.design
    unit = "days" if design.daily_units is not None else "units"
    head = (grid.varies.replace("_", " "), *[_effect(grid, design, e) for e in grid.effects])
    rows = []
    for row in grid.rows:
        value = _value(design, row.value) if grid.varies == "baseline" else f"{row.value:g}"
        cells = [cell.days if unit == "days" else cell.total for cell in row.cells]
        shown = [words.count(cell) if isinstance(cell, int) else words.NONE for cell in cells]
        rows.append((f"{value}{' ←' if row.planned else ''}", *shown))
    return f"What if? {unit.capitalize()} needed\n" + table(head, rows)


def _effect(grid: Sensitivity, design: Design, effect: float) -> str:
    return words.lift(effect) if grid.relative else difference(design, effect)


def others(result: PlanResult) -> str:
    """Each formula on a line of a table; who uses it and why it differs, below."""
    others = result.other_calculators
    rows = [(row.name, words.count(row.units), words.percent(row.ratio, 0)) for row in others]
    told = [f"· {row.name} ({row.who}): {row.why}" for row in others]
    return "\n".join(
        (
            "Why other calculators say something else",
            table(("formula", "control units", "of ours"), rows),
            *told,
        )
    )


def formula(result: PlanResult) -> str:
    """The formula, and with the numbers put in."""
    return f"{result.formula}\n= {result.formula_with_numbers}"


def difference(design: Design, value: Any) -> str:
    """A difference, in points or in the unit of the metric."""
    return words.points(value) if design.kind == "rate" else words.amount(value, signed=True)


def _value(design: Design, value: float) -> str:
    return words.rate(value) if design.kind == "rate" else words.amount(value)
