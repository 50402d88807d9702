"""A workspace in a notebook, without the app."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from experiments_core.analysis.calibration import Calibration
from experiments_core.analysis.design import Design
from experiments_core.analysis.results import ArmResult, ExperimentResult
from experiments_core.domain.access import LOCAL
from experiments_core.services import analyses, experiments
from experiments_core.services.calibration import calibration
from experiments_core.services.robustness import Robustness, robustness
from experiments_core.services.workspace import Workspace
from experiments_core.services.workspace import open_workspace as _open_workspace
from experiments_core.workbench.report import Report


@dataclass(frozen=True, slots=True)
class StoredRows:
    """The rows of an experiment in a workspace, as they are now."""

    workspace: Workspace
    experiment_id: str

    def robustness(
        self, result: ExperimentResult, design: Design, metric_key: str, arm: ArmResult
    ) -> Robustness:
        """Take every defensible analysis of one comparison."""
        del result, design  # the experiment has its own
        return robustness(self.workspace, LOCAL, self.experiment_id, metric_key, arm.variant)

    def calibrate(
        self, design: Design, metric_key: str, variant: str, **how: Any
    ) -> Calibration:
        """Shuffle the arms of one comparison."""
        del design
        return calibration(
            self.workspace, LOCAL, self.experiment_id, metric_key, variant, **how
        )


class OpenWorkspace:
    """A workspace in a notebook: its experiments and what was seen of them."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def experiments(self) -> tuple[str, ...]:
        """Links of all experiments, the last changed first."""
        found = experiments.list_experiments(self.workspace, LOCAL, include_archived=True)
        return tuple(experiment.slug for experiment in found)

    def look(self, reference: str, no: int | None = None) -> Report:
        """One look as it was seen, or a new one on the data as they are.

        Args:
            reference: Id, key or slug of an experiment.
            no: Number of a past look.
        """
        if no is None:
            view = analyses.look(self.workspace, LOCAL, reference, trigger="api")
            rows = StoredRows(self.workspace, view.experiment.id)
            return Report(view.result, view.design, view.cells, view.sql, again=rows)
        view = analyses.past_look(self.workspace, LOCAL, reference, no)
        return Report(view.result, view.design, view.cells, view.sql)

    def close(self) -> None:
        """Close the file."""
        self.workspace.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_workspace(path: str | Path) -> OpenWorkspace:
    """Open a workspace file (a copy: the live file belongs to the server).

    Raises:
        BusyError: another process has it open.
        WorkspaceError: the file cannot be used.
    """
    return OpenWorkspace(_open_workspace(path))
