"""Two files about one experiment, of any shape, held against each other; nothing is kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from experiments_core.domain.access import LOCAL
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.services import ingestion
from experiments_core.services.import_check import read_rows
from experiments_core.services.import_choices import Choices
from experiments_core.services.import_reading import read_draft
from experiments_core.services.import_records import find_draft
from experiments_core.services.ingestion import Question, Reconciliation
from experiments_core.services.reconciling import reconcile_with_data
from experiments_core.services.workspace import open_workspace
from experiments_core.store import imports
from experiments_core.store.watch import SILENT


def reconcile_files(
    paths: tuple[Path, Path], choices: tuple[Choices, Choices], names: tuple[str, str]
) -> Reconciliation:
    """Read both files as imports are read, and say why they differ.

    Args:
        paths: A and B.
        choices: What is known about the columns of each.
        names: What they are called in sentences.

    Raises:
        InvalidInputError: a file cannot be used, or a question about one is open.
    """
    with open_workspace(":memory:") as ws:
        first = ingestion.receive_files(ws, LOCAL, [(paths[0], paths[0].name)])
        first, mapping, report = read_draft(ws, LOCAL, first, choices[0])
        _refuse_open(names[0], report.questions)
        record = ingestion.commit_as_new(
            ws, LOCAL, first.import_id, mapping, name="A", mode="good_rows"
        )
        second = ingestion.receive_files(ws, LOCAL, [(paths[1], paths[1].name)])
        second, mapping, report = read_draft(ws, LOCAL, second, choices[1])
        _refuse_open(names[1], report.questions)
        row = find_draft(ws, LOCAL, second.import_id)
        checked = read_rows(ws, row, mapping, second.detection, None, SILENT)
        with ws.db.read() as cursor:
            dataset = imports.dataset_of(cursor, record.experiment_id or "")
        if dataset is None:  # it was committed a few lines above
            raise RuntimeError("nothing to compare with")
        return reconcile_with_data(ws.db, dataset, checked, mapping, names=names)


def _refuse_open(name: str, questions: Sequence[Question]) -> None:
    if questions:
        raise InvalidInputError(
            f"{name}: {questions[0].text}",
            code="QUESTIONS_OPEN",
            hint=f"Answer it: {questions[0].code}={_example(questions[0])}.",
            details=tuple(Problem(q.field, None, q.code, q.text) for q in questions),
        )


def _example(question: Question) -> str:
    return question.default or (question.choices[0].value if question.choices else "…")
