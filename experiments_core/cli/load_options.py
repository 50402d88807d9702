"""The options of ``upshot import``, in the groups that its help shows."""

from __future__ import annotations

import argparse
from functools import partial

from experiments_core.cli.terminal import Options, Parser, named_shares
from experiments_core.domain.source import Shape


def parser() -> Parser:
    """What may be said about a file; what is not said is proposed."""
    made = Parser(
        "upshot import",
        description="Bring a CSV file into an experiment. What is not said is proposed.",
    )
    made.add_argument(
        "file",
        nargs="+",
        help="CSV, TSV or text file, or one of them in .gz, or .xlsx; any "
        "size. Several files become one table: arms, assignments and outcomes, or exposures "
        "and events",
    )
    where = made.add_mutually_exclusive_group(required=True)
    where.add_argument("--experiment", metavar="KEY", help="an experiment that exists")
    where.add_argument("--new", metavar="NAME", help="make an experiment from the file")
    made.add_argument(
        "--less-is-better", action="append", default=[], metavar="COLUMN",
        help="a measure of the new experiment of which a decrease is good (default: as the "
        "names say, such as refunds or latency)",
    )  # fmt: skip
    made.add_argument("--check", action="store_true", help="report only, store nothing")
    made.add_argument("--workspace", help="folder or .duckdb file (default: data/)")
    _columns(made.options("columns"))
    _totals(made.options("totals"))
    _events(made.options("event logs"))
    _several(made.options("several sheets or experiments"))
    _test(made.options("the test"))
    _rows(made.options("rows and questions"))
    return made


def _columns(group: Options) -> None:
    add, repeatable = group
    add("--shape", choices=list(Shape), help="what the rows are, where columns do not tell")
    add("--variant", metavar="COL", help="column of arms")
    add("--unit", metavar="COL", help="column that identifies a unit; '' for none")
    add("--time", metavar="COL", help="when a unit was first seen; '' for none")
    add("--zone", help="time zone of times that do not say theirs (UTC)")
    for name, what in (
        ("outcome", "a column of 0/1"),
        ("value", "a number per unit"),
        ("segment", "an attribute to cut by"),
        ("covariate", "a number from before"),
    ):
        repeatable(f"--{name}", metavar="COL", help=f"{what}; repeatable")


def _totals(group: Options) -> None:
    group.add("--visitors", metavar="COL", help="all units")
    group.repeatable("--conversions", metavar="COL", help="converted units; repeatable")
    group.repeatable(
        "--rate", metavar="COL", help="share that converted, instead of a count; repeatable"
    )


def _events(group: Options) -> None:
    add = group.add
    add("--event", metavar="COL", help="says what happened")
    group.repeatable("--converts", metavar="EVENT", help="an event that counts; repeatable")
    add("--exposure", metavar="EVENT", help="the exposure, or any")
    add("--window", metavar="HOURS", help="how long after it events count, or all")


def _several(group: Options) -> None:
    group.add("--sheet", help="sheet of a workbook; '*' for all, each one arm")
    group.add("--several", metavar="COL", help="column that tells several experiments apart")
    group.repeatable(
        "--only", metavar="VALUE", help="which of them; '*' for each on its own; repeatable"
    )


def _test(group: Options) -> None:
    add = group.add
    add("--control", help="the arm to compare with")
    group.repeatable(
        "--merge", type=pair, metavar="TEXT=VARIANT",
        help="what the file calls a variant; repeatable",
    )  # fmt: skip
    add("--split", type=named_shares, help="intended shares: control=50,treatment=50")
    add("--finished", action=argparse.BooleanOptionalAction, help="is the test over?")


def _rows(group: Options) -> None:
    add, repeatable = group
    add("--blank", choices=("exclude", "zero"), help="what an empty outcome means")
    repeatable(
        "--repeats", type=_rule, metavar="[COL=]RULE",
        help="several rows of a unit: refuse, first, last, max, sum or mean; for one column "
        "also min or count, such as revenue=mean; repeatable",
    )  # fmt: skip
    add("--crossovers", choices=("exclude", "first_seen", "refuse"), help="units in two arms")
    repeatable(
        "--answer", type=partial(pair, wanted="CODE=VALUE"), metavar="CODE=VALUE",
        help="answer a question; repeatable",
    )  # fmt: skip
    add("--yes", action="store_true", help="take the likeliest answer where there is one")
    add("--good-rows", action="store_true", help="leave out rows that break a rule")
    add("--replace", action="store_true", help="replace the rows the experiment has")


def pair(text: str, wanted: str = "NAME=VALUE") -> tuple[str, str]:
    """``NAME=VALUE`` as typed."""
    code, sign, value = text.partition("=")
    if not sign:
        message = f"“{text}” is not {wanted}"
        raise argparse.ArgumentTypeError(message)
    return code.strip(), value.strip()


def _rule(text: str) -> tuple[str, str]:
    """``sum`` is the file's rule, ``revenue=mean`` that of a column."""
    column, _, rule = text.rpartition("=")
    return column.strip(), rule.strip()
