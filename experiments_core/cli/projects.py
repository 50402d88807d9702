"""``upshot projects add | list``: experiments that share settings."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from experiments_core.cli.here import either, say_where
from experiments_core.cli.place import settle
from experiments_core.cli.terminal import Parser, say, table
from experiments_core.domain.project import Project
from experiments_core.services import projects

PATH = "/api/v1/projects"


def run(arguments: Sequence[str]) -> int:
    """Make or list projects."""
    options = _parser().parse_args(arguments)
    act: Any = options.act
    act(options)
    return 0


def _add(options: argparse.Namespace) -> None:
    told = {
        "name": options.name,
        "key": options.key,
        "strict_traffic": options.strict,
        "auto_promote_allowed": options.auto_promote,
        "pseudonymise_units": options.pseudonyms,
    }
    given = {name: value for name, value in told.items() if value}
    made = either(
        settle(workspace=options.workspace),
        lambda ws, actor: _body(projects.create_project(ws, actor, given)),
        lambda server: server.ask(PATH, given),
        options.organisation,
    )
    say(f"“{made['name']}” is there, as {made['key']}.")


def _list(options: argparse.Namespace) -> None:
    found = either(
        settle(workspace=options.workspace),
        lambda ws, actor: [_body(one) for one in projects.list_projects(ws, actor)],
        lambda server: server.everything(PATH),
        options.organisation,
    )
    rows = [(one["key"], one["name"], _settings(one)) for one in found]
    say(table(("project", "name", "settings"), rows, left=range(3)))


def _body(project: Project) -> dict[str, Any]:
    return {"key": project.key, "name": project.name, **asdict(project.settings)}


def _settings(project: dict[str, Any]) -> str:
    """What departs from the usual, in words."""
    said = {
        "strict traffic": project["strict_traffic"],
        "auto-promote allowed": project["auto_promote_allowed"],
        "pseudonyms": project["pseudonymise_units"],
        f"holdout {project['global_holdout_bp'] / 100:g} %": project["global_holdout_bp"],
    }
    return ", ".join(name for name, on in said.items() if on) or "as usual"


def _parser() -> Parser:
    parser = Parser("upshot projects", description="Make and list projects.")
    verbs = parser.add_subparsers(metavar="add | list", required=True)
    add = verbs.add_parser("add", help="make a project")
    add.set_defaults(act=_add)
    add.add_argument("name", help="what people call it")
    add.add_argument("--key", help="names it for programs; made from the name when left out")
    add.add_argument(
        "--strict", action="store_true", help="no change of traffic while a test runs"
    )
    add.add_argument(
        "--auto-promote", action="store_true",
        help="an experiment that asks for it may deploy its winner by itself",
    )  # fmt: skip
    add.add_argument(
        "--pseudonyms", action="store_true", help="unit ids are stored as keyed hashes only"
    )
    listed = verbs.add_parser("list", help="every project, by key")
    listed.set_defaults(act=_list)
    for verb in (add, listed):
        say_where(verb)
    return parser
