"""Numbers somebody typed in: counts or moments per variant."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

from experiments_core.analysis.cells import Cell
from experiments_core.domain.metric import Metric, MetricKind
from experiments_core.domain.metric_kinds import Proportion
from experiments_core.domain.source import CellKey
from experiments_core.domain.text import grouped
from experiments_core.stats.moments import Counts, Moments, Summary
from experiments_core.workbench.loading import Loaded
from experiments_core.workbench.refusing import is_number, refusal

VARIANCES = ("variance", "var")
DEVIATIONS = ("standard_deviation", "sd", "std")


def load_typed(data: Mapping[str, Mapping[str, Any]], metrics: tuple[Metric, ...]) -> Loaded:
    """Make cells from a dict of variants.

    Each variant holds ``n`` (or the column that ``of`` names) and per metric either a count,
    or ``{"mean": …, "variance": …}`` (or ``standard_deviation``; or ``n`` of its own). A
    single mean may stand in the variant itself.

    Raises:
        InvalidInputError: names the variant, the field and the rule.
    """
    cells: dict[CellKey, Cell] = {}
    for arm, row in data.items():
        summaries: dict[str, Summary] = {
            metric.key: _counts(arm, row, metric)
            if isinstance(metric, Proportion)
            else _moments(arm, row, metric)
            for metric in metrics
        }
        units = _whole(arm, "n", row["n"]) if "n" in row else summaries[metrics[0].key].n
        cells[CellKey(str(arm))] = Cell(units, summaries)
    basis = "totals" if all(isinstance(one, Proportion) for one in metrics) else "moments"
    text = json.dumps(data, sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Loaded(cells, tuple(key.arm for key in cells), basis, data_hash=f"sha256:{digest}")


def _counts(arm: str, row: Mapping[str, Any], metric: Proportion) -> Counts:
    n = _whole(arm, metric.of or "n", _get(arm, row, metric.of or "n"))
    x = _whole(arm, metric.column, _get(arm, row, metric.column))
    if x > n:
        raise refusal(
            f"{arm}.{metric.column}",
            x,
            "RANGE",
            f"“{arm}” has {grouped(x)} {metric.column} among {grouped(n)} units.",
            "There can be no more conversions than units.",
        )
    return Counts(n, x)


def _moments(arm: str, row: Mapping[str, Any], metric: Metric) -> Moments:
    if metric.kind in {MetricKind.RATIO, MetricKind.QUANTILE} or metric.covariates:
        raise refusal(
            metric.key,
            metric.kind.value,
            "NO_UNIT_ROWS",
            f"“{metric.key}” cannot be had from typed numbers: a ratio, a quantile or a "
            "covariate needs one row per unit.",
            "Give the rows: a path or a table.",
        )
    nested = row.get(metric.columns[0])
    told = nested if isinstance(nested, Mapping) else row
    n = _whole(arm, "n", told["n"] if "n" in told else _get(arm, row, "n"))
    mean = _number(arm, "mean", _get(arm, told, "mean"))
    spread = next((_number(arm, k, told[k]) for k in DEVIATIONS if k in told), None)
    if spread is not None:
        variance = math.copysign(spread * spread, spread)
    else:
        name = next((k for k in VARIANCES if k in told), VARIANCES[0])
        variance = _number(arm, name, _get(arm, told, name))
    if variance < 0:
        raise refusal(
            f"{arm}.variance",
            variance,
            "RANGE",
            f"The variance of “{arm}” is below 0.",
            "A variance is 0 or more.",
        )
    return Moments.of_mean(n, mean, variance)


def _get(arm: str, row: Mapping[str, Any], name: str) -> Any:
    if name not in row:
        there = ", ".join(map(str, row))
        raise refusal(
            f"{arm}.{name}",
            None,
            "REQUIRED",
            f"“{arm}” has no “{name}”.",
            f"There is: {there}. Counts need n and the conversions; a mean needs n, mean and "
            "variance or standard_deviation.",
        )
    return row[name]


def _number(arm: str, name: str, value: Any) -> float:
    if not is_number(value):
        raise refusal(
            f"{arm}.{name}",
            value,
            "NOT_FINITE",
            f"“{name}” of “{arm}” is {value!r}.",
            "Give a finite number.",
        )
    return float(value)


def _whole(arm: str, name: str, value: Any) -> int:
    number = _number(arm, name, value)
    if number < 0 or number != int(number):
        raise refusal(
            f"{arm}.{name}",
            value,
            "RANGE",
            f"“{name}” of “{arm}” is {value!r}.",
            "A count is a whole number of 0 or more.",
        )
    return int(number)
