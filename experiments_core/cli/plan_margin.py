"""``upshot plan --margin``: what shows that a guardrail is not harmed."""

from __future__ import annotations

import argparse
import math
from typing import Any

from experiments_core.analysis import words
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.services import planning_guardrails
from experiments_core.services.planning_body import design_body
from experiments_core.services.planning_design import Design


def check(options: argparse.Namespace) -> None:
    """A margin is a plan of its own."""
    if options.mde is not None:
        rule = "--margin plans a guardrail, --mde a difference; leave out --mde"
        raise refused("margin", options.margin, rule)
    if options.margin_absolute:
        if not 0 < options.margin < math.inf:
            rule = f"a margin is a number above 0 in the metric’s unit, not {options.margin:g}"
            raise refused("margin", options.margin, rule)
    elif not 0 < options.margin < 1:
        rule = "a margin is a fraction of the baseline above 0 and below 1 (5% or 0.05), "
        raise refused("margin", options.margin, f"{rule}not {options.margin:g}")


def body(options: argparse.Namespace, design: Design, total: int | None) -> dict[str, Any]:
    """Units, or with a total the power, as JSON.

    Raises:
        InvalidInputError: nothing can show this margin.
    """
    how = _how(options)
    told: dict[str, Any] = {
        "design": design_body(design), "non_inferiority_margin": options.margin, **how,
    }  # fmt: skip
    if total is not None:
        return told | {"total": total, "power": _known(options, _power(options, design, total))}
    (found,) = _guarded(options, design)
    units = _known(options, found.units)
    return told | {"units": units, "total": found.total, "days": found.days}


def sentences(options: argparse.Namespace, design: Design, total: int | None) -> str:
    """The same in words."""
    margin = (
        f"by {options.margin:g} or more"
        if options.margin_absolute
        else f"by {words.percent(options.margin)} of it or more"
    )
    what = f"that {_level(design)} is not worse {margin}, if nothing changes"
    if total is not None:
        power = words.percent(_known(options, _power(options, design, total)), 0)
        return f"{words.count(total)} units show with power {power} {what}."
    (found,) = _guarded(options, design)
    units = _known(options, found.units)
    arms = " + ".join(words.count(one) for one in units)
    each = f"{words.count(units[0])} units per arm" if len(set(units)) == 1 else f"{arms} units"
    days = "" if found.days is None else f" It takes {words.plural(found.days, 'day')}."
    return (
        f"{each} show with power {words.percent(design.power, 0)} {what}. "
        f"{words.count(sum(units))} in all.{days}"
    )


def refused(option: str, value: object, rule: str) -> InvalidInputError:
    """The error of one option."""
    problem = Problem(option, value, "RANGE", rule)
    return InvalidInputError(f"This plan cannot be computed: {rule}.", details=(problem,))


def _level(design: Design) -> str:
    if design.baseline is None:
        return f"a {design.kind}"
    level = words.rate if design.kind == "rate" else words.amount
    return f"a {design.kind} of {level(design.baseline)}"


def _how(options: argparse.Namespace) -> dict[str, Any]:
    direction = "decrease" if options.less_is_better else "increase"
    return {"relative": not options.margin_absolute, "preferred_direction": direction}


def _guarded(
    options: argparse.Namespace, design: Design
) -> tuple[planning_guardrails.Guarded, ...]:
    found = planning_guardrails.guarded(design, (options.margin,), **_how(options))
    if not found:
        rule = "a relative margin needs a baseline above 0; give it, or --margin-absolute"
        raise refused("margin", options.margin, rule)
    return found


def _power(options: argparse.Namespace, design: Design, total: int) -> object:
    return planning_guardrails.margin_power(design, options.margin, total, **_how(options))


def _known(options: argparse.Namespace, found: Any) -> Any:
    if not isinstance(found, float | tuple):
        raise refused("margin", options.margin, words.reason(found).rstrip("."))
    return found
