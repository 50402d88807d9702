"""``upshot analyze``: the notebook's one call, typed in a shell."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import Any

import experiments_core
from experiments_core.cli.terminal import (
    USER_ERROR,
    Options,
    Parser,
    complain,
    fraction,
    named_shares,
    say,
)
from experiments_core.domain.metric import Metric
from experiments_core.domain.metric_kinds import Mean, Proportion
from experiments_core.errors import InvalidInputError, Problem, UpshotError

IN_A_SHELL = (
    (r'Proportion\("(\w+)", of="(\w+)"\)', r"--proportion \1:\2"),
    (r"leave_out_bad_rows=True", "--good-rows"),
    (r"planned_units=([\d_]+)", r"--planned-units \1"),
    (r'sequential="(\w+)"', r"--sequential \1"),
    (r"""\b(control|variant|unit|decimal|repeats|crossovers)=["']([^"']*)["']""", r"--\1 \2"),
)
"""What hints of the notebook are in a shell."""


def run(arguments: Sequence[str]) -> int:
    """Analyse a CSV file and print the scorecard, or the results body as JSON."""
    options = _parser().parse_args(arguments)
    metrics: list[Metric] = [*map(proportion, options.proportion), *map(Mean, options.mean)]
    if not metrics:
        message = "There is no metric"
        raise InvalidInputError(
            f"{message}.",
            hint="Name at least one: --proportion COL, --proportion COL:OF or --mean COL.",
            details=(Problem("metrics", (), "REQUIRED", message),),
        )
    try:
        report = _analyze(options, metrics)
    except UpshotError as error:
        complain(in_shell_words(str(error)))
        return USER_ERROR
    say(report.to_json() if options.json else str(report))
    return 0


def proportion(text: str) -> Proportion:
    """A rate as typed: ``converted`` (a column of 0/1) or ``conversions:visitors`` (totals)."""
    column, _, of = text.partition(":")
    return Proportion(column, of=of or None)


def in_shell_words(text: str) -> str:
    """A hint for the notebook, as it is typed in a shell."""
    for pattern, option in IN_A_SHELL:
        text = re.sub(pattern, option, text)
    return text


def _analyze(options: argparse.Namespace, metrics: Sequence[Metric]) -> Any:
    return experiments_core.analyze(
        options.file,
        metrics=metrics,
        variant=options.variant,
        control=options.control,
        unit=options.unit,
        split=options.split,
        alpha=options.alpha,
        alternative=options.alternative,
        correction=options.correction,
        segments=options.segment,
        sequential=options.sequential or ("always_valid" if options.still_running else None),
        planned_units=options.planned_units,
        looks=options.look,
        method=options.method,
        bayes=options.bayes,
        holdout=options.holdout,
        repeats=options.repeats,
        crossovers=options.crossovers,
        decimal=options.decimal,
        leave_out_bad_rows=options.good_rows,
    )


def _parser() -> Parser:
    parser = Parser(
        "upshot analyze",
        description="Judge an A/B test from a CSV file. Every metric is a primary one.",
    )
    add = parser.add_argument
    add("file", help="CSV with one row per unit, or with totals per variant")
    add("--json", action="store_true", help="the results body, as the REST API returns it")
    _columns(parser.options("columns"))
    _plan(parser.options("the plan"))
    _course(parser.options("a test that goes on"))
    _rows(parser.options("rows"))
    return parser


def _columns(group: Options) -> None:
    add, repeatable = group
    add("--variant", required=True, help="column of arms")
    add("--control", help="the arm to compare with; may go if one is called control")
    add("--holdout", help="the arm of units kept out of the test")
    add("--unit", help="column that identifies a unit; without it each row is one")
    repeatable(
        "--proportion", metavar="COL[:OF]",
        help="a rate: a column of 0/1, or conversions:visitors of totals; repeatable",
    )  # fmt: skip
    repeatable("--mean", metavar="COL", help="a number; repeatable")
    repeatable("--segment", metavar="COL", help="cut by; repeatable")


def _plan(group: Options) -> None:
    add = group.add
    add("--split", type=named_shares, help="intended shares: control=50,treatment=50")
    add("--alpha", type=fraction, default=0.05, help="error rate of all comparisons (0.05)")
    add("--alternative", default="two-sided", help="two-sided, greater or less")
    add("--correction", default="holm", help="holm, hochberg, bonferroni, bh, by or none")
    group.repeatable(
        "--method",
        help="instead of the default, such as newcombe, log_delta or fisher; repeatable",
    )
    add("--bayes", action="store_true", help="with the Bayesian view, in --json")


def _course(group: Options) -> None:
    add = group.add
    add("--still-running", action="store_true", help="read it so that looking again is safe")
    add("--sequential", help="how: always_valid or group_sequential (needs --planned-units)")
    add("--planned-units", type=int, help="units of all arms together")
    group.repeatable(
        "--look", type=int, metavar="UNITS",
        help="units of all arms at an earlier look; repeatable",
    )  # fmt: skip


def _rows(group: Options) -> None:
    add = group.add
    add(
        "--repeats", default="refuse",
        help="several rows of one unit: refuse, first, last, max, sum or mean",
    )  # fmt: skip
    add(
        "--crossovers", default="exclude",
        help="units in two arms: exclude, first_seen or refuse",
    )  # fmt: skip
    add("--decimal", help="decimal mark, where a column can be read in two ways")
    add("--good-rows", action="store_true", help="go on without rows that break a rule")
