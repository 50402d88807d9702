"""The study: a plain dictionary of arms, split, plan, and per metric cells by arm and phase."""

from collections.abc import Mapping, Sequence
from typing import Any

from experiments_core.reports.formulas.lines import (
    added,
    added_tables,
    outcome,
    own_line,
    without_before,
)

Study = Mapping[str, Any]
Numbers = dict[str, Any]

RATIOS = ("ratio", "adjusted_ratio")
OUTCOMES: dict[str, Any] = {
    "adjusted": ("mean", outcome),
    "adjusted_ratio": ("ratio", without_before),
}
BY_PARTS = ("ratio", "quantile", *OUTCOMES)


def treatments(study: Study) -> list[str]:
    """Every arm but the reference."""
    return [arm for arm in study["arms"] if arm != study["reference"]]


def pairs(study: Study, key: str, arm: str) -> list[Any]:
    """(control, treatment) of each phase."""
    cells = study["metrics"][key]["cells"]
    return list(zip(cells[study["reference"]], cells[arm], strict=True))


def is_rate(metric: Mapping[str, Any]) -> bool:
    """Whether a metric is a share of units."""
    return bool(metric["kind"] == "rate")


def merged(cells: Sequence[Any]) -> Any:
    """All phases of one arm added up (Chan, Golub & LeVeque 1983 for moments)."""
    if len(cells[0]) == 6:
        return added(cells)
    if not isinstance(cells[0][1], int | float):
        return added_tables(cells)
    if len(cells[0]) == 2:
        return sum(n for n, _ in cells), sum(x for _, x in cells)
    n, mean, variance = cells[0]
    for n2, mean2, variance2 in cells[1:]:
        if n == 0 or n2 == 0:
            n, mean, variance = (n2, mean2, variance2) if n == 0 else (n, mean, variance)
            continue
        gap, both = mean2 - mean, n + n2
        squares = (n - 1) * variance + (n2 - 1) * variance2 + gap * gap * n * n2 / both
        n, mean, variance = both, mean + gap * n2 / both, squares / (both - 1)
    return n, mean, variance


def is_adjusted(metric: Mapping[str, Any]) -> bool:
    """Whether a covariate enters."""
    return metric["kind"] in OUTCOMES


def alternative_of(study: Study, key: str) -> str:
    """The plan's alternative for primary metrics, two-sided for the others."""
    primary = study["metrics"][key]["role"] == "primary"
    return str(study["alternative"]) if primary else "two-sided"


def plain_value(cell: Any, kind: str) -> Any:
    """Value of one arm as it is, without any adjustment."""
    if kind in RATIOS:
        return own_line(kind, cell)[1]
    return cell[1] / cell[0] if len(cell) == 2 else cell[1]
