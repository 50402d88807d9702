"""``upshot verify``: look through a whole workspace; one line per check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from experiments_core.cli.here import either, say_where
from experiments_core.cli.place import settle
from experiments_core.cli.terminal import USER_ERROR, Parser, say
from experiments_core.services.verifying import verify

LONGEST = 1_800.0


def run(arguments: Sequence[str]) -> int:
    """Check everything; 1 if something is not as it must be."""
    parser = Parser(
        "upshot verify", description="Read every row and check what belongs together."
    )
    say_where(parser, organisation=False)
    options = parser.parse_args(arguments)
    found = either(
        settle(workspace=options.workspace),
        lambda ws, actor: [asdict(one) for one in verify(ws, actor)],
        lambda server: server.ask("/api/v1/verify", seconds=LONGEST)["checks"],
    )
    for one in found:
        say(f"{'ok   ' if one['ok'] else 'FAULT'}  {one['name']}: {one['told']}")
    return 0 if all(one["ok"] for one in found) else USER_ERROR
