"""What a notebook imports: one call from data to a verdict, and the planner's questions."""

from experiments_core.workbench.calls import analyze
from experiments_core.workbench.opened import open_workspace
from experiments_core.workbench.plans import (
    linearised_spread,
    minimum_detectable_effect,
    non_inferiority_margin,
    non_inferiority_size,
    power,
    sample_size,
)
from experiments_core.workbench.reading import read_data
from experiments_core.workbench.reconcile import Differences, reconcile
from experiments_core.workbench.report import Comparison, Report

__all__ = [
    "Comparison",
    "Differences",
    "Report",
    "analyze",
    "linearised_spread",
    "minimum_detectable_effect",
    "non_inferiority_margin",
    "non_inferiority_size",
    "open_workspace",
    "power",
    "read_data",
    "reconcile",
    "sample_size",
]
