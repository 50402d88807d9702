"""Adjusted beside raw, capped beside uncapped: sentences and a table below the scorecard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from experiments_core.analysis.contrast import Contrast, Plain
from experiments_core.analysis.results import ArmResult, ExperimentResult, MetricResult
from experiments_core.charts import words
from experiments_core.stats.estimate import Undefined

TableRow = dict[str, object]
SAVED = "Variance saved"
UNADJUSTED, UNCAPPED = "without the covariate", "without the cap"


def notes(result: ExperimentResult, names: Mapping[str, str]) -> list[str]:
    """What covariates and caps did, one line per comparison."""
    several = len(result.treatments) > 1
    found = []
    for metric, arm, contrast in _comparisons(result):
        who = f" ({words.plain(names.get(arm.variant, arm.variant), 40)})" if several else ""
        lead = f"{words.plain(metric.name, 60)}{who}"
        said = [*_adjusted(metric, contrast), *_capped(metric, arm, contrast, result)]
        found += [f"{lead}: {line}" for line in said]
    return found


def table(result: ExperimentResult, names: Mapping[str, str]) -> list[TableRow]:
    """Each analysis of each comparison that has more than one, as planned first."""
    rows = []
    for metric, arm, contrast in _comparisons(result):
        variant = words.plain(names.get(arm.variant, arm.variant), 40)
        lead = {"Metric": words.plain(metric.name, 60), "Variant": variant}
        shown = Plain(
            control_value=metric.arm(result.reference).value,
            treatment_value=arm.value,
            difference=contrast.difference,
            difference_ci_lower=contrast.difference_ci_lower,
            difference_ci_upper=contrast.difference_ci_upper,
            relative_lift=contrast.relative_lift,
            relative_lift_ci_lower=contrast.relative_lift_ci_lower,
            relative_lift_ci_upper=contrast.relative_lift_ci_upper,
            p_value=contrast.p_value,
        )
        rows.append(lead | _row(metric, _shown(metric, contrast), shown) | _saved(contrast))
        rows += [
            lead | _row(metric, name, one) | {SAVED: ""}
            for name, one in (
                (UNADJUSTED, contrast.unadjusted), (UNCAPPED, contrast.uncapped)
            )
            if one is not None
        ]  # fmt: skip
    if not any(row[SAVED] for row in rows):
        return [{head: cell for head, cell in row.items() if head != SAVED} for row in rows]
    return rows


def _shown(metric: MetricResult, contrast: Contrast) -> str:
    """What the scorecard shows: adjusted, capped, or both."""
    did = contrast.adjustment
    said = []
    if did is not None and not isinstance(did.theta, Undefined):
        said.append(f"adjusted by {words.plain(did.covariate, 40)}")
    if contrast.uncapped is not None and metric.cap is not None:
        said.append(f"capped at {words.amount(metric.cap, metric.unit)}")
    return ", ".join(said) or "as shown"


def _saved(contrast: Contrast) -> TableRow:
    did = contrast.adjustment
    if did is None:
        return {SAVED: ""}
    saved = did.variance_saved
    return {SAVED: words.NONE if isinstance(saved, Undefined) else _share(saved)}


def _comparisons(
    result: ExperimentResult,
) -> Iterator[tuple[MetricResult, ArmResult, Contrast]]:
    for metric in result.metrics:
        for arm in metric.arms:
            found = arm.contrast
            if found is not None and (found.unadjusted or found.uncapped):
                yield metric, arm, found


def _adjusted(metric: MetricResult, contrast: Contrast) -> Iterator[str]:
    did = contrast.adjustment
    if did is None or contrast.unadjusted is None or isinstance(did.theta, Undefined):
        return
    name = words.plain(did.covariate, 40)
    saved = did.variance_saved
    share = (
        "" if isinstance(saved, Undefined) else f", which took out {_share(saved)} of the noise"
    )
    yield f"adjusted by {name}{share}; unadjusted {_effect(metric, contrast.unadjusted)}."
    filled = (did.control_filled, did.treatment_filled)
    if any(filled):
        control, treatment = (_share(one or 0.0) for one in filled)
        yield (
            f"{name} was missing for {control} of control and {treatment} of the variant; the "
            "mean of all stood in."
        )


def _capped(
    metric: MetricResult, arm: ArmResult, contrast: Contrast, result: ExperimentResult
) -> Iterator[str]:
    if contrast.uncapped is None or metric.cap is None:
        return
    control = metric.arm(result.reference).capped or 0.0
    yield (
        f"values above {words.amount(metric.cap, metric.unit)} count as that: "
        f"{_share(control)} of control, {_share(arm.capped or 0.0)} of the variant; uncapped "
        f"{_effect(metric, contrast.uncapped)}."
    )


def _effect(metric: MetricResult, plain: Plain) -> str:
    if isinstance(plain.relative_lift, Undefined):
        shown = words.difference_of(metric, plain.difference)
        ends = words.difference_interval(
            metric, plain.difference_ci_lower, plain.difference_ci_upper
        )
    else:
        shown = words.lift(plain.relative_lift)
        ends = words.lift_interval(plain.relative_lift_ci_lower, plain.relative_lift_ci_upper)
    return f"{shown} ({ends}), {words.p(plain.p_value)}"


def _share(fraction: float) -> str:
    return words.percent(fraction, 0 if fraction >= 0.1 or fraction == 0 else 1)


def _row(metric: MetricResult, name: str, plain: Plain) -> TableRow:
    return {
        "Analysis": name,
        "Control": words.value_of(metric, plain.control_value),
        "Treatment": words.value_of(metric, plain.treatment_value),
        "Difference": words.difference_of(metric, plain.difference),
        "Difference interval": words.difference_interval(
            metric, plain.difference_ci_lower, plain.difference_ci_upper
        ),
        "Lift": words.lift(plain.relative_lift),
        "Lift interval": words.lift_interval(
            plain.relative_lift_ci_lower, plain.relative_lift_ci_upper, column=True
        ),
        "p": words.p(plain.p_value),
    }
