"""What a notebook carries of a robustness sheet: its moments, and every number printed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from experiments_core.analysis import comparing
from experiments_core.analysis.groups import is_quantile, is_rate
from experiments_core.analysis.robustness import CROSSOVERS, Robustness, Variation
from experiments_core.domain.metric import Metric, MetricKind
from experiments_core.reports.notebook_study import LIMITS, numbers_of, row_of

FIELDS = ("difference", "relative_lift", *LIMITS, "p_value")


def sheet_of(found: Robustness) -> dict[str, Any]:
    """One comparison with the moments under every setting, as plain values."""
    groups: dict[tuple[Any, ...], dict[str, Any]] = {}
    for one in found.variations:
        place = (one.setting, one.cap)
        if place not in groups:
            kind = _kind(found.definition, one)
            strata = [tuple(row_of(kind, arm) for arm in pair) for pair in one.strata]
            groups[place] = {"kind": kind, "strata": strata, "analyses": []}
        groups[place]["analyses"].append((_name(one), one.method, one.adjusted))
    return {
        "metric": found.metric,
        "arm": found.variant,
        "alpha": 1 - found.confidence_level,
        "direction": found.definition.preferred_direction.value,
        "planned": _name(found.planned),
        "groups": list(groups.values()),
    }


def printed_sheet(found: Robustness) -> Iterator[tuple[str, float]]:
    """Every number of the sheet, and in how many analyses the answer holds."""
    head = f"{found.metric} / {found.variant}"
    for one in found.variations:
        yield from numbers_of(f"{head} / {_name(one)}", one, FIELDS)
    yield f"{head} / holds in", found.holds
    yield f"{head} / analyses", len(found.variations)


def _kind(metric: Metric, one: Variation) -> str:
    if is_rate(metric):
        return "rate"
    if is_quantile(metric):
        return "quantile"
    kind = "ratio" if metric.kind is MetricKind.RATIO else "mean"
    if not comparing.is_adjusted(metric, one.strata):
        return kind
    return "adjusted_ratio" if kind == "ratio" else "adjusted"


def _name(one: Variation) -> str:
    """Method and every choice, so that no two analyses have one name."""
    adjusted = {None: "", True: ", adjusted", False: ", raw"}[one.adjusted]
    return (
        f"{one.method}{adjusted}, cap {one.cap or 'none'}, days {one.setting.days}, "
        f"in both versions {CROSSOVERS[one.setting.crossovers]}"
    )
