"""``upshot restore``: put a copy in the place of a workspace that no server has open."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from experiments_core.cli.place import settle
from experiments_core.cli.terminal import Parser, say
from experiments_core.services.workspace import restore_workspace


def run(arguments: Sequence[str]) -> int:
    """Verify the copy, keep the present file, put the copy in its place, open it once."""
    options = _parser().parse_args(arguments)
    settings = settle(workspace=options.workspace)
    copy = None if options.file is None else Path(options.file).expanduser().resolve()
    done = restore_workspace(settings.workspace, copy, accept_loss=options.accept_loss)
    if done.kept is not None:
        say(f"What was there before is in {done.kept}.")
    if done.missing:
        say(done.missing)
        say("To go on without these changes: upshot restore --accept-loss")
    else:
        say(f"{settings.workspace} opens and can be written.")
    return 0


def _parser() -> Parser:
    parser = Parser(
        "upshot restore",
        description="Put a copy in the place of the workspace. Stop the server first. Nothing "
        "is deleted: the present file is kept in NAME.d/damaged.",
    )
    parser.add_argument(
        "file", nargs="?", help="the copy (default: the newest verified one of NAME.d/backups)"
    )
    parser.add_argument(
        "--accept-loss", action="store_true",
        help="go on without changes that were saved after the copy was made; without FILE "
        "the present file stays",
    )  # fmt: skip
    parser.add_argument("--workspace", help="folder or .duckdb file (default: data/)")
    return parser
