"""The file being imported: what was dropped, what was said about it, what reading it showed.

Everything said is kept apart from the proposal, so that each answer can be changed again.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO

import streamlit as st

from experiments_core.domain.source import Dialect, Mapping, Role, Shape
from experiments_core.errors import InvalidInputError, UpshotError
from experiments_core.services import ingestion, workspace
from experiments_core.services.ingestion import Draft, ImportRecord, ImportReport, Question
from pages.parts import data_progress, who
from pages.parts.data_progress import Tell

DRAFT = "data-draft"
DONE = "data-done"
FAILED = "data-failed"
UPLOAD = "data-upload"
LAYOUT = "dialect."
BLANK_FIELD = re.compile(r"columns\[(\d+)\]\.(blank|converted|decimal|time_format|rate)")
MEASURED = {
    Role.OUTCOME, Role.VALUE, Role.COVARIATE, Role.TIME, Role.CONVERSIONS, Role.RATE,
}  # fmt: skip


@dataclass
class Import:
    """One file on its way in.

    Attributes:
        draft: What was received and seen.
        roles: Position of a column -> what a person said it is.
        rules: Position of a column -> what counts of several rows of a unit.
        only: Of several experiments in the file, those that are wanted; all when empty.
        split: Intended shares by arm, in any numbers; equal when empty.
        answers: Field of a question -> the answer.
        asked: Every question so far, by its field.
        merges: Name in the file -> the variant of the experiment that it is.
        crossovers: What is done with units in two arms, where somebody said so.
        checked: The mapping that was read with, and its report or why there is none.
        named: Column that tells experiments apart, and those that it names.
    """

    draft: Draft
    experiment_id: str | None = None
    roles: dict[int, Role] = field(default_factory=dict)
    rules: dict[int, str] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    split: dict[str, float] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    asked: dict[str, Question] = field(default_factory=dict)
    merges: dict[str, str] = field(default_factory=dict)
    crossovers: str = ""
    checked: tuple[Mapping, ImportReport | UpshotError] | None = None
    named: tuple[int | None, list[str]] | None = None

    @property
    def mapping(self) -> Mapping:
        """The proposal with everything that was said; a chosen use has the last word."""
        mapping = self.draft.detection.proposal
        for name, value in self.answers.items():
            with contextlib.suppress(InvalidInputError, KeyError):  # asked no more
                mapping = ingestion.answer(mapping, self.asked[name], value)
        for position, role in self.roles.items():
            mapping = ingestion.give_role(mapping, position, role)
        columns = tuple(
            replace(column, repeats=self.rules.get(column.position, column.repeats))
            for column in mapping.columns
        )
        crossovers = self.crossovers or mapping.crossovers
        only = self.only if mapping.experiment == "*" else ()
        split = ingestion.basis_points(self.split) or mapping.split
        return replace(
            mapping, columns=columns, crossovers=crossovers, experiments=only, split=split,
            merge_variants={**mapping.merge_variants, **self.merges},
        )  # fmt: skip

    @property
    def found(self) -> ImportReport | UpshotError | None:
        """What reading with the present mapping gave; None before it was read."""
        if self.checked is None or self.checked[0] != self.mapping:
            return None
        return self.checked[1]

    def experiments(self) -> list[str]:
        """Every experiment that the file names; the file is read once for it."""
        column = self.mapping.first(Role.EXPERIMENT)
        place = column.position if column else None
        if self.named is None or self.named[0] != place:
            names = ingestion.experiments_in(
                workspace.current(), who.actor(), self.draft.import_id, self.mapping
            )
            self.named = (place, names)
        return self.named[1]

    @property
    def has_repeats(self) -> bool:
        """Units have several rows, so that each column may say what counts then."""
        mapping = self.mapping
        asked = any(one.field == "repeats" for one in self.open_questions)
        several = mapping.repeats != "refuse" or mapping.combines or asked
        return mapping.shape is Shape.EVENTS or (mapping.shape is Shape.UNIT and several)

    @property
    def open_questions(self) -> tuple[Question, ...]:
        """What nobody has answered."""
        if isinstance(self.found, ingestion.ImportReport):
            return self.found.questions
        return tuple(one for one in self.draft.questions if one.field not in self.answers)

    @property
    def questions(self) -> list[Question]:
        """Answered ones that still matter, then the open ones."""
        waiting = self.open_questions
        fields = {one.field for one in waiting}
        answered = [
            one
            for name, one in self.asked.items()
            if name in self.answers and name not in fields and self._matters(name)
        ]
        return [*answered, *waiting]

    def say(self, question: Question, value: str | None) -> None:
        """Keep or take back an answer."""
        self.asked[question.field] = question
        if value is None:
            self.answers.pop(question.field, None)
            return
        self.answers[question.field] = value
        if question.field.startswith("role."):
            self.roles.pop(int(value), None)

    def use(self, position: int, role: Role) -> None:
        """Use a column as something else; answers about its use are void."""
        self.roles.pop(position, None)
        self.roles[position] = role
        for name in [name for name in self.answers if name == f"columns[{position}].role"]:
            del self.answers[name]

    def _matters(self, name: str) -> bool:
        match = BLANK_FIELD.fullmatch(name)
        if match is None:
            return True
        columns = {column.position: column for column in self.mapping.columns}
        column = columns.get(int(match[1]))
        return column is not None and column.role in MEASURED


def current() -> Import | None:
    """The import on its way, if there is one."""
    found = st.session_state.get(DRAFT)
    return found if isinstance(found, Import) else None


def receive(sources: Sequence[tuple[BinaryIO, str]], experiment_id: str | None) -> None:
    """Take files in; a refusal is remembered and shown by the page."""
    try:
        with st.spinner("Looking at the file", show_time=True):
            draft = ingestion.receive_files(
                workspace.current(), who.actor(), sources, experiment_id=experiment_id
            )
    except UpshotError as error:
        st.session_state[FAILED] = error
        _next_uploader()
    else:
        _begin(draft, experiment_id)


def receive_inbox(name: str, experiment_id: str | None) -> None:
    """Take a file of the inbox; nothing goes through the browser."""
    try:
        with data_progress.shown("Taking the file in") as told:
            draft = ingestion.receive_inbox(
                workspace.current(), who.actor(), name, experiment_id=experiment_id,
                progress=told,
            )  # fmt: skip
    except UpshotError as error:
        st.session_state[FAILED] = error
    else:
        _begin(draft, experiment_id)


def look_again(known: Import, dialect: Dialect) -> None:
    """Read the beginning of the file with another delimiter or header line."""
    try:
        draft = ingestion.look_again(
            workspace.current(), who.actor(), known.draft.import_id, dialect=dialect
        )
    except UpshotError as error:
        st.session_state[FAILED] = error
    else:
        _begin(draft, known.experiment_id)


def carry_on(import_id: str, experiment_id: str | None) -> None:
    """Take up a file that came in before and was not imported."""
    try:
        draft = ingestion.look_again(workspace.current(), who.actor(), import_id)
    except UpshotError as error:
        st.session_state[FAILED] = error
    else:
        _begin(draft, experiment_id)


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


def commit(known: Import, name: str, mode: str, existing: str) -> list[ImportRecord]:
    """Import for good; one record for each experiment that has data now, none on a refusal.

    Args:
        known: The import.
        name: Of the new experiment, where there is none yet.
        mode: ``all`` or ``good_rows``.
        existing: ``add`` to the rows that are there, or ``replace`` them.
    """
    try:
        with data_progress.shown("Importing") as told:
            done = _commit(known, name, mode, existing, told)
    except UpshotError as error:
        st.session_state[FAILED] = error
        return []
    _clear()
    st.session_state[DONE] = [one.id for one in done] if len(done) > 1 else []
    return done


def _commit(
    known: Import, name: str, mode: str, existing: str, told: Tell
) -> list[ImportRecord]:
    ws, actor, import_id = workspace.current(), who.actor(), known.draft.import_id
    if known.mapping.experiment == "*":
        return ingestion.commit_each(
            ws, actor, import_id, known.mapping, name=name, mode=mode, progress=told
        )
    if known.experiment_id is None:
        return [
            ingestion.commit_as_new(
                ws, actor, import_id, known.mapping, name=name, mode=mode, progress=told
            )
        ]
    return [ingestion.commit(ws, actor, import_id, mode=mode, existing=existing, progress=told)]


def _begin(draft: Draft, experiment_id: str | None) -> None:
    st.session_state.pop(FAILED, None)
    st.session_state.pop(DONE, None)
    began = Import(draft, experiment_id)
    began.asked = {question.field: question for question in draft.questions}
    st.session_state[DRAFT] = began


def _clear() -> None:
    st.session_state.pop(DRAFT, None)
    st.session_state.pop(FAILED, None)
    _next_uploader()


def _next_uploader() -> None:
    """An uploader without a file; Streamlit keeps the last one otherwise."""
    st.session_state[UPLOAD] = st.session_state.get(UPLOAD, 0) + 1
