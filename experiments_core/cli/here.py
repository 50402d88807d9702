"""Do something in a workspace: in this process, or through the server that owns it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from experiments_core.cli.operator import Server
from experiments_core.errors import BusyError
from experiments_core.services.operator_token import OPERATOR
from experiments_core.services.workspace import Workspace, open_workspace, owner
from experiments_core.settings import Settings

T = TypeVar("T")

ACTOR = OPERATOR


def either(
    settings: Settings, here: Callable[[Workspace], T], there: Callable[[Server], T]
) -> T:
    """Open the workspace if nobody has it, else ask whoever serves it.

    Raises:
        BusyError: a process has it open that serves nothing.
    """
    holder = owner(settings.workspace)
    if holder is None:
        with open_workspace(settings.workspace) as ws:
            return here(ws)
    if not holder.url:
        raise BusyError(
            f"{settings.workspace} is open in process {holder.pid}, which serves nothing.",
            hint="Wait until that notebook or command has ended.",
        )
    return there(Server(holder.url, settings.workspace.with_suffix(".d") / "secret"))
