"""The file being imported, kept from run to run: received, read, committed, thrown away."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

import streamlit as st

from experiments_core.domain.source import Dialect, Role
from experiments_core.errors import UpshotError
from experiments_core.services import ingestion, workspace
from experiments_core.services.ingestion import Draft, ImportRecord, Question
from pages.parts import data_progress, who
from pages.parts.data_import import Import
from pages.parts.data_progress import Tell

DRAFT = "data-draft"
DONE = "data-done"
FAILED = "data-failed"
UPLOAD = "data-upload"
LAYOUT = "dialect."


def current() -> Import | None:
    """The import on its way, if there is one."""
    found = st.session_state.get(DRAFT)
    return found if isinstance(found, Import) else None


def receive(sources: Sequence[tuple[BinaryIO, str]], experiment_id: str | None) -> None:
    """Take files in; a refusal is remembered and shown by the page."""
    with st.spinner("Looking at the file", show_time=True):
        took = _take_up(
            lambda: ingestion.receive_files(
                workspace.current(), who.actor(), sources, experiment_id=experiment_id
            ),
            experiment_id,
        )
    if not took:
        _next_uploader()


def receive_inbox(name: str, experiment_id: str | None) -> None:
    """Take a file of the inbox; nothing goes through the browser."""
    with data_progress.shown("Taking the file in") as told:
        _take_up(
            lambda: ingestion.receive_inbox(
                workspace.current(), who.actor(), name, experiment_id=experiment_id,
                progress=told,
            ),
            experiment_id,
        )  # fmt: skip


def look_again(known: Import, dialect: Dialect) -> None:
    """Read the beginning of the file with another delimiter or header line."""
    _take_up(
        lambda: ingestion.look_again(
            workspace.current(), who.actor(), known.draft.import_id, dialect=dialect
        ),
        known.experiment_id,
    )


def carry_on(import_id: str, experiment_id: str | None) -> None:
    """Take up a file that came in before and was not imported."""
    _take_up(
        lambda: ingestion.look_again(workspace.current(), who.actor(), import_id),
        experiment_id,
    )


def experiments_in(known: Import) -> list[str]:
    """Every experiment that the file names; the file is read once for it."""
    column = known.mapping.first(Role.EXPERIMENT)
    place = column.position if column else None
    if known.named is None or known.named[0] != place:
        names = ingestion.experiments_in(
            workspace.current(), who.actor(), known.draft.import_id, known.mapping
        )
        known.named = (place, names)
    return known.named[1]


def answer(known: Import, question: Question, value: str | None) -> None:
    """Take an answer; one about sheet, files, shape or header makes the rows anew."""
    if question.field.startswith(LAYOUT) and value is not None:
        dialect = ingestion.answer_layout(known.draft.detection.dialect, question, value)
        look_again(known, dialect)
        return
    known.say(question, value)


def forget() -> None:
    """Throw the draft away; nothing of the file stays."""
    known = current()
    if known is not None:
        with contextlib.suppress(UpshotError):  # it may have been imported already
            ingestion.discard(workspace.current(), who.actor(), known.draft.import_id)
    _clear()


def check(known: Import, *, asked: bool) -> None:
    """Read all rows with what is said now.

    Args:
        known: The import.
        asked: Somebody pressed a button for it, and may stop it.
    """
    mapping = known.mapping
    try:
        with data_progress.shown("Reading the rows", stops=asked) as told:
            report = ingestion.check(
                workspace.current(), who.actor(), known.draft.import_id, mapping, progress=told
            )
    except UpshotError as error:
        known.checked = (mapping, error)
    else:
        known.checked = (mapping, report)


def commit(
    known: Import, name: str, mode: str, existing: str, less_is_better: Sequence[str]
) -> list[ImportRecord]:
    """Import for good; one record for each experiment that has data now, none on a refusal.

    Args:
        known: The import.
        name: Of the new experiment, where there is none yet.
        mode: ``all`` or ``good_rows``.
        existing: ``add`` to the rows that are there, or ``replace`` them.
        less_is_better: Measures of a new experiment of which a decrease is good.
    """
    born = {"name": name, "less_is_better": less_is_better}
    try:
        with data_progress.shown("Importing") as told:
            done = _commit(known, born, mode, existing, told)
    except UpshotError as error:
        st.session_state[FAILED] = error
        return []
    _clear()
    st.session_state[DONE] = [one.id for one in done] if len(done) > 1 else []
    return done


def _commit(
    known: Import, born: dict[str, Any], mode: str, existing: str, told: Tell
) -> list[ImportRecord]:
    ws, actor, import_id = workspace.current(), who.actor(), known.draft.import_id
    if known.mapping.experiment == "*":
        return ingestion.commit_each(
            ws, actor, import_id, known.mapping, **born, mode=mode, progress=told
        )
    if known.experiment_id is None:
        return [
            ingestion.commit_as_new(
                ws, actor, import_id, known.mapping, **born, mode=mode, progress=told
            )
        ]
    return [ingestion.commit(ws, actor, import_id, mode=mode, existing=existing, progress=told)]


def _take_up(look: Callable[[], Draft], experiment_id: str | None) -> bool:
    """Begin with the draft that somebody asked for; a refusal leaves what was there."""
    try:
        draft = look()
    except UpshotError as error:
        st.session_state[FAILED] = error
        return False
    st.session_state.pop(FAILED, None)
    st.session_state.pop(DONE, None)
    began = Import(draft, experiment_id)
    began.asked = {question.field: question for question in draft.questions}
    st.session_state[DRAFT] = began
    return True


def _clear() -> None:
    st.session_state.pop(DRAFT, None)
    st.session_state.pop(FAILED, None)
    _next_uploader()


def _next_uploader() -> None:
    """An uploader without a file; Streamlit keeps the last one otherwise."""
    st.session_state[UPLOAD] = st.session_state.get(UPLOAD, 0) + 1
