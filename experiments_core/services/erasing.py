"""Erase for good: what is in the bin, and a person who asks for it."""

from __future__ import annotations

import mmap
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments_core.domain.access import Actor, Permission, event_by, require
from experiments_core.domain.acts import needed_permission
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.lifecycle import Verb, advance
from experiments_core.domain.unit_ids import check_unit
from experiments_core.errors import ForbiddenError, NotFoundError
from experiments_core.services import preparing
from experiments_core.services.import_records import stored_file
from experiments_core.services.pseudonyms import stand_in
from experiments_core.services.saving import EXPERIMENT, check_version, find
from experiments_core.services.workspace import Workspace
from experiments_core.store import audit, backup, erasure, imports, purging
from experiments_core.store.backup import Backup
from experiments_core.store.staging import drop_tables

UNIT = "unit"


@dataclass(frozen=True, slots=True)
class Erased:
    """What went, and what a person may still stand in.

    Attributes:
        pseudonym: What the audit trail names the unit by.
        rows: Kind of row -> how many went.
        texts: Stored texts of uploads that went, because the unit stood in them.
        drafts: Files that were not committed yet and went for the same reason.
        backups: Copies made before; they hold the unit until they are rotated out.
    """

    pseudonym: str
    rows: dict[str, int]
    texts: int
    drafts: int
    backups: tuple[Backup, ...]


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
        preparing.forget(stored_file(ws, import_id))
    return experiment


def erase_unit(ws: Workspace, actor: Actor, unit_id: str) -> Erased:
    """Erase everything that is kept about one unit, in every experiment of the organisation.

    Assignments, list entries, overrides, events, versions given by hand, rows of uploads, and
    texts of uploads in which it stands go; totals that name nobody (looks, decisions) stay. The
    next look counts without it. Its id is not kept: the audit trail names its pseudonym.

    Args:
        ws: The workspace.
        actor: Who erases; needs the admin role.
        unit_id: The id, or the pseudonym that a download shows.

    Raises:
        InvalidInputError: the id cannot be one.
        NotFoundError: nothing is kept under it.
        ForbiddenError: the actor is no admin, or a key that is good for some projects only.
    """
    require(actor, Permission.ERASE)
    if actor.projects:
        raise ForbiddenError(
            "This key is good for some projects only; erasing reaches all of them.",
            hint="Use a key that is good for all projects.",
        )
    unit = check_unit(unit_id)
    told = stand_in(ws, actor.org_id, unit)
    names = list(dict.fromkeys([unit, told]))
    with ws.db.write() as cursor:
        rows = erasure.erase_rows(cursor, actor.org_id, names)
        texts, drafts = _strike_out(ws, cursor, actor.org_id, names)
        if not (rows or texts or drafts):
            raise NotFoundError(
                "Nothing is kept about this unit.", hint="Ids are compared as exact text."
            )
        counted = {**rows, "texts": len(texts), "drafts": len(drafts)}
        event = event_by(
            actor, ws.now(), "erase", UNIT, told,
            after={kind: number for kind, number in counted.items() if number},
        )  # fmt: skip
        audit.append_event(cursor, ws.db.secret, event)
    for import_id in (*texts, *drafts):
        preparing.forget(stored_file(ws, import_id))
    ws.db.fold_log()
    copies = tuple(backup.backups_in(ws.db.side))
    return Erased(told, rows, len(texts), len(drafts), copies)


def _strike_out(
    ws: Workspace, cursor: Any, org_id: str, names: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Strike the unit out of what imports tell; give whose text and which drafts must go."""
    texts, drafts = [], []
    line = re.compile(erasure.cell_pattern(names).encode(), re.MULTILINE)
    sample = re.compile(erasure.cell_pattern(names), re.MULTILINE)
    for import_id, state, report in erasure.imports_naming(cursor, org_id):
        stands = _stands_in(stored_file(ws, import_id), line)
        if state == "draft" and stands:
            drop_tables(cursor, import_id)
            imports.delete_import(cursor, import_id)
            drafts.append(import_id)
            continue
        kept = erasure.redacted(report, names)
        if sample.search(str(kept.get("intake", {}).get("sample", ""))):
            kept = kept | {"intake": {}}
        if kept != report:
            imports.update_import(cursor, import_id, {"report": kept})
        if stands:
            texts.append(import_id)
    return texts, drafts


def _stands_in(text: Path, line: re.Pattern[bytes]) -> bool:
    if not text.exists() or not text.stat().st_size:
        return False
    with (
        text.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        return line.search(content) is not None
