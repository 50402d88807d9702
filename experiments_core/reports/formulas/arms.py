"""Arms: over phases, each is weighted to one mix of phases that all arms share."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from scipy.stats import norm, t

from experiments_core.reports.formulas.asked import asked_limits
from experiments_core.reports.formulas.kinds import adjusted_arm_cells, squared_error
from experiments_core.reports.formulas.lines import own_line
from experiments_core.reports.formulas.means import mean_limits
from experiments_core.reports.formulas.rates import wilson
from experiments_core.reports.formulas.study import (
    RATIOS,
    Numbers,
    Study,
    is_adjusted,
    is_rate,
    merged,
)


def arm_numbers(study: Study, key: str, metric: Mapping[str, Any]) -> Numbers:
    """Value and interval of each arm at the plan's level."""
    cells, mix = metric["cells"], common_mix(metric, len(study["split"]))
    found: Numbers = {}
    adjusted = adjusted_arm_cells(metric["kind"], cells) if is_adjusted(metric) else None
    for arm, phases in cells.items():
        head = f"{key} / {arm}"
        found[f"{head} / n"] = sum(cell[0] for cell in phases)
        used = [(w / sum(mix), k) for k, w in enumerate(mix) if w > 0]
        if metric["kind"] == "quantile":
            found |= quantile_arm(head, phases, used, study["alpha"])
            continue
        own, total, spread = own_cells(metric["kind"], phases, (adjusted or {}).get(arm))
        if is_rate(metric):
            found[f"{head} / conversions"] = total[1]
        elif spread is not None:
            found[f"{head} / standard_deviation"] = spread
        if total[0] == 0:
            continue
        value, (low, high) = arm_value(
            [(w, own[k]) for w, k in used] or [(1.0, total)], study["alpha"]
        )
        if is_rate(metric) and len(phases) == 1:
            told = asked_limits(total[0], total[1], study["alpha"], study["methods"])
            low, high = told or (low, high)
        found[f"{head} / value"] = value
        found[f"{head} / ci_lower"] = low
        found[f"{head} / ci_upper"] = high
    return found


def common_mix(metric: Mapping[str, Any], phase_count: int) -> list[float]:
    """Weight of each phase in the mix that all arms share; 0 where an arm has nobody."""
    sizes = [
        [
            own_line(metric["kind"], cell)[0] if metric["kind"] in RATIOS else cell[0]
            for cell in phases
        ]
        for phases in metric["cells"].values()
    ]
    seen = [phases for phases in sizes if any(phases)]
    return [
        1 / sum(1 / phases[k] for phases in seen)
        if seen and all(phases[k] for phases in seen)
        else 0.0
        for k in range(phase_count)
    ]


def own_cells(kind: str, phases: Sequence[Any], adjusted: Any) -> tuple[Any, Any, Any]:
    """One arm per phase and in total as a rate or a mean; its standard deviation per unit."""
    if adjusted is not None:
        return adjusted[0], merged(adjusted[0]), adjusted[1]
    own = phases
    if kind in {*RATIOS, "adjusted"}:
        own = [own_line(kind, cell) for cell in phases]
    total = own_line(kind, merged(phases)) if kind in RATIOS else merged(own)
    spread = math.sqrt(total[2]) if kind != "rate" and total[0] > 1 else None
    return own, total, spread


def quantile_arm(
    head: str, phases: Sequence[Any], used: Sequence[tuple[float, int]], alpha: float
) -> Numbers:
    """Value, interval and SE times the root of n of one arm of a quantile."""
    errors = [squared_error(cell) for cell in phases if cell[0]]
    found: Numbers = {}
    if errors and None not in errors:
        whole = sum(cell[0] for cell in phases)
        squares = sum(cell[0] ** 2 * (squared_error(cell) or 0.0) for cell in phases if cell[0])
        found[f"{head} / standard_deviation"] = math.sqrt(squares / whole)
    one = [k for _, k in used] if used else [k for k, cell in enumerate(phases) if cell[0]]
    if len(one) == 1:
        _, value, low, high, _ = phases[one[0]]
    elif used and None not in [squared_error(phases[k]) for k in one]:
        value = sum(w * phases[k][1] for w, k in used)
        noise = sum(w * w * (squared_error(phases[k]) or 0.0) for w, k in used)
        reach = norm.isf(alpha / 2) * math.sqrt(noise)
        low, high = value - reach, value + reach
    else:
        return found
    return found | {
        f"{head} / value": value,
        f"{head} / ci_lower": low,
        f"{head} / ci_upper": high,
    }


def arm_value(used: Sequence[tuple[float, Any]], alpha: float) -> tuple[float, Any]:
    """A weighted rate (Wilson at the effective n) or a weighted mean (t)."""
    rates = len(used[0][1]) == 2
    if len(used) == 1 and rates:
        n, x = used[0][1]
        return x / n, wilson(n, x, alpha)
    if len(used) == 1:
        n, mean, variance = used[0][1]
        return mean, mean_limits(n, mean, variance, alpha)
    if rates:
        rate = min(1.0, sum(w * x / n for w, (n, x) in used))
        noise = sum(w * w * x * (n - x) / n**3 for w, (n, x) in used)
        n = rate * (1 - rate) / noise if noise else 1 / sum(w * w / c[0] for w, c in used)
        z = norm.isf(alpha / 2)
        middle = rate * n + z * z / 2
        reach = z * math.sqrt(n * rate * (1 - rate) + z * z / 4)
        low = 0.0 if rate == 0 else (middle - reach) / (n + z * z)
        return rate, (low, 1.0 if rate == 1 else (middle + reach) / (n + z * z))
    mean = sum(w * m for w, (_, m, _) in used)
    if any(n < 2 for _, (n, _, _) in used):
        return mean, (None, None)
    parts = [(w * w * v / n, n - 1) for w, (n, _, v) in used]
    noise = sum(v for v, _ in parts)
    if noise == 0:
        return mean, (None, None)
    reach = t.isf(alpha / 2, 1 / sum((v / noise) ** 2 / f for v, f in parts))
    return mean, (mean - reach * math.sqrt(noise), mean + reach * math.sqrt(noise))
