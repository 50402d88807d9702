"""The looks of an experiment as a list; each can be opened as it was."""

from __future__ import annotations

from experiments_core.analysis.past_looks import LookLine
from experiments_core.domain.access import Actor, Permission, require
from experiments_core.services.saving import look_up
from experiments_core.services.workspace import Workspace
from experiments_core.store import look_list

__all__ = ["LookLine", "listed"]


def listed(
    ws: Workspace, actor: Actor, experiment_id: str, metric: str = ""
) -> tuple[LookLine, ...]:
    """Every look, the oldest first; nothing of it is a look.

    Args:
        ws: The workspace.
        actor: Who asks.
        experiment_id: Id, key or slug.
        metric: Key of the metric whose numbers are wanted too.

    Raises:
        NotFoundError: there is no such experiment.
    """
    require(actor, Permission.RESULTS)
    key = look_up(ws, actor, experiment_id).id
    return ws.db.recall(
        ("look lines", key, metric), lambda cursor: look_list.lines(cursor, key, metric)
    )
