"""``upshot backup``: a verified copy of the workspace, while it is served or not."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from experiments_core.cli.here import either, say_where
from experiments_core.cli.place import settle
from experiments_core.cli.terminal import Parser, say, table
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.services import backups
from experiments_core.settings import Settings

LONGEST = 1_800.0


def run(arguments: Sequence[str]) -> int:
    """Make a copy and verify it, or list those that are there."""
    options = _parser().parse_args(arguments)
    settings = settle(workspace=options.workspace)
    if options.list:
        _list(settings)
        return 0
    target = None if options.to is None else _target(options.to)
    made = either(
        settings,
        lambda ws, actor: backups.backup_body(backups.make_backup(ws, actor)),
        lambda server: server.ask("/api/v1/backup", {}, seconds=LONGEST),
    )
    file = settings.workspace.with_suffix(".d") / "backups" / str(made["file"])
    say(f"{file}\n{made['rows']:,} rows, {made['bytes']:,} bytes, opened and compared.")
    if target is not None:
        for name in (file, Path(f"{file}.json")):
            shutil.copyfile(name, target if name is file else Path(f"{target}.json"))
        say(f"Copied to {target}. Keep {file.parent.parent / 'secret'} in a safe place too.")
    return 0


def _list(settings: Settings) -> None:
    found = either(
        settings,
        lambda ws, actor: [backups.backup_body(one) for one in backups.list_backups(ws, actor)],
        lambda server: server.everything("/api/v1/backups"),
    )
    if not found:
        say("There is no backup yet. Make one: upshot backup")
        return
    rows = [
        (str(one["file"]), str(one["verified_at"]), f"{one['rows']:,}", f"{one['bytes']:,}")
        for one in found
    ]
    say(table(("file", "verified", "rows", "bytes"), rows, left=range(2)))


def _target(text: str) -> Path:
    path = Path(text).expanduser().resolve()
    if path.exists() or not path.parent.is_dir():
        why = "exists already" if path.exists() else "lies in a folder that does not exist"
        message = f"{path} {why}"
        raise InvalidInputError(
            f"{message}.", details=(Problem("--to", text, "NOT_UNIQUE", message),)
        )
    return path


def _parser() -> Parser:
    parser = Parser(
        "upshot backup", description="Copy the workspace, open the copy, and compare it."
    )
    parser.add_argument("--to", help="also put the copy here, such as another disk")
    parser.add_argument("--list", action="store_true", help="tell which copies there are")
    say_where(parser, organisation=False)
    return parser
