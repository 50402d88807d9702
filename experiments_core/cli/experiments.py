"""``upshot experiments list``: what there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from experiments_core.cli.here import either, say_where
from experiments_core.cli.place import settle
from experiments_core.cli.terminal import Parser, minute, say, table
from experiments_core.domain.documents import moment_text
from experiments_core.domain.experiment import Experiment
from experiments_core.services.experiments import list_experiments


def run(arguments: Sequence[str]) -> int:
    """List experiments, the last changed first."""
    parser = Parser("upshot experiments", description="What there is.")
    verbs = parser.add_subparsers(metavar="list", required=True)
    listed = verbs.add_parser("list", help="experiments, the last changed first")
    say_where(listed)
    options = parser.parse_args(arguments)
    found = either(
        settle(workspace=options.workspace),
        lambda ws, actor: [_body(one) for one in list_experiments(ws, actor)],
        lambda server: server.everything("/api/v1/experiments"),
        options.organisation,
    )
    if not found:
        say("There is no experiment yet.")
        return 0
    rows = [
        (one["slug"], one["status"], one["owner"] or "", minute(one["updated_at"]), one["name"])
        for one in found
    ]
    say(table(("experiment", "status", "owner", "changed (UTC)", "name"), rows, left=range(5)))
    return 0


def _body(one: Experiment) -> dict[str, Any]:
    return {
        "slug": one.slug,
        "status": one.status.value,
        "owner": one.owner,
        "updated_at": moment_text(one.updated_at),
        "name": one.name,
    }
