"""The rows of files of any shape: brought into a workspace in memory, for as long as asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from experiments_core.analysis.calibration import Calibration, enough
from experiments_core.analysis.design import Design
from experiments_core.analysis.results import ArmResult, ExperimentResult
from experiments_core.analysis.robustness import Robustness, sheet
from experiments_core.domain.access import LOCAL
from experiments_core.domain.source import Mapping
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.services import ingestion
from experiments_core.services.binding import bound
from experiments_core.services.import_choices import Choices
from experiments_core.services.import_reading import read_draft
from experiments_core.services.ingestion import ImportRecord, ImportReport, Question
from experiments_core.services.readings import Reading
from experiments_core.services.robustness import cells_of_settings
from experiments_core.services.taking import reading_of_now
from experiments_core.services.workspace import Workspace, open_workspace
from experiments_core.stats.shuffles import Phase
from experiments_core.store.unit_values import unit_values
from experiments_core.workbench.again import compared_in, shuffled

NAME = "Data"


@dataclass(frozen=True, slots=True)
class Brought:
    """Files as the data of an experiment."""

    ws: Workspace
    record: ImportRecord
    mapping: Mapping
    report: ImportReport

    @property
    def reading(self) -> Reading:
        """The experiment, ready to be analysed."""
        return reading_of_now(self.ws, LOCAL, self.record.experiment_id or "")


@dataclass(frozen=True, slots=True)
class FileRows:
    """How files were read, and a way to read them once more.

    Attributes:
        paths: One file, or several that belong together.
        choices: What was said about them.
        leave_out_bad_rows: Go on without rows that break a rule.
    """

    paths: tuple[Path, ...]
    choices: Choices
    leave_out_bad_rows: bool

    @contextmanager
    def opened(self) -> Iterator[Brought]:
        """The files in a workspace that is gone afterwards.

        Raises:
            InvalidInputError: the files cannot be used, a question is open, or rows are at
                fault.
        """
        with open_workspace(":memory:") as ws:
            files = [(path, path.name) for path in self.paths]
            draft = ingestion.receive_files(ws, LOCAL, files)
            draft, mapping, report = read_draft(ws, LOCAL, draft, self.choices)
            _refuse_open(report.questions)
            if not self.leave_out_bad_rows:
                _refuse_blocking(report)
            record = ingestion.commit_as_new(
                ws, LOCAL, draft.import_id, mapping, name=NAME, mode="good_rows"
            )
            yield Brought(ws, record, mapping, report)

    def robustness(
        self, result: ExperimentResult, design: Design, metric_key: str, arm: ArmResult
    ) -> Robustness:
        """Take every defensible analysis of one comparison."""
        del result
        contrast = compared_in(arm)
        metric = next(one for one in design.metrics if one.key == metric_key)
        with self.opened() as brought:
            cells, notes = cells_of_settings(brought.ws, brought.reading, metric)
        return sheet(design, metric, cells, contrast, treatment=arm.variant, notes=notes)

    def calibrate(
        self,
        design: Design,
        metric_key: str,
        variant: str,
        *,
        shuffles: int,
        seed: int,
        progress: Callable[[float], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Calibration:
        """Shuffle the arms of one comparison."""
        metric = next(one for one in design.metrics if one.key == metric_key)
        with self.opened() as brought, brought.ws.db.read() as cursor:
            values, query, data = list[Phase](), brought.reading.query, brought.reading.data
            if query is not None and data is not None:
                (need,) = bound((metric,), data)
                values = unit_values(cursor, query, need, (design.reference, variant))
        return shuffled(
            metric, enough(values), variant, design.plan.alpha,
            shuffles=shuffles, seed=seed, progress=progress, cancelled=cancelled,
        )  # fmt: skip


def _refuse_blocking(report: ImportReport) -> None:
    if report.blocking:
        raise InvalidInputError(
            " ".join(rule.message for rule in report.blocking),
            hint="Correct them, or go on without them: leave_out_bad_rows=True.",
            details=tuple(
                Problem("rows", one.rows, one.rule, one.message) for one in report.blocking
            ),
        )


def _refuse_open(questions: Sequence[Question]) -> None:
    """Say what is open and how to answer it; nothing is guessed."""
    if not questions:
        return
    first = questions[0]
    example = first.default or (first.choices[0].value if first.choices else "…")
    raise InvalidInputError(
        " ".join(
            f"{one.text} [{one.code}: {', '.join(choice.value for choice in one.choices)}]"
            for one in questions
        ),
        code="QUESTIONS_OPEN",
        hint=f'Answer by code: answers={{"{first.code}": "{example}"}}.',
        details=tuple(
            Problem(one.field, [choice.value for choice in one.choices], one.code, one.text)
            for one in questions
        ),
    )
