"""Imports as their history shows them, and who sees which."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from experiments_core.domain.access import Actor
from experiments_core.domain.source import Mapping
from experiments_core.domain.source_document import mapping_from_document
from experiments_core.errors import ConflictError, NotFoundError
from experiments_core.services.saving import sees
from experiments_core.services.workspace import Workspace
from experiments_core.store import catalog, imports
from experiments_core.store.imports import ImportRow


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """One import, as its history shows it.

    Attributes:
        state: ``draft``, ``committed``, ``undone`` or ``failed``.
        by: Who did it.
    """

    id: str
    file_name: str
    bytes: int
    sha256: str
    state: str
    by: str
    created_at: datetime
    experiment_id: str | None
    dataset_id: str | None
    shape: str | None
    rows_read: int | None
    rows_used: int | None
    rows_left_out: int | None
    committed_at: datetime | None
    undone_at: datetime | None
    report: dict[str, Any]


def find_draft(ws: Workspace, actor: Actor, import_id: str) -> ImportRow:
    """Find an import that has not been committed.

    Raises:
        NotFoundError: there is none of this id.
        ConflictError: it was committed or undone already.
    """
    row = find_any(ws, actor, import_id)
    if row.state != "draft":
        raise ConflictError(
            f"“{row.file_name}” was {row.state} already.", code="IMPORT_NOT_DRAFT"
        )
    return row


def find_any(ws: Workspace, actor: Actor, import_id: str) -> ImportRow:
    """Find an import in any state.

    Raises:
        NotFoundError: there is none of this id, or it belongs to somebody else: to another
            organisation, or to a project that a key is not good for.
    """
    with ws.db.read() as cursor:
        row = imports.find_import(cursor, actor.org_id, import_id)
        seen = row is not None and sees_import(cursor, actor, row)
    if row is None or not seen:
        raise NotFoundError("There is no such import.", hint="Upload the file again.")
    return row


def sees_import(cursor: Any, actor: Actor, row: ImportRow) -> bool:
    """Tell whether a key that is good for some projects is good for an import.

    An import that has no experiment yet is in no project; it is seen by who received it.
    """
    if not actor.projects:
        return True
    if row.experiment_id is None:
        return row.actor == actor.name
    found = catalog.find_experiment(cursor, actor.org_id, row.experiment_id)
    return found is not None and sees(actor, found)


def record_of(row: ImportRow) -> ImportRecord:
    """An import as services show it."""
    return ImportRecord(
        id=row.id, file_name=row.file_name, bytes=row.bytes, sha256=row.sha256,
        state=row.state, by=row.actor, created_at=row.created_at,
        experiment_id=row.experiment_id, dataset_id=row.dataset_id, shape=row.shape,
        rows_read=row.rows_read, rows_used=row.rows_used, rows_left_out=row.rows_left_out,
        committed_at=row.committed_at, undone_at=row.undone_at, report=row.report,
    )  # fmt: skip


def stored_file(ws: Workspace, import_id: str) -> Path:
    """Where the clean text of an import lies."""
    return ws.db.side / "uploads" / f"{import_id}.txt"


def mapping_of(row: ImportRow) -> Mapping:
    """The mapping that an import was read with.

    Raises:
        NotFoundError: it was not read yet.
    """
    if row.mapping is None:
        raise NotFoundError("This import has no mapping.")
    return mapping_from_document(row.mapping)
