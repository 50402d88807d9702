from experiments_core.domain.metric_kinds import Mean, Proportion, Quantile, Ratio
from experiments_core.errors import InvalidInputError, UpshotError
from experiments_core.workbench import (
    analyze,
    linearised_spread,
    minimum_detectable_effect,
    non_inferiority_margin,
    non_inferiority_size,
    open_workspace,
    power,
    read_data,
    reconcile,
    sample_size,
)

__version__: str
__all__ = [
    "InvalidInputError",
    "Mean",
    "Proportion",
    "Quantile",
    "Ratio",
    "UpshotError",
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
