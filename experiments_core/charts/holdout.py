"""Everybody in the test against the holdout, as a table."""

from __future__ import annotations

from experiments_core.analysis.results import ExperimentResult, HoldoutMetric, MetricResult
from experiments_core.charts import words
from experiments_core.charts.readings import BY_VERDICT, INTERIM, NOT_USABLE, gate_closed
from experiments_core.stats.estimate import Undefined, Value


def note(result: ExperimentResult, unit: str) -> str:
    """How many stand on either side, and whose precision it is."""
    if result.holdout is None or not result.holdout.metrics:
        return ""
    first = result.holdout.metrics[0]
    return (
        f"all {words.plural(first.exposed_n, unit)} of the test, whatever the arm, against "
        f"{words.count(first.holdout_n)} held out; as precise as two arms of "
        f"{words.count(2 * first.effective_n)}"
    )


def rows(result: ExperimentResult) -> list[dict[str, object]]:
    """One row per metric."""
    found = result.holdout.metrics if result.holdout else ()
    return [_row(result, result.metric(one.key), one) for one in found]


def _row(
    result: ExperimentResult, metric: MetricResult, one: HoldoutMetric
) -> dict[str, object]:
    shown = BY_VERDICT[one.verdict]
    if gate_closed(result):
        shown = NOT_USABLE
    elif not result.final and one.verdict_reason is None:
        shown = INTERIM
    return {
        "Metric": words.plain(metric.name, 60),
        "In the test": words.value_of(metric, one.exposed_value),
        "Held out": words.value_of(metric, one.holdout_value),
        "Difference": words.difference_of(metric, one.difference),
        "Lift": words.lift(one.relative_lift),
        "Interval": words.lift_interval(
            one.relative_lift_ci_lower, one.relative_lift_ci_upper, column=True
        ),
        "Extra so far": _extra(metric, one),
        "p": words.p(one.p_value),
        "Verdict": f"{shown.mark} {shown.word}",
    }


def _extra(metric: MetricResult, one: HoldoutMetric) -> str:
    """``+475 (−364 to 1 259)``: conversions of a rate, the metric's unit else."""
    if one.extra is None or isinstance(one.extra, Undefined):
        return words.NONE
    ends = words.interval(_value(one.extra_ci_lower), _value(one.extra_ci_upper), words.count)
    point = words.number(one.extra, 0, signed=True)
    unit = "" if words.is_rate(metric) else f" {words.plain(metric.unit, 12)}".rstrip()
    return f"{point}{unit} ({ends})" if ends != words.NONE else f"{point}{unit}"


def _value(end: Value | None) -> Value:
    return Undefined("unbounded") if end is None else end
