"""Files that were received and not committed: found, looked at again, thrown away."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from experiments_core.domain.access import Actor, Permission, require
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.source import Dialect
from experiments_core.errors import ConflictError
from experiments_core.services import preparing, uploads
from experiments_core.services.fitting import asks_whether_finished, fit
from experiments_core.services.import_records import (
    ImportRecord,
    find_draft,
    record_of,
    stored_file,
)
from experiments_core.services.prepared import (
    Prepared,
    asks_of,
    notes_of,
    parts_of,
    to_document,
)
from experiments_core.services.remembered import fill_in, recall
from experiments_core.services.saving import find
from experiments_core.services.text_rows import MOST_JUMPS
from experiments_core.services.workspace import Workspace
from experiments_core.store import imports
from experiments_core.store.imports import ImportRow
from experiments_core.store.staging import drop_tables
from experiments_core.tabular.answers import Question
from experiments_core.tabular.detection import Detection, Made, detect
from experiments_core.tabular.questions import open_questions
from experiments_core.tabular.structure import Structure

KEPT_JUMPS = 1_000


@dataclass(frozen=True, slots=True)
class Draft:
    """A file that was received and looked at; nothing of it is among the facts.

    Attributes:
        detection: What its sample shows, with a proposed mapping.
        questions: What has to be said before it can be committed.
        already_imported: The import of the very same bytes, if they are in use.
    """

    import_id: str
    file_name: str
    bytes: int
    sha256: str
    detection: Detection
    questions: tuple[Question, ...]
    already_imported: ImportRecord | None


def look_again(
    ws: Workspace, actor: Actor, import_id: str, *, dialect: Dialect | None = None
) -> Draft:
    """Look at a draft again, perhaps with another delimiter, header line, sheet or shape.

    Raises:
        NotFoundError: there is no such draft.
        InvalidInputError: under this dialect it is no table.
    """
    require(actor, Permission.IMPORT)
    row = find_draft(ws, actor, import_id)
    with ws.db.read() as cursor:
        experiment = find(cursor, actor, row.experiment_id) if row.experiment_id else None
    if dialect is not None and _recipe(dialect) != _told(row):
        row = _prepare(ws, row, dialect)
        dialect = None
    return make_draft(ws, row, detection_of(ws, row, dialect), experiment)


def discard(ws: Workspace, actor: Actor, import_id: str) -> None:
    """Throw a draft away; nothing of it stays."""
    require(actor, Permission.IMPORT)
    row = find_draft(ws, actor, import_id)
    with ws.db.staging() as cursor:
        drop_tables(cursor, row.id)
    with ws.db.write() as cursor:
        imports.delete_import(cursor, row.id)
    preparing.forget(stored_file(ws, row.id))


def structure_of(row: ImportRow) -> tuple[Dialect, Structure] | None:
    """The census that receiving took, and the dialect it was taken under, if it was kept."""
    intake = row.report.get("intake", {})
    values = intake.get("structure")
    if not values:
        return None
    dialect = Dialect(delimiter=intake["delimiter"], header_line=intake["header_line"])
    kept: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in values.items()
    }
    return dialect, Structure(**kept)


def detection_of(ws: Workspace, row: ImportRow, dialect: Dialect | None = None) -> Detection:
    """Judge the stored text again."""
    found = replace(_stored(ws, row), notes=notes_of(row.report["intake"]))
    return detect_prepared(found, dialect, Dialect(**_told(row)))


def _stored(ws: Workspace, row: ImportRow) -> Prepared:
    """What was taken in, as it was then."""
    path, intake = stored_file(ws, row.id), row.report["intake"]
    if not path.exists():
        raise ConflictError(
            f"The text of “{row.file_name}” is no longer there.", hint="Upload the file again."
        )
    known = structure_of(row)
    upload = uploads.stored(
        path,
        bytes_=row.bytes,
        sha256=row.sha256,
        encoding=intake["encoding"],
        sample=intake["sample"],
        structure=known[1] if known else uploads.read_structure(path, Dialect(
            delimiter=intake["delimiter"], header_line=intake["header_line"]
        )),
        dialect=(intake["delimiter"], intake["header_line"]),
    )  # fmt: skip
    return Prepared(upload, parts_of(intake), asks_of(intake))


def _prepare(ws: Workspace, row: ImportRow, dialect: Dialect) -> ImportRow:
    """Make the text anew: another sheet, another way to combine files, another shape."""
    before = _stored(ws, row)
    if _made_so(before.asks, _told(row)) == _made_so(before.asks, _recipe(dialect)):
        report = {"intake": row.report["intake"] | {"recipe": _recipe(dialect)}}
    else:
        known = before.upload
        if not before.parts:
            known = replace(known, path=known.path.with_name(row.file_name.replace("/", "_")))
        made = preparing.prepare(ws.db, stored_file(ws, row.id), before.parts, dialect, known)
        report = {"intake": intake_of(made, dialect)}
    with ws.db.write() as cursor:
        imports.update_import(cursor, row.id, {"report": report, "mapping": None})
    return replace(row, report=report, mapping=None)


def _made_so(asks: Sequence[Question], recipe: dict[str, Any]) -> dict[str, Any]:
    """The recipe with what is done where nobody said how files are combined: the likeliest."""
    likeliest = next((ask.default for ask in asks if ask.field == "dialect.combine"), "")
    return recipe | {"combine": recipe["combine"] or likeliest}


def intake_of(prepared: Prepared, recipe: Dialect | None = None) -> dict[str, Any]:
    """What a draft keeps of the files as they came in, as plain JSON values."""
    upload = prepared.upload
    structure = upload.structure
    most = MOST_JUMPS if prepared.parts else KEPT_JUMPS
    few = len(structure.jump_records) <= most
    values = {name: getattr(structure, name) for name in structure.__slots__} if few else {}
    return {
        "encoding": upload.encoding,
        "sample": upload.sample,
        "delimiter": upload.delimiter,
        "header_line": upload.header_line,
        "structure": json.loads(json.dumps(values)),
        "recipe": _recipe(recipe or Dialect()),
        **to_document(prepared),
    }


def _recipe(dialect: Dialect) -> dict[str, Any]:
    """The part of a dialect that makes the text."""
    return {"sheet": dialect.sheet, "combine": dialect.combine, "reshape": dialect.reshape}


def _told(row: ImportRow) -> dict[str, Any]:
    return dict(row.report["intake"].get("recipe") or _recipe(Dialect()))


def detect_prepared(
    prepared: Prepared, dialect: Dialect | None = None, recipe: Dialect | None = None
) -> Detection:
    """Judge a text that was made from what came in."""
    upload = prepared.upload
    return detect(
        upload.head,
        complete=upload.complete,
        records=upload.structure.records,
        middle=upload.middle,
        encoding=upload.encoding,
        sample=upload.sample,
        told=dialect,
        made=Made(recipe or Dialect(), prepared.asks, prepared.notes),
    )


def make_draft(
    ws: Workspace, row: ImportRow, detection: Detection, experiment: Experiment | None
) -> Draft:
    """Fit the proposal to the experiment, ask what is open, look for the same file."""
    with ws.db.read() as cursor:
        known = recall(cursor, row.org_id, detection.proposal, row.experiment_id)
        twin = imports.committed_twin(
            cursor, row.org_id, sha256=row.sha256, experiment_id=row.experiment_id
        )
    detection = fill_in(detection, known)
    proposal = fit(detection.proposal, experiment)
    detection = replace(detection, proposal=proposal)
    return Draft(
        row.id,
        row.file_name,
        row.bytes,
        row.sha256,
        detection,
        open_questions(detection, proposal, ask_finished=asks_whether_finished(experiment)),
        record_of(twin) if twin else None,
    )
