"""Whether what was read of a file may be committed."""

from __future__ import annotations

from experiments_core.errors import ConflictError, Problem
from experiments_core.services.import_report import ImportReport
from experiments_core.store.imports import ImportRow

MIN_ARMS = 2


def refuse_questions(report: ImportReport) -> None:
    """Refuse a report with open questions.

    Raises:
        ConflictError: ``QUESTIONS_OPEN``, with each question as a detail.
    """
    if report.questions:
        raise ConflictError(
            " ".join(question.text for question in report.questions),
            code="QUESTIONS_OPEN",
            hint="Nothing was stored.",
            details=tuple(
                Problem(question.field, None, question.code, question.text)
                for question in report.questions
            ),
        )


def refuse_unready(row: ImportRow, mode: str, *, needs_experiment: bool = True) -> None:
    """Refuse an import that is not read to the end, or whose rows are not to be taken.

    Args:
        row: The draft.
        mode: ``all`` refuses while rows break a rule, ``good_rows`` leaves such rows out.
        needs_experiment: It has to be known which experiment takes the rows.

    Raises:
        ConflictError: says what is missing.
    """
    if row.mapping is None:
        raise ConflictError(
            f"“{row.file_name}” was not read yet.", code="NOT_CHECKED", hint="Check it first."
        )
    if row.report["questions"]:
        raise ConflictError(
            f"Questions are open: {', '.join(row.report['questions'])}.",
            code="QUESTIONS_OPEN",
            hint="Answer them and read the file again; nothing was stored.",
        )
    if row.mapping.get("experiment") == "*":
        raise ConflictError(
            "The file holds several experiments, each to become one of its own.",
            code="SEVERAL_EXPERIMENTS",
            hint="Commit each of them, or choose one.",
        )
    blocking = [rule for rule in row.report["by_rule"] if rule["blocking"]]
    if blocking and mode == "all":
        raise ConflictError(
            " ".join(rule["message"] for rule in blocking),
            code="ROWS_REJECTED",
            hint="Correct the file, or import the good rows and leave these out.",
        )
    if len(row.report["arms"]) < MIN_ARMS:
        raise ConflictError(
            "Fewer than two variants would be left.",
            code="ONE_VARIANT",
            hint="Correct the rows that were left out.",
        )
    if needs_experiment and row.experiment_id is None:
        raise ConflictError(
            "No experiment was chosen for this file.",
            code="NO_EXPERIMENT",
            hint="Create one from the file, or upload it to an experiment.",
        )
