"""Erase what is in the bin for good."""

from __future__ import annotations

from experiments_core.domain.access import Actor, Permission, event_by, require
from experiments_core.domain.acts import needed_permission
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.lifecycle import Verb, advance
from experiments_core.services import drafts
from experiments_core.services.saving import EXPERIMENT, check_version, find
from experiments_core.services.workspace import Workspace
from experiments_core.store import audit, purging


def purge(ws: Workspace, actor: Actor, reference: str, *, version: int | None) -> Experiment:
    """Erase an experiment in the bin with its data, looks and files; the audit trail stays.

    Args:
        ws: The workspace.
        actor: Who erases; needs the admin role.
        reference: Id, key or slug.
        version: The version the actor last read; None does not compare.

    Returns:
        The experiment as it was.

    Raises:
        ConflictError: ``INVALID_TRANSITION``: it is not in the bin.
        ForbiddenError: the actor is no admin.
        VersionStaleError: somebody saved since that version.
    """
    require(actor, Permission.EDIT)
    with ws.db.write() as cursor:
        experiment = find(cursor, actor, reference)
        check_version(ws, actor, cursor, experiment, version)
        advance(experiment.place, Verb.PURGE)
        require(actor, needed_permission(experiment, Verb.PURGE))
        files = purging.files_of(cursor, experiment.id)
        erased = purging.purge_experiment(cursor, experiment.id)
        event = event_by(
            actor, ws.now(), Verb.PURGE.value, EXPERIMENT, experiment.id,
            before={"key": experiment.key, "name": experiment.name}, after={"erased": erased},
        )  # fmt: skip
        audit.append_event(cursor, ws.db.secret, event)
    for import_id in files:
        drafts.stored_file(ws, import_id).unlink(missing_ok=True)
    return experiment
