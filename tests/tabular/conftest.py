"""Small files written by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from experiments_core.domain.source import Mapping, Role
from experiments_core.tabular.answers import Question
from experiments_core.tabular.detection import Detection, detect
from experiments_core.tabular.questions import open_questions

Judge = Callable[..., Detection]


def judge(text: str, **more: object) -> Detection:
    """Judge a small file as a whole."""
    records = sum(1 for line in text.split("\n") if line)
    return detect(text, complete=True, records=records, **more)


@pytest.fixture
def detected() -> Judge:
    return judge


def roles(found: Detection) -> dict[str, Role]:
    """The proposed role of each column."""
    return {column.name: column.role for column in found.proposal.columns}


def units(
    header: str,
    *cells: str,
    rows: int = 40,
    arms: tuple[str, str] = ("control", "treatment"),
) -> str:
    """Rows of units in two arms, with these cells again and again."""
    lines = [f"u{n},{arms[n % 2]},{cells[n % len(cells)]}" for n in range(rows)]
    return "\n".join((f"user_id,variant,{header}", *lines)) + "\n"


def asked(found: Detection, mapping: Mapping | None = None) -> dict[str, Question]:
    """Open questions by their codes."""
    questions = open_questions(found, mapping or found.proposal)
    return {question.code: question for question in questions}
