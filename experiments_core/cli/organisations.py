"""``upshot organisations add | list``: people and programs that share nothing with others."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from experiments_core.cli.here import either, say_where
from experiments_core.cli.place import settle
from experiments_core.cli.terminal import Parser, say, table
from experiments_core.services import organisations

PATH = "/api/v1/organisations"


def run(arguments: Sequence[str]) -> int:
    """Make or list organisations."""
    options = _parser().parse_args(arguments)
    act: Any = options.act
    act(options)
    return 0


def _add(options: argparse.Namespace) -> None:
    told = {"slug": options.slug, "time_zone": options.time_zone}
    given = {name: value for name, value in told.items() if value is not None}
    made = either(
        settle(workspace=options.workspace),
        lambda ws, actor: asdict(
            organisations.create_organisation(ws, actor, options.name, **given)
        ),
        lambda server: server.ask(PATH, {"name": options.name, **given}),
    )
    slug = made["slug"]
    say(f"“{made['name']}” is there, as {slug}. Let people and programs in:")
    say(f"  upshot users add EMAIL --role admin --organisation {slug}")
    say(f"  upshot keys create --name NAME --role admin --organisation {slug}")


def _list(options: argparse.Namespace) -> None:
    found = either(
        settle(workspace=options.workspace),
        lambda ws, actor: [asdict(one) for one in organisations.list_organisations(ws, actor)],
        lambda server: server.everything(PATH),
    )
    rows = [(one["slug"], one["name"], one["time_zone"]) for one in found]
    say(table(("organisation", "name", "time zone"), rows, left=range(3)))


def _parser() -> Parser:
    parser = Parser(
        "upshot organisations",
        description="Make and list organisations. What belongs to one, nobody of another sees. "
        "In local mode the pages show the first.",
    )
    verbs = parser.add_subparsers(metavar="add | list", required=True)
    add = verbs.add_parser("add", help="make an organisation")
    add.set_defaults(act=_add)
    add.add_argument("name", help="what people call it")
    add.add_argument("--slug", help="names it in commands; made from the name when left out")
    add.add_argument("--time-zone", help="sets where its days begin: Europe/Berlin (UTC)")
    listed = verbs.add_parser("list", help="every organisation")
    listed.set_defaults(act=_list)
    for verb in (add, listed):
        say_where(verb, organisation=False)
    return parser
