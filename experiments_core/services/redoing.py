"""Take the undoing of an import back: its stored text is read again as it was read before."""

from __future__ import annotations

from dataclasses import replace

from experiments_core.domain.access import Actor, Permission, require
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.source_document import mapping_from_document
from experiments_core.errors import ConflictError
from experiments_core.services.committing import record
from experiments_core.services.drafts import detection_of
from experiments_core.services.import_check import changes_of, read_rows
from experiments_core.services.import_records import (
    ImportRecord,
    find_any,
    record_of,
    stored_file,
)
from experiments_core.services.saving import find
from experiments_core.services.storing import store_rows
from experiments_core.services.workspace import Workspace
from experiments_core.store import imports
from experiments_core.store.imports import ImportRow
from experiments_core.store.staging import drop_tables
from experiments_core.store.watch import Cancelled, Watch


def can_redo(ws: Workspace, one: ImportRecord) -> bool:
    """Whether an import is undone and its text is still kept."""
    return one.state == "undone" and stored_file(ws, one.id).exists()


def redo(
    ws: Workspace,
    actor: Actor,
    import_id: str,
    *,
    cancelled: Cancelled | None = None,
) -> ImportRecord:
    """Bring the rows of an undone import back, under the mapping it was committed with.

    The rows are added to those that the experiment has now; units that came in another import
    meanwhile stay as they are. The same rows as before have the same data hash, so the looks
    taken then are valid again.

    Raises:
        ConflictError: it is not undone, its text is no longer kept (30 days), or its rows do
            not fit the experiment any more.
        CancelledError: it was stopped; nothing has changed.
    """
    require(actor, Permission.IMPORT)
    row = find_any(ws, actor, import_id)
    _refuse(ws, row)
    with ws.db.read() as cursor:
        experiment = find(cursor, actor, row.experiment_id or "")
    try:
        _redo(ws, actor, row, experiment, Watch(None, cancelled))
    except BaseException:
        with ws.db.staging() as cursor:
            drop_tables(cursor, row.id)
        raise
    return record_of(find_any(ws, actor, import_id))


def _redo(
    ws: Workspace, actor: Actor, row: ImportRow, experiment: Experiment, watch: Watch
) -> None:
    mapping = mapping_from_document(row.mapping or {})
    seen = detection_of(ws, row, mapping.dialect)
    checked = read_rows(ws, row, mapping, seen, experiment, watch)
    found = changes_of(row, mapping, checked, checked.report)
    fresh = replace(row, **found)
    with ws.db.write() as cursor:
        _refuse(ws, find_any(ws, actor, row.id))  # nobody else has done it meanwhile
        changes = {**found, **store_rows(ws, cursor, fresh, experiment, "add")}
        imports.update_import(cursor, row.id, {**changes, "undone_at": None})
        record(ws, actor, cursor, row, "redo", changes)


def _refuse(ws: Workspace, row: ImportRow) -> None:
    if row.state != "undone" or row.mapping is None:
        raise ConflictError(
            f"“{row.file_name}” is {row.state}; only an undone import can be redone.",
            code="IMPORT_NOT_UNDONE",
        )
    if not stored_file(ws, row.id).exists():
        raise ConflictError(
            f"The text of “{row.file_name}” is no longer there: it is kept for 30 days, and "
            "not at all where its unit ids may not be kept.",
            code="IMPORT_TEXT_GONE",
            hint="Upload the file again.",
        )
