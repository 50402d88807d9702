"""``upshot VERB …``: find the verb, run it, turn errors into sentences and exit codes."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Sequence

from experiments_core import __version__
from experiments_core.cli.terminal import USER_ERROR, complain, say, speak_utf8
from experiments_core.errors import UpshotError

Verb = Callable[[Sequence[str]], int]

VERBS = {
    "serve": ("serve", "open the pages and the API of a workspace in this process"),
    "analyze": ("analyze", "analyse a CSV file, without a workspace"),
    "plan": ("plan", "how many units a test needs, and how long it takes"),
    "keys": ("keys", "make, list and end the keys of programs"),
    "users": ("users", "add, list, invite and switch off people"),
    "organisations": ("organisations", "add and list organisations, which share nothing"),
    "projects": ("projects", "add and list the projects of an organisation"),
    "experiments": ("experiments", "list the experiments of a workspace"),
    "backup": ("backup", "make a verified copy of a workspace"),
    "restore": ("restore", "put a copy in the place of a workspace"),
    "verify": ("verify", "read every row of a workspace and check what belongs together"),
    "import": ("load", "bring a CSV file into an experiment of a workspace"),
    "reconcile": ("reconcile", "hold two sources of one experiment against each other"),
}
"""Verb -> module of this package, and what it does."""

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 if it did what was asked, 1 if what was asked is at fault, 2 if it refused to start.
    """
    speak_utf8()
    try:
        return _answer(list(sys.argv[1:] if arguments is None else arguments))
    except KeyboardInterrupt:
        complain("Stopped. Nothing was stored.")
        return INTERRUPTED
    except BrokenPipeError:  # whoever read has gone: nothing may be flushed at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _answer(words: list[str]) -> int:
    if not words or words[0] in {"-h", "--help", "help"}:
        say(usage())
        return 0 if words else USER_ERROR
    if words[0] == "--version":
        say(f"upshot {__version__}")
        return 0
    if words[0] not in VERBS:
        complain(f"There is no command “{words[0]}”. Try one of: {', '.join(VERBS)}.")
        return USER_ERROR
    return _run(words[0], words[1:])


def usage() -> str:
    """The list of verbs."""
    width = max(map(len, VERBS))
    lines = [f"  {verb:<{width}}  {what}" for verb, (_, what) in VERBS.items()]
    return "\n".join([
        "usage: upshot COMMAND …", "", *lines, "", "upshot COMMAND --help tells its options."
    ])  # fmt: skip


def _run(name: str, arguments: Sequence[str]) -> int:
    module = importlib.import_module(f"experiments_core.cli.{VERBS[name][0]}")
    verb: Verb = module.run
    try:
        return verb(arguments)
    except UpshotError as error:
        complain(str(error))
        return USER_ERROR
