"""Read a draft under what somebody says: lay it out, answer, read until no answer is left."""

from __future__ import annotations

from dataclasses import replace

from experiments_core.domain.access import Actor
from experiments_core.domain.source import Mapping
from experiments_core.errors import InvalidInputError
from experiments_core.services import ingestion
from experiments_core.services.choosing import choose
from experiments_core.services.import_choices import Choices
from experiments_core.services.ingestion import Draft, ImportReport, Question
from experiments_core.services.workspace import Workspace
from experiments_core.store.watch import Cancelled, Progress

MOST_ROUNDS = 10
LAYOUT = frozenset({"dialect.sheet", "dialect.combine", "dialect.reshape"})


def read_under(
    ws: Workspace, actor: Actor, import_id: str, choices: Choices
) -> tuple[Mapping, ImportReport]:
    """Read every row of a draft under what somebody says; commits nothing.

    Raises:
        NotFoundError: there is no such draft.
        InvalidInputError: a choice does not exist, or the file cannot be used under it.
    """
    draft = ingestion.look_again(ws, actor, import_id)
    _, mapping, report = read_draft(ws, actor, draft, choices)
    return mapping, report


def read_draft(
    ws: Workspace, actor: Actor, draft: Draft, choices: Choices
) -> tuple[Draft, Mapping, ImportReport]:
    """Read every row of a draft as far as the answers go; commits nothing.

    Returns:
        The draft as it was laid out, the mapping, and the report with what is still open.
    """
    draft = lay_out(ws, actor, draft, choices)
    if open_layout(draft):
        report = ImportReport(0, 0, 0, 0, {}, questions=draft.questions)
        return draft, draft.detection.proposal, report
    mapping, report = read_rows(ws, actor, draft, choices)
    return draft, mapping, report


def open_layout(draft: Draft) -> bool:
    """Whether something about sheet, files or shape is open, so that rows mean nothing yet."""
    return any(question.field in LAYOUT for question in draft.questions)


def lay_out(ws: Workspace, actor: Actor, draft: Draft, choices: Choices) -> Draft:
    """Answer what has to be known before rows can be seen: sheet, files, shape, header."""
    for _ in range(MOST_ROUNDS):
        dialect = draft.detection.dialect
        dialect = replace(dialect, shape=choices.shape or dialect.shape)
        for question in draft.questions:
            value = _answer_to(question, choices)
            if value and question.field.startswith("dialect."):
                dialect = ingestion.answer_layout(dialect, question, value)
        if dialect == draft.detection.dialect:
            return draft
        draft = ingestion.look_again(ws, actor, draft.import_id, dialect=dialect)
    return draft


def read_rows(
    ws: Workspace,
    actor: Actor,
    draft: Draft,
    choices: Choices,
    *,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> tuple[Mapping, ImportReport]:
    """Read every row; an answer may raise a new question, so read until none is answered.

    Raises:
        InvalidInputError: a choice does not exist, or one answer takes back another.
    """
    mapping = choose(draft.detection, choices)
    for _ in range(MOST_ROUNDS):
        report = ingestion.check(
            ws, actor, draft.import_id, mapping, progress=progress, cancelled=cancelled
        )
        answered = _answered(mapping, report.questions, choices)
        if answered == mapping:
            return mapping, report
        mapping = answered
    raise InvalidInputError("The answers contradict each other.", hint="Leave one of them out.")


def _answered(mapping: Mapping, questions: tuple[Question, ...], choices: Choices) -> Mapping:
    for question in questions:
        value = _answer_to(question, choices)
        if value:
            mapping = ingestion.answer(mapping, question, value)
    return mapping


def _answer_to(question: Question, choices: Choices) -> str | None:
    value = choices.answers.get(question.code) or choices.answers.get(question.field)
    if value is None and choices.accept_defaults:
        return question.default
    return value
