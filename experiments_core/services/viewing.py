"""A look as it was seen, and what a plan that locks its results leaves of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from experiments_core.analysis import explain as explaining
from experiments_core.analysis import locking
from experiments_core.analysis.body import from_dict
from experiments_core.analysis.cells import Cell
from experiments_core.analysis.design import Design, Quality
from experiments_core.analysis.groups import Groups
from experiments_core.analysis.results import ExperimentResult
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.source import CellKey
from experiments_core.errors import ConflictError
from experiments_core.services import reading_design
from experiments_core.services.cutting import Cut
from experiments_core.store import looks
from experiments_core.store.looks import StoredLook


@dataclass(frozen=True, slots=True)
class LookView:
    """One look, as it was seen.

    Attributes:
        sql: The query that fetched the cells.
        moments: The cells as rows of a table.
        cells: The same, for those who compute.
        design: What the analysis was told besides.
        data_as_of: Last moment at which a unit was first seen; None without times.
        finished: The test is over, or the data were said to be complete.
        views: How often it has been opened; several openings within half an hour are one.
        newer_data: Data have come since. A plan that spends alpha look by look takes a new
            look once a day, or on demand.
        quality: What the imports knew about rows that never became units.
        cut: Which of the units it shows; a look shows all of them.
        covariates: Numbers from before the test that means may be adjusted by.
    """

    result: ExperimentResult
    experiment: Experiment
    taken_at: datetime
    sql: str
    moments: tuple[dict[str, object], ...]
    cells: dict[CellKey, Cell]
    design: Design
    data_as_of: datetime | None
    finished: bool
    views: int = 1
    newer_data: bool = False
    quality: Quality = field(default_factory=Quality)
    cut: Cut = field(default_factory=Cut)
    covariates: tuple[str, ...] = ()


def opened(experiment: Experiment, stored: StoredLook) -> LookView:
    """A look with everything that was kept with it."""
    kept = stored.settings
    newest = datetime.fromisoformat(kept["newest"]) if kept["newest"] else None
    design = reading_design.design_of(kept["settings"], newest, kept.get("past_units", ()))
    cells = looks.cells_from_json(kept["cells"])
    return LookView(
        result=from_dict(stored.results),
        experiment=experiment,
        taken_at=stored.taken_at,
        sql=kept["sql"],
        moments=explaining.moment_rows(Groups.of(cells, len(design.phases)), design),
        cells=cells,
        design=design,
        data_as_of=newest,
        finished=design.finished,
        views=stored.views,
        quality=Quality(**kept.get("quality", {})),
    )


def open_to_people(view: LookView) -> LookView:
    """The look, shut if its plan keeps it locked."""
    return shut_view(view) if locking.is_locked(view.experiment, view.result) else view


def shut_view(view: LookView) -> LookView:
    """The look without everything that tells how the arms compare."""
    return replace(view, result=locking.shut(view.result), sql="", moments=(), cells={})


def check_open(result: ExperimentResult) -> None:
    """Refuse where the plan keeps the results locked.

    Raises:
        ConflictError: ``RESULTS_LOCKED``.
    """
    if result.locked:
        raise ConflictError(
            locking.TEXT,
            code="RESULTS_LOCKED",
            hint="Health and progress are on the results page.",
        )
