"""What a notebook imports: one call from data to a verdict, and the planner's two questions."""

from experiments_core.workbench.calls import analyze, read_data
from experiments_core.workbench.opened import open_workspace
from experiments_core.workbench.plans import (
    minimum_detectable_effect,
    non_inferiority_size,
    sample_size,
)
from experiments_core.workbench.reconcile import Differences, reconcile
from experiments_core.workbench.report import Comparison, Report

__all__ = [
    "Comparison",
    "Differences",
    "Report",
    "analyze",
    "minimum_detectable_effect",
    "non_inferiority_size",
    "open_workspace",
    "read_data",
    "reconcile",
    "sample_size",
]
