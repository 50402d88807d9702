"""Do something in a workspace: in this process, or through the server that owns it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TypeVar

from experiments_core.cli.operator import Server
from experiments_core.domain.access import Actor
from experiments_core.domain.project import FIRST_ORGANISATION
from experiments_core.errors import BusyError
from experiments_core.services.organisations import operator_in
from experiments_core.services.workspace import Workspace, open_workspace, owner
from experiments_core.settings import Settings

T = TypeVar("T")


def either(
    settings: Settings,
    here: Callable[[Workspace, Actor], T],
    there: Callable[[Server], T],
    organisation: str = FIRST_ORGANISATION.slug,
) -> T:
    """Open the workspace if nobody has it, else ask whoever serves it.

    Args:
        settings: Name the workspace.
        here: Does it in this process, as the operator in the organisation.
        there: Does it through the server.
        organisation: Slug or id.

    Raises:
        NotFoundError: there is no such organisation.
        BusyError: a process has it open that serves nothing.
    """
    holder = owner(settings.workspace)
    if holder is None:
        with open_workspace(settings.workspace) as ws:
            return here(ws, operator_in(ws, organisation))
    if not holder.url:
        raise BusyError(
            f"{settings.workspace} is open in process {holder.pid}, which serves nothing.",
            hint="Wait until that notebook or command has ended.",
        )
    secret = settings.workspace.with_suffix(".d") / "secret"
    return there(Server(holder.url, secret, organisation))


def say_where(parser: argparse.ArgumentParser, *, organisation: bool = True) -> None:
    """Add the options that name the workspace, and the organisation in it."""
    parser.add_argument("--workspace", help="folder or .duckdb file (default: data/)")
    if organisation:
        parser.add_argument(
            "--organisation", metavar="SLUG", default=FIRST_ORGANISATION.slug,
            help="one of upshot organisations list (default: the first)",
        )  # fmt: skip
