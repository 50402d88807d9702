"""Upshot: A/B tests, analysed honestly. The public names, each loaded on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from experiments_core.domain.metric import Mean, Proportion
    from experiments_core.workbench import (
        analyze,
        minimum_detectable_effect,
        open_workspace,
        read_data,
        sample_size,
    )

__version__ = "0.1.0"

__all__ = [
    "Mean",
    "Proportion",
    "analyze",
    "minimum_detectable_effect",
    "open_workspace",
    "read_data",
    "sample_size",
]

_HOMES = {"Mean": "domain.metric", "Proportion": "domain.metric"}


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
