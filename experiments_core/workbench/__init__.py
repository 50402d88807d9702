"""What a notebook imports: one call from data to a verdict, and the planner's two questions."""

from experiments_core.workbench.calls import (
    analyze,
    minimum_detectable_effect,
    open_workspace,
    read_data,
    sample_size,
)
from experiments_core.workbench.report import Comparison, Report

__all__ = [
    "Comparison",
    "Report",
    "analyze",
    "minimum_detectable_effect",
    "open_workspace",
    "read_data",
    "sample_size",
]
