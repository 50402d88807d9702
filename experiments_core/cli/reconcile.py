"""``upshot reconcile A B``: two sources of one experiment, and why they differ.

A is an experiment of the workspace or a file, B is a file. Nothing is stored.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments_core.analysis import words
from experiments_core.cli.load import in_inbox, named_file, run_there
from experiments_core.cli.load_options import pair
from experiments_core.cli.place import settle
from experiments_core.cli.terminal import USER_ERROR, Parser, complain, say, table
from experiments_core.domain.text import grouped
from experiments_core.services.import_choices import LISTS, Choices, choices_from_document
from experiments_core.services.import_run import ImportRequest
from experiments_core.services.reconciling_files import reconcile_files

NO_UNITS = "–"


def run(arguments: Sequence[str]) -> int:
    """Compare two sources and print every difference with its reason."""
    options = _parser().parse_args(arguments)
    second = named_file(options.b)
    if Path(options.a).expanduser().is_file():
        first = named_file(options.a)
        names = (first.name, second.name)
        if first.name == second.name:
            names = (options.a, options.b)
        choices = (_choices(options.say), _choices([*options.say, *options.theirs]))
        document = reconcile_files((first, second), choices, names).to_document()
        return _tell(document, names, as_json=options.json)
    settings = settle(workspace=options.workspace)
    with in_inbox(second, settings) as name:
        outcome = run_there(settings, ImportRequest(
            inbox=name, choices=_choices([*options.say, *options.theirs]),
            experiment=options.a, mode="check",
        ))  # fmt: skip
    return _told(outcome, options)


def _told(outcome: dict[str, Any], options: argparse.Namespace) -> int:
    if outcome["questions"]:
        complain(
            "The file leaves questions open.",
            *(f"· {one['code']}: {one['text']}" for one in outcome["questions"]),
            "Answer with --say CODE=VALUE.",
        )
        return USER_ERROR
    if not options.json:
        for rule in outcome["report"]["by_rule"]:
            say(f"· {rule['message']}")
            if rule["rule"] == "VARIANT_UNKNOWN":
                say("  Say which variant it is: --theirs merge=TEXT=VARIANT.")
    document = outcome["report"]["difference"]
    if document is None:
        complain(f"“{options.a}” has no data to compare with.")
        return USER_ERROR
    return _tell(document, (options.a, Path(options.b).name), as_json=options.json)


def _tell(document: dict[str, Any], names: tuple[str, str], *, as_json: bool) -> int:
    if as_json:
        say(json.dumps(document, ensure_ascii=False, indent=2))
        return 0
    say("\n\n".join(_blocks(document, names)))
    return 0


def _blocks(document: dict[str, Any], names: tuple[str, str]) -> list[str]:
    """How many units, the figures side by side, and the reasons."""
    ours, theirs = document["units"]
    head = (
        f"{names[0]}: {words.plural(ours, 'unit')} · {names[1]}: {words.plural(theirs, 'unit')}"
    )
    if document["both"] is not None:
        head += f" · {grouped(document['both'])} in both"
    rows = [("units", arm, *_side_by_side(pair_)) for arm, pair_ in document["arms"].items()]
    rows += [
        (measure, arm, *_side_by_side(sums))
        for measure, by_arm in document["sums"].items()
        for arm, sums in by_arm.items()
    ]
    blocks = [head, table(("", "arm", *names, "difference"), rows, left=(0, 1))]
    if document["reasons"]:
        reasons = [
            (one["code"], grouped(one["units"]) if one["units"] else NO_UNITS, one["message"])
            for one in document["reasons"]
        ]
        blocks.append(table(("reason", "units", "in words"), reasons, left=(0, 2)))
    else:
        blocks.append("They say the same.")
    return blocks


def _side_by_side(values: Sequence[float]) -> tuple[str, str, str]:
    a, b = values
    places = 0 if a == int(a) and b == int(b) else 2
    difference = words.number(b - a, places, signed=True)
    return words.number(a, places), words.number(b, places), difference


def _choices(said: Sequence[tuple[str, str]]) -> Choices:
    """Fields of a mapping, and answers to questions (their codes are capitals)."""
    given: dict[str, Any] = {"finished": True, "accept_defaults": True, "repeats": "first"}
    answers, renamed = {}, {}
    for name, value in said:
        if name.isupper():
            answers[name] = value
        elif name == "merge":
            spelling, _, variant = value.partition("=")
            renamed[spelling] = variant
        else:
            given[name] = value.split(",") if name in LISTS else value
    return choices_from_document({**given, "answers": answers, "merge_variants": renamed})


def _parser() -> Parser:
    parser = Parser(
        "upshot reconcile",
        description="Hold two sources of one experiment against each other and say why they "
        "differ, such as your own export and another tool's totals. Nothing is stored.",
    )
    add = parser.add_argument
    add("a", metavar="A", help="an experiment of the workspace (key, slug or id), or a file")
    add("b", metavar="B", help="a file: CSV, TSV, text, one of them in .gz, or .xlsx")
    add("--say", type=pair, action="append", default=[], metavar="NAME=VALUE",
        help="about the columns of both: variant=group, unit=user_id, outcomes=paid, "
        "values=revenue, visitors=users, conversions=orders …, or the answer to a question by "
        "its code; repeatable")  # fmt: skip
    add(
        "--theirs",
        type=pair,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="the same about B alone; merge=TEXT=VARIANT is its name for a variant",
    )
    add("--json", action="store_true", help="every count, sum, reason and first case as JSON")
    add("--workspace", help="folder or .duckdb file (default: data/)")
    return parser
