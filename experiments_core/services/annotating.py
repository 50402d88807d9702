"""What happened while a test ran, at a moment or over a range of time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from experiments_core.domain import notes as rules
from experiments_core.domain.access import Actor, Permission, require
from experiments_core.domain.documents import moment_text
from experiments_core.domain.notes import Annotation
from experiments_core.domain.text import clean
from experiments_core.domain.validation import refuse
from experiments_core.errors import NotFoundError
from experiments_core.services.noting import check_place, notes_of, record
from experiments_core.services.saving import find
from experiments_core.services.workspace import Workspace
from experiments_core.store import notes as rows


def annotate(
    ws: Workspace,
    actor: Actor,
    reference: str,
    *,
    text: str,
    kind: str = "note",
    starts: datetime | None = None,
    ends: datetime | None = None,
) -> Annotation:
    """Write down what happened, at a moment or over a range of time.

    Args:
        ws: The workspace.
        actor: Who writes; a comment is open to everybody who may read.
        reference: Id, key or slug of the experiment.
        text: At most 2,000 characters.
        kind: ``note``, ``incident``, ``release``, ``comment`` or ``deviation``.
        starts: When; now when left out.
        ends: The end of a range.

    Raises:
        InvalidInputError: what was said breaks a rule.
        ConflictError: the experiment is in the bin.
    """
    require(actor, Permission.COMMENT if kind == "comment" else Permission.EDIT)
    begun = starts or ws.now()
    refuse(rules.annotation_problems(text=text, kind=kind, starts=begun, ends=ends))
    with ws.db.write() as cursor:
        experiment = find(cursor, actor, reference)
        check_place(experiment)
        made = Annotation(
            id=ws.new_id(),
            experiment_id=experiment.id,
            starts=begun,
            ends=ends,
            text=clean(text),
            kind=kind,
            by=actor.name,
            created_at=ws.now(),
            org_id=actor.org_id,
        )
        rows.insert_note(cursor, made)
        record(ws, actor, cursor, made, verb="annotate", said=_told(made))
    return made


def annotations_of(ws: Workspace, actor: Actor, reference: str) -> tuple[Annotation, ...]:
    """Every annotation of an experiment, by the time they are about."""
    found = notes_of(ws, actor, Annotation, reference)
    return tuple(sorted(found, key=lambda one: (one.starts, one.id)))


def remove_annotation(ws: Workspace, actor: Actor, reference: str, annotation_id: str) -> None:
    """Take an annotation away: one's own, or any with the right to edit.

    Raises:
        NotFoundError: the experiment has no such annotation.
    """
    require(actor, Permission.COMMENT)
    with ws.db.write() as cursor:
        experiment = find(cursor, actor, reference)
        found = {
            one.id: one
            for one in rows.notes_of(cursor, Annotation, actor.org_id, experiment.id)
        }
        if annotation_id not in found:
            raise NotFoundError(f"There is no annotation “{annotation_id}”.")
        gone = found[annotation_id]
        if gone.by != actor.name:
            require(actor, Permission.EDIT)
        rows.delete_annotation(cursor, actor.org_id, annotation_id)
        record(ws, actor, cursor, gone, verb="remove", said=_told(gone))


def _told(annotation: Annotation) -> dict[str, Any]:
    return {
        "text": annotation.text,
        "kind": annotation.kind,
        "starts": moment_text(annotation.starts),
        "ends": moment_text(annotation.ends) if annotation.ends else None,
    }
