"""What decisions, forecasts and annotations share: each is a row and a line in the trail."""

from __future__ import annotations

from typing import Any

from experiments_core.domain.access import Actor, Permission, event_by, require
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.lifecycle import BIN, invalid_transition
from experiments_core.domain.notes import Annotation, Decision, Forecast
from experiments_core.services.saving import look_up
from experiments_core.services.workspace import Workspace
from experiments_core.store import audit
from experiments_core.store import notes as rows


def notes_of(
    ws: Workspace, actor: Actor, cls: type[rows.Note], reference: str
) -> tuple[rows.Note, ...]:
    """Every note of one kind of an experiment, in the order in which they were written."""
    require(actor, Permission.READ)
    experiment = look_up(ws, actor, reference)
    return ws.db.recall(
        ("notes", cls, actor.org_id, experiment.id),
        lambda cursor: rows.notes_of(cursor, cls, actor.org_id, experiment.id),
    )


def check_place(experiment: Experiment) -> None:
    """Refuse to write about an experiment in the bin.

    Raises:
        ConflictError: ``INVALID_TRANSITION``: it is there.
    """
    if experiment.place == BIN:
        raise invalid_transition(BIN, "Restore it to write something down about it.")


def record(
    ws: Workspace,
    actor: Actor,
    cursor: Any,
    note: Decision | Forecast | Annotation,
    *,
    verb: str,
    said: dict[str, Any],
    why: str = "",
) -> None:
    """Write a note into the audit trail.

    Args:
        ws: The workspace.
        actor: Who wrote or removes it.
        cursor: In the transaction of the note.
        note: The note.
        verb: What was done with it; ``remove`` takes it away.
        said: What it says.
        why: The reason that was given.
    """
    event = event_by(
        actor,
        ws.now(),
        verb,
        type(note).__name__.lower(),
        note.id,
        before=said if verb == "remove" else None,
        after=None if verb == "remove" else {"experiment": note.experiment_id, **said},
        note=why,
    )
    audit.append_event(cursor, ws.db.secret, event)
