"""The words of one metric: its values, differences and intervals in its unit, its methods."""

from __future__ import annotations

from experiments_core.analysis import words
from experiments_core.analysis.contrast import Contrast, Sequential
from experiments_core.analysis.results import ArmResult, MetricResult
from experiments_core.analysis.scales import Scale, scale_for
from experiments_core.stats.estimate import Undefined, Value

SPOKEN = {"s": "seconds", "ms": "milliseconds", "min": "minutes", "h": "hours"}

METHODS = {
    "pooled_z": "pooled z", "welch_t": "Welch t", "quantile_z": "z of quantiles",
    "stratified_score": "stratified score", "stratified_t": "stratified t",
    "fisher": "Fisher exact", "barnard": "Barnard exact", "boschloo": "Boschloo exact",
    "newcombe": "Newcombe", "agresti_caffo": "Agresti-Caffo",
    "miettinen_nurminen": "Miettinen-Nurminen", "log_delta": "log-delta",
}  # fmt: skip


INTERVALS = {"score": ("Mee", "Koopman"), "fieller": ("t", "Fieller")}
"""What the intervals of difference and lift are called, by the method that names both."""


def p_of_look(found: Sequential) -> str:
    """The p-value of a reading that allows for looks, with what it is held against."""
    if found.method == "always_valid":
        return f"{words.p(found.p_value_always_valid)} any look"
    line = 1 - found.confidence_level
    if not line:
        return words.NONE
    shown = f"<{words.NARROW}0.0001" if line < 0.0001 else f"{line:.2g}"
    return f"{words.p(found.p_value)}, line {shown}"


def methods_of(contrast: Contrast) -> str:
    """``pooled z; Mee, Koopman``: the test, then what the intervals invert."""
    difference, lift = INTERVALS.get(contrast.interval_method, ("", contrast.interval_method))
    asked = contrast.difference_interval_method, contrast.relative_lift_interval_method
    named = [METHODS.get(one, one) if one else usual
             for one, usual in zip(asked, (difference, lift), strict=True)]  # fmt: skip
    test = METHODS.get(contrast.test_method, contrast.test_method.replace("_", " "))
    return f"{test}; {', '.join(one for one in named if one)}"


def value_of(metric: MetricResult, value: Value) -> str:
    """An arm's value in the metric's own form."""
    if is_rate(metric):
        return words.rate(value)
    scale = _scale(metric)
    if metric.kind == "ratio" and isinstance(value, float) and 0 < abs(value / scale.size) < 1:
        places = words.amount_decimals(value / scale.size) + 1
        return words.amount(value, metric.unit, decimals=places, scale=scale)
    return words.amount(value, metric.unit, scale=scale)


def difference_of(metric: MetricResult, value: Value) -> str:
    """A difference in points for a rate, in the metric's unit and decimals else."""
    if is_rate(metric):
        return words.points(value)
    places = _difference_decimals(metric, value)
    return words.amount(value, metric.unit, signed=True, decimals=places, scale=_scale(metric))


def difference_interval(metric: MetricResult, lower: Value, upper: Value) -> str:
    """The interval of a difference for a column, without its unit and power of ten."""
    if is_rate(metric):
        return words.interval(lower, upper, lambda end: words.number(end * 100, 2))
    places, size = _difference_decimals(metric, lower, upper), _scale(metric).size
    return words.interval(lower, upper, lambda end: words.number(end / size, places))


def _largest(metric: MetricResult) -> float:
    sizes = (abs(arm.value) for arm in metric.arms if not isinstance(arm.value, Undefined))
    return max(sizes, default=0.0)


def _scale(metric: MetricResult) -> Scale:
    """One for values and differences of a metric, so that they can be held side by side."""
    return scale_for(_largest(metric))


def _difference_decimals(metric: MetricResult, *shown: Value) -> int:
    """As many as the arms' own values have, more only where all would print as zero."""
    size = _scale(metric).size
    usual = words.amount_decimals(_largest(metric) / size, metric.unit)
    ends = (abs(end) / size for end in shown if not isinstance(end, Undefined))
    largest = max(ends, default=0.0)
    if largest == 0 or round(largest, usual) > 0:
        return usual
    return words.amount_decimals(largest)


def is_rate(metric: MetricResult) -> bool:
    """Whether the metric is a share of units."""
    return metric.kind == "proportion"


def describe(metric: MetricResult, unit: str = "user") -> str:
    """What a metric is, for the line under its name."""
    if is_rate(metric):
        text = f"share of {words.plain(unit, 20)}s"
    elif metric.kind == "ratio":
        text = f"per {words.plain(metric.denominator or 'denominator', 24).replace('_', ' ')}"
    elif metric.kind == "quantile":
        name = quantile_name(metric.q or 0.5)
        text = f"{_spoken(metric.unit)}, {name}" if metric.unit else f"{name} over {unit}s"
    else:
        kind = "count" if metric.kind == "count" else "mean"
        text = f"{_spoken(metric.unit)}, {kind}" if metric.unit else f"{kind} per {unit}"
    if metric.covariate:
        text += ", adjusted"
    if metric.cap is not None:
        text += f", capped at {words.amount(metric.cap, metric.unit)}"
    if metric.version > 1:
        text += f", version {metric.version}"
    return text + {"decrease": ", lower is better"}.get(metric.preferred_direction, "")


def _spoken(unit: str) -> str:
    """A unit that stands by itself: the ``s`` behind a number is ``seconds`` alone."""
    return SPOKEN.get(unit, words.plain(unit, 12))


def quantile_name(q: float) -> str:
    """``median``, ``p90``, ``p99.5``."""
    return "median" if q == 0.5 else f"p{100 * q:g}"


def n_of(arm: ArmResult) -> str:
    """``n 19 430``."""
    return f"n{words.NARROW}{words.count(arm.n)}"
