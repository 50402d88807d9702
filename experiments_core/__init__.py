"""Upshot: A/B tests, analysed honestly. The public names, each loaded on first use.

Their types stand in ``__init__.pyi``; imports here would tie every room to the top floor.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

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

_HOMES = {
    **dict.fromkeys(("Mean", "Proportion", "Quantile", "Ratio"), "domain.metric_kinds"),
    **dict.fromkeys(("InvalidInputError", "UpshotError"), "errors"),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    module = import_module(f"{__name__}.{_HOMES.get(name, 'workbench')}")
    found = getattr(module, name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
