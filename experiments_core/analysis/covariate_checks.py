"""Whether the covariates may be used: from before the test, alike in the arms, varying."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from experiments_core.analysis import words
from experiments_core.analysis.contrast import Adjustment
from experiments_core.analysis.results import Check, MetricResult
from experiments_core.stats.adjust import IMBALANCE
from experiments_core.stats.estimate import Undefined

RAW = "The unadjusted result is shown."


def covariates(metrics: Sequence[MetricResult]) -> Check | None:
    """One card for all metrics that are adjusted; None where none is."""
    used = [
        (metric, arm.contrast.adjustment)
        for metric in metrics
        for arm in metric.arms
        if arm.contrast is not None and arm.contrast.adjustment is not None
    ]
    if not used:
        return None
    faults = list(dict.fromkeys(_faults(used)))
    facts: dict[str, object] = {"covariates": sorted({one.covariate for _, one in used})}
    if faults:
        short = words.plural(len(faults), "covariate") + " in doubt"
        return Check(
            "covariate_imbalance", "warn", "Before the test", short, " ".join(faults),
            facts=facts,
        )  # fmt: skip
    return Check(
        "covariate_imbalance", "pass", "Before the test", "alike",
        "The arms did not differ in what was known before the test.", facts=facts,
    )  # fmt: skip


def _faults(used: Sequence[tuple[MetricResult, Adjustment]]) -> Iterator[str]:
    for metric, one in used:
        name, of = words.plain(one.covariate, 40), words.plain(metric.name, 40)
        if isinstance(one.theta, Undefined):
            yield {
                "constant_covariate": (
                    f"“{name}” is the same for every unit, so it cannot adjust {of}. {RAW}"
                ),
                "covariate_imbalance": (
                    f"“{name}” is the outcome {of} itself under another name, so it is not "
                    f"used. {RAW}"
                ),
                "column_missing": f"The data have no column “{name}” to adjust {of} by. {RAW}",
            }.get(one.theta.reason, f"“{name}” cannot adjust {of}: "
                  f"{words.reason(one.theta)} {RAW}")  # fmt: skip
        elif not isinstance(one.balance_p_value, Undefined) and one.balance_p_value < IMBALANCE:
            yield (
                f"“{name}” differs between the arms ({words.p(one.balance_p_value)}). If the "
                f"treatment can move it, it must not adjust {of}: see the unadjusted result."
            )
