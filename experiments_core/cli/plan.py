"""``upshot plan``: units, days, and what else the same traffic could show."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from experiments_core.analysis import words
from experiments_core.cli import plan_blocks, plan_margin
from experiments_core.cli.terminal import Parser, finite, fraction, say, table
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.services import planning_guardrails, planning_looks
from experiments_core.services.planning import (
    Design,
    PlanResult,
    detectable_effect,
    plan,
    power_for,
    units_in,
)
from experiments_core.services.planning_body import effect_body, plan_body
from experiments_core.services.planning_design import checked

MOST_LOOKS = 50


def run(arguments: Sequence[str]) -> int:
    """Plan a test, or tell what given units or days can show."""
    options = _parser().parse_args(arguments)
    _check(options)
    if options.margin is not None:
        _tell_margin(options)
    elif options.mde is None:
        _tell_effect(options)
    else:
        _tell_plan(options)
    return 0


def _tell_plan(options: argparse.Namespace) -> None:
    result = _plan(options)
    counts = (options.looks,) if options.looks else planning_looks.LOOKS
    looked = planning_looks.over_looks(result.design, result.total, counts)
    if options.json:
        asked = {"looks": [asdict(one) for one in looked]} if options.looks else {}
        _dump(plan_body(result) | asked)
        return
    blocks = [plan_blocks.headline(result), plan_blocks.arms(result)]
    if options.units or options.days:
        total = _total(options, result.design)
        reached = power_for(result.design, total)
        text = (
            words.percent(reached, 0) if isinstance(reached, float) else words.reason(reached)
        )
        blocks.append(f"With {words.count(total)} units: power {text}")
    if looked and (options.looks or options.details):
        blocks.append(plan_blocks.looks(looked))
    if result.mde_by_week:
        blocks.append(plan_blocks.weeks(result))
    if options.details:
        blocks += [
            plan_blocks.sensitivity(result),
            plan_blocks.others(result),
            plan_blocks.formula(result),
        ]
    blocks.append("\n".join(f"· {line}" for line in (*result.assumptions, *result.notes)))
    say("\n\n".join(blocks))


def _tell_effect(options: argparse.Namespace) -> None:
    design = _design(options)
    found = detectable_effect(design, _total(options, design))
    if options.json:
        _dump(effect_body(design, found))
        return
    rows = [
        (name, plan_blocks.difference(design, effect), words.lift(relative))
        for name, effect, relative in (
            ("increase", found.increase, found.relative_increase),
            ("decrease", found.decrease, found.relative_decrease),
        )
    ]
    say("\n\n".join([
        plan_blocks.effect_headline(design, found),
        table(("smallest", "difference", "lift"), rows),
        *_smallest_margin(options, design),
    ]))  # fmt: skip


def _smallest_margin(options: argparse.Namespace, design: Design) -> Iterator[str]:
    if design.as_relative(1.0) is None:
        return
    direction = "decrease" if options.less_is_better else "increase"
    margin = planning_guardrails.smallest_margin(
        design, _total(options, design), preferred_direction=direction
    )
    if isinstance(margin, float):
        yield f"As a guardrail they exclude a harm of {words.percent(margin)} or more."


def _tell_margin(options: argparse.Namespace) -> None:
    design = checked(_design(options))
    total = _total(options, design) if options.units or options.days else None
    if options.json:
        _dump(plan_margin.body(options, design, total))
        return
    say(plan_margin.sentences(options, design, total))


def _check(options: argparse.Namespace) -> None:
    """Options that exclude each other, or a number out of range."""
    if options.looks is not None:
        if not 1 <= options.looks <= MOST_LOOKS:
            rule = f"a plan has 1 to {MOST_LOOKS} looks, not {options.looks}"
            raise plan_margin.refused("looks", options.looks, rule)
        if options.alternative != "two-sided":
            rule = "several looks are planned two-sided; leave out --alternative or --looks"
            raise plan_margin.refused("looks", options.looks, rule)
        if options.mde is None:
            raise _missing("mde", "Looks make a planned size larger: give its effect by --mde.")
    if options.ratio and options.sd is None:
        raise _missing("sd", "A ratio is planned from the spread of its linearised value.")
    if options.margin is not None:
        plan_margin.check(options)


def _plan(options: argparse.Namespace) -> PlanResult:
    return plan(_design(options).with_effect(options.mde, relative=options.relative))


def _design(options: argparse.Namespace) -> Design:
    kind = _kind(options)
    return Design(
        kind=kind,
        baseline=_rate_baseline(options) if kind == "rate" else options.baseline,
        standard_deviation=options.sd,
        alpha=options.alpha,
        power=options.power,
        alternative=options.alternative,
        weights=_weights(options),
        primary_metrics=options.primary_metrics,
        daily_units=options.daily_units,
        allocation=options.allocation,
    )


def _kind(options: argparse.Namespace) -> str:
    if options.sd is None:
        return "rate"
    return "ratio" if options.ratio else "mean"


def _rate_baseline(options: argparse.Namespace) -> float:
    if options.baseline is None:
        raise _missing("baseline", "Give control’s rate with --baseline, or a mean’s --sd.")
    return float(options.baseline)


def _weights(options: argparse.Namespace) -> tuple[float, ...]:
    return (1.0, *[options.allocation_ratio] * (options.arms - 1))


def _total(options: argparse.Namespace, design: Design) -> int:
    if options.units:
        return int(options.units)
    if options.days and design.daily_units:
        return units_in(design, options.days)
    raise _missing(
        "mde",
        "Give the smallest effect with --mde; or --units, or --days with --daily-units, to "
        "learn which effect they show.",
    )


def _missing(option: str, hint: str) -> InvalidInputError:
    message = f"--{option} is missing."
    return InvalidInputError(
        message, hint=hint, details=(Problem(option, None, "REQUIRED", message),)
    )


def _dump(body: dict[str, Any]) -> None:
    say(json.dumps(body, ensure_ascii=False, allow_nan=False, indent=2))


def _parser() -> Parser:
    parser = Parser(
        "upshot plan",
        description="How many units a test needs. Write rates as 0.083 or as 8.3%.",
    )
    add = parser.add_argument
    add("--baseline", type=fraction, help="control's rate, or its mean beside --sd")
    add("--mde", type=fraction, help="smallest effect worth seeing; below 0 for a decrease")
    add("--relative", action="store_true", help="the effect is relative to the baseline")
    add("--sd", type=finite, help="standard deviation of one unit: plan a mean")
    add("--ratio", action="store_true", help="a ratio of sums; --sd is of its linearised value")
    add("--power", type=fraction, default=0.8, help="probability to see the effect (0.8)")
    add("--alpha", type=fraction, default=0.05, help="error rate of all comparisons (0.05)")
    add("--alternative", default="two-sided", help="two-sided, greater or less")
    add("--arms", type=int, default=2, help="control and treatments (2)")
    add("--allocation-ratio", type=finite, default=1.0, help="treatment / control units (1)")
    add("--primary-metrics", type=int, default=1, help="metrics that decide (1)")
    add("--looks", type=int, help="evenly spaced looks of a sequential plan, the last included")
    add("--margin", type=fraction, help="a guardrail: harm accepted, relative to the baseline")
    add("--margin-absolute", action="store_true", help="the margin is in the metric's own unit")
    add("--less-is-better", action="store_true", help="a guardrail's good direction is down")
    add("--daily-units", type=finite, help="new eligible units a day")
    add("--allocation", type=fraction, default=1.0, help="share of them in the test (1)")
    add("--units", type=int, help="what do so many units show?")
    add("--days", type=int, help="the same, for days of --daily-units")
    add("--details", action="store_true", help="neighbours, other calculators, formula")
    add("--json", action="store_true", help="everything, as JSON")
    return parser
