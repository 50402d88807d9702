"""Receive a file, from a browser, a path or the inbox; a refused one leaves nothing behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO

from experiments_core.domain.access import Actor, Permission, require
from experiments_core.errors import InvalidInputError, NotFoundError, Problem
from experiments_core.services import uploads
from experiments_core.services.drafts import Draft, detect_upload, make_draft, stored_file
from experiments_core.services.saving import find
from experiments_core.services.uploads import Upload
from experiments_core.services.workspace import Workspace
from experiments_core.store import imports
from experiments_core.store.imports import ImportRow
from experiments_core.tabular.text import visible

KEPT = timedelta(days=30)
"""Text of a file stays so long after it came in, or after its import was undone."""

DRAFTS_KEPT = timedelta(days=2)
ENDINGS = (".csv", ".tsv", ".txt", ".gz")
KEPT_JUMPS = 1_000
LONGEST_NAME = 200

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may come; None is no limit."""

    most_bytes: int | None = None
    most_rows: int | None = None


@dataclass(frozen=True, slots=True)
class InboxFile:
    """A file in the workspace's inbox."""

    name: str
    bytes: int


def receive(
    ws: Workspace,
    actor: Actor,
    source: BinaryIO | Path,
    file_name: str,
    *,
    experiment_id: str | None = None,
    progress: Progress | None = None,
) -> Draft:
    """Take a file in: store clean text under a name of our own, look at it, propose a mapping.

    Args:
        ws: The workspace.
        actor: Who brings it.
        source: The bytes, or a file of this machine to read them from, of any size.
        file_name: Its name, only shown, never used as a path.
        experiment_id: The experiment that it is for (id, key or slug).
        progress: Told a fraction and what is being done, when the size is known.

    Raises:
        InvalidInputError: this is no table of a test; the message says what it is instead.
            Nothing of it is kept.
        TooLargeError: beyond a limit, which is stated.
    """
    require(actor, Permission.IMPORT)
    is_local = isinstance(source, Path)  # only what comes through a door is limited
    limits = Limits() if is_local else Limits(ws.settings.max_upload_bytes, uploads.MOST_ROWS)
    name = _shown_name(file_name)
    return _receive(ws, actor, source, name, limits, experiment_id, progress)


def inbox_files(ws: Workspace, actor: Actor) -> list[InboxFile]:
    """Files that lie in the workspace's inbox, ready to be imported."""
    require(actor, Permission.READ)
    if not ws.db.inbox.is_dir():
        return []
    files = [file for file in ws.db.inbox.iterdir() if _is_plain(file)]
    return [InboxFile(file.name, file.stat().st_size) for file in sorted(files)]


def receive_inbox(
    ws: Workspace,
    actor: Actor,
    name: str,
    *,
    experiment_id: str | None = None,
    progress: Progress | None = None,
) -> Draft:
    """Take in a file of the inbox, of any size; it is copied first and stays where it is.

    Raises:
        NotFoundError: there is no such file in the inbox.
        InvalidInputError: this is no table of a test.
    """
    require(actor, Permission.INBOX)
    known = {file.name for file in inbox_files(ws, actor)}
    if name not in known:
        raise NotFoundError(
            f"There is no file “{visible(name)}” in the inbox.",
            hint=f"Put it into {ws.db.inbox}; names end in {', '.join(ENDINGS)}.",
        )
    source = ws.db.inbox / name
    return _receive(ws, actor, source, _shown_name(name), Limits(), experiment_id, progress)


def _receive(  # noqa: PLR0917  private; the two doors above name everything
    ws: Workspace,
    actor: Actor,
    source: BinaryIO | Path,
    name: str,
    limits: Limits,
    experiment_id: str | None,
    progress: Progress | None,
) -> Draft:
    _tidy(ws)
    experiment = None
    if experiment_id is not None:
        with ws.db.read() as cursor:
            experiment = find(cursor, actor, experiment_id)
    import_id = ws.new_id()
    target = stored_file(ws, import_id)
    upload = _take_in(source, target, limits, progress)
    try:
        detection = detect_upload(upload)
        row = ImportRow(
            id=import_id, org_id=actor.org_id, file_name=name, bytes=upload.bytes,
            sha256=upload.sha256, state="draft", actor=actor.name, created_at=ws.now(),
            experiment_id=experiment.id if experiment else None,
            report={"intake": _intake(upload)},
        )  # fmt: skip
        with ws.db.write() as cursor:
            imports.insert_import(cursor, row)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return make_draft(ws, row, detection, experiment)


def _take_in(
    source: BinaryIO | Path, target: Path, limits: Limits, progress: Progress | None
) -> Upload:
    size = source.stat().st_size if isinstance(source, Path) else 0

    def tell(done: int) -> None:
        if progress is not None and size:
            progress(min(1.0, done / size), "Taking the file in")

    def take(file: BinaryIO) -> Upload:
        return uploads.take_in(
            file, target, most_bytes=limits.most_bytes, most_rows=limits.most_rows, tell=tell
        )

    if not isinstance(source, Path):
        return take(source)
    with source.open("rb") as file:
        return take(file)


def _intake(upload: Upload) -> dict[str, Any]:
    structure = upload.structure
    few = len(structure.jump_records) <= KEPT_JUMPS
    values = {name: getattr(structure, name) for name in structure.__slots__} if few else {}
    return {
        "encoding": upload.encoding,
        "sample": upload.sample,
        "delimiter": upload.delimiter,
        "header_line": upload.header_line,
        "structure": json.loads(json.dumps(values)),
    }


def _shown_name(file_name: str) -> str:
    """The last part of a name, without anything invisible."""
    name = visible(file_name.replace("\\", "/").rsplit("/", 1)[-1])[:LONGEST_NAME]
    if not name:
        raise InvalidInputError(
            "The file has no name.", details=(Problem("file_name", file_name, "REQUIRED", ""),)
        )
    return name


def _is_plain(file: Path) -> bool:
    return (
        file.suffix.lower() in ENDINGS
        and not file.name.startswith(".")
        and file.is_file()
        and not file.is_symlink()
    )


def _tidy(ws: Workspace) -> None:
    """Throw away drafts that nobody finished and texts that have been kept long enough."""
    now = ws.now()
    with ws.db.read() as cursor:
        stale = imports.stale_drafts(cursor, now - DRAFTS_KEPT)
        old = imports.untouched_since(cursor, now - KEPT)
    if stale:
        with ws.db.write() as cursor:
            for import_id in stale:
                imports.delete_import(cursor, import_id)
    for import_id in (*stale, *old):
        with suppress(OSError):
            stored_file(ws, import_id).unlink(missing_ok=True)
