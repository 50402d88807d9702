"""Receive a file, from a browser, a path or the inbox; a refused one leaves nothing behind."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from experiments_core.domain.access import Actor, Permission, may, require
from experiments_core.domain.project import FIRST_ORGANISATION
from experiments_core.errors import InvalidInputError, NotFoundError, Problem
from experiments_core.services import arriving, preparing
from experiments_core.services.drafts import Draft, detect_prepared, intake_of, make_draft
from experiments_core.services.import_records import stored_file
from experiments_core.services.intake import MOST_ROWS
from experiments_core.services.organisations import organisation_of
from experiments_core.services.prepared import Prepared
from experiments_core.services.saving import find
from experiments_core.services.workspace import Workspace
from experiments_core.store import imports
from experiments_core.store.imports import ImportRow
from experiments_core.store.watch import Progress
from experiments_core.tabular.text import visible

KEPT = timedelta(days=30)
"""Text of a file stays so long after it came in, or after its import was undone."""

DRAFTS_KEPT = timedelta(days=2)
ENDINGS = (".csv", ".tsv", ".txt", ".gz", ".xlsx")
LONGEST_NAME = 200


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
    return receive_files(
        ws, actor, [(source, file_name)], experiment_id=experiment_id, progress=progress
    )


def receive_files(
    ws: Workspace,
    actor: Actor,
    sources: Sequence[tuple[BinaryIO | Path, str]],
    *,
    experiment_id: str | None = None,
    progress: Progress | None = None,
) -> Draft:
    """Take files in that belong together: arms, assignments and outcomes, exposures and events.

    Args:
        ws: The workspace.
        actor: Who brings them.
        sources: Each one's bytes (or a file of this machine), and its name.
        experiment_id: The experiment that they are for (id, key or slug).
        progress: Told a fraction and what is being done, when the size is known.

    Raises:
        InvalidInputError: one is no table, or they do not fit together; nothing is kept.
        TooLargeError: beyond a limit, which is stated.
    """
    require(actor, Permission.IMPORT)
    is_local = all(isinstance(source, Path) for source, _ in sources)
    # only what comes through a door is limited
    limits = Limits() if is_local else Limits(ws.settings.max_upload_bytes, MOST_ROWS)
    named = [(source, _shown_name(name)) for source, name in sources]
    return _receive(ws, actor, named, limits, experiment_id, progress)


def inbox_files(ws: Workspace, actor: Actor) -> list[InboxFile]:
    """Files that lie in the organisation's inbox, ready to be imported."""
    require(actor, Permission.READ)
    inbox = _inbox(ws, actor)
    if not inbox.is_dir():
        return []
    files = [file for file in inbox.iterdir() if _is_plain(file)]
    return [InboxFile(file.name, file.stat().st_size) for file in sorted(files)]


def inbox_folder(ws: Workspace, actor: Actor) -> Path | None:
    """Where larger files are put, made if need be; None for those who may not use it."""
    if not may(actor, Permission.INBOX):
        return None
    inbox = _inbox(ws, actor)
    inbox.mkdir(parents=True, exist_ok=True)
    return inbox


def receive_inbox(
    ws: Workspace,
    actor: Actor,
    name: str,
    *more: str,
    experiment_id: str | None = None,
    progress: Progress | None = None,
) -> Draft:
    """Take in files of the inbox, of any size; they are copied first and stay where they are.

    Raises:
        NotFoundError: there is no such file in the inbox.
        InvalidInputError: this is no table of a test.
    """
    require(actor, Permission.INBOX)
    known = {file.name for file in inbox_files(ws, actor)}
    missing = next((one for one in (name, *more) if one not in known), None)
    if missing is not None:
        raise NotFoundError(
            f"There is no file “{visible(missing)}” in the inbox.",
            hint=f"Put it into {_inbox(ws, actor)}; names end in {', '.join(ENDINGS)}.",
        )
    sources = [(_inbox(ws, actor) / one, _shown_name(one)) for one in (name, *more)]
    return _receive(ws, actor, sources, Limits(), experiment_id, progress)


def _inbox(ws: Workspace, actor: Actor) -> Path:
    """The folder of the first organisation; any other has one of its own in it."""
    if actor.org_id == FIRST_ORGANISATION.id:
        return ws.db.inbox
    return ws.db.inbox / organisation_of(ws, actor.org_id).slug


def _receive(  # noqa: PLR0917  private; the doors above name everything
    ws: Workspace,
    actor: Actor,
    sources: Sequence[tuple[BinaryIO | Path, str]],
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
    prepared = _take_in(ws, sources, target, limits, progress)
    upload = prepared.upload
    try:
        detection = detect_prepared(prepared)
        row = ImportRow(
            id=import_id, org_id=actor.org_id, file_name=_joined(sources), bytes=upload.bytes,
            sha256=upload.sha256, state="draft", actor=actor.name, created_at=ws.now(),
            experiment_id=experiment.id if experiment else None,
            report={"intake": intake_of(prepared)},
        )  # fmt: skip
        with ws.db.write() as cursor:
            imports.insert_import(cursor, row)
    except BaseException:
        preparing.forget(target)
        raise
    return make_draft(ws, row, detection, experiment)


def _joined(sources: Sequence[tuple[BinaryIO | Path, str]]) -> str:
    return " + ".join(name for _, name in sources)[:LONGEST_NAME]


def _take_in(
    ws: Workspace,
    sources: Sequence[tuple[BinaryIO | Path, str]],
    target: Path,
    limits: Limits,
    progress: Progress | None,
) -> Prepared:
    size = sum(source.stat().st_size for source, _ in sources if isinstance(source, Path))

    def tell(done: int) -> None:
        if progress is not None and size:
            progress(min(1.0, done / size), "Taking the file in")

    return arriving.take(
        ws.db, sources, target,
        most_bytes=limits.most_bytes, most_rows=limits.most_rows, tell=tell,
    )  # fmt: skip


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
        with suppress(OSError):  # another time; what nobody asks for any more can wait
            preparing.forget(stored_file(ws, import_id))
