"""The reference numbers of ratios, quantiles, caps and covariates, from rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import experiments_core as ec
from experiments_core.stats.estimate import Undefined

Case = dict[str, Any]
SIDES = ("control", "treatment")


def analysed(rows: dict[str, dict[str, list[Any]]], metric: Any, **more: Any) -> Any:
    frame = pd.concat(
        [pd.DataFrame(columns).assign(arm=side) for side, columns in rows.items()]
    )
    return ec.analyze(frame, variant="arm", control="control", metrics=[metric], **more)


def found_in(report: Any) -> dict[str, Any]:
    one = next(iter(report))
    return {
        "difference": one.difference,
        "difference_ci": [one.difference_ci_lower, one.difference_ci_upper],
        "p_two_sided": one.p_value,
        "p_value": one.p_value,
        "relative_lift": one.relative_lift,
        "relative_lift_ci": [one.relative_lift_ci_lower, one.relative_lift_ci_upper],
        "lift_ci": [one.relative_lift_ci_lower, one.relative_lift_ci_upper],
    }


def ratio(inputs: Case) -> dict[str, Any]:
    report = analysed(inputs["raw"], ec.Ratio("orders", "sessions"), alpha=inputs["alpha"])
    arms = report.result.metrics[0].arms
    return found_in(report) | {"control_ratio": arms[0].value, "treatment_ratio": arms[1].value}


def quantile(inputs: Case) -> dict[str, Any]:
    rows = {
        side: {
            "value": [value for unit in inputs[f"{side}_units"] for value in unit],
            "unit": [
                f"{side}{i}" for i, unit in enumerate(inputs[f"{side}_units"]) for _ in unit
            ],
        }
        for side in SIDES
    }
    report = analysed(
        rows, ec.Quantile("value", inputs["quantile"]), unit="unit", repeats="rows",
        alpha=inputs["alpha"],
    )  # fmt: skip
    answers = found_in(report)
    for side, arm in zip(SIDES, report.result.metrics[0].arms, strict=True):
        answers[f"{side}_quantile"] = arm.value
        answers[f"{side}_ci"] = [arm.ci_lower, arm.ci_upper]
    return answers


def winsor(inputs: Case) -> dict[str, Any]:
    rows = {side: {"value": inputs[f"{side}_values"]} for side in SIDES}
    cap = f"{100 * inputs['cap_quantile']:g}%"
    report = analysed(rows, ec.Mean("value", cap=cap), alpha=inputs["alpha"])
    metric, one = report.result.metrics[0], next(iter(report))
    control, treatment = metric.arms
    return found_in(report) | {
        "cap": metric.cap,
        "control_capped_rows": round(control.capped * control.n),
        "treatment_capped_rows": round(treatment.capped * treatment.n),
        "control_mean": control.value,
        "treatment_mean": treatment.value,
        "uncapped_control_mean": one.uncapped.control_value,
        "uncapped_treatment_mean": one.uncapped.treatment_value,
        "uncapped_p_value": one.uncapped.p_value,
    }


def cuped(inputs: Case) -> dict[str, Any]:
    rows = inputs.get("raw") or {
        side: {"revenue": inputs[f"{side}_values"], "revenue_before": inputs[f"{side}_before"]}
        for side in SIDES
    }
    if "revenue" not in rows["control"]:
        return {}  # the adjusted ratio has no notebook form
    report = analysed(rows, ec.Mean("revenue", covariate="revenue_before"))
    control, treatment = report.result.metrics[0].arms
    one = next(iter(report))
    return found_in(report) | {
        "theta": one.adjustment.theta,
        "correlation_pooled": one.adjustment.correlation,
        "variance_reduction": one.adjustment.variance_saved,
        "control_mean_adjusted": control.value,
        "treatment_mean_adjusted": treatment.value,
        "control_mean_raw": one.unadjusted.control_value,
        "treatment_mean_raw": one.unadjusted.treatment_value,
        "difference_raw": one.unadjusted.difference,
    }


GROUPS: dict[str, Callable[[Case], dict[str, Any]]] = {
    "ratio_metric": ratio, "quantile_by_unit": quantile, "winsorised_mean": winsor,
    "cuped": cuped, "cuped_lift": cuped,
}  # fmt: skip


def close(got: Any, expected: Any) -> bool:
    if expected is None:
        parts = got if isinstance(got, list) else [got]
        return all(isinstance(part, Undefined) for part in parts)
    if isinstance(expected, list):
        return all(close(one, other) for one, other in zip(got, expected, strict=True))
    return bool(got == pytest.approx(expected, rel=1e-8, abs=1e-9))


@pytest.mark.parametrize("group", list(GROUPS))
def test_the_reference_numbers_come_out_of_the_rows(acceptance_data: Path, group: str):
    text = (acceptance_data / "oracles" / "statistics.json").read_text(encoding="utf-8")
    broken, compared = [], 0
    for case in json.loads(text)["cases"]:
        if case["group"] != group:
            continue
        answers = GROUPS[group](case["inputs"])
        for name in answers.keys() & case["expected"].keys():
            compared += 1
            if not close(answers[name], case["expected"][name]):
                broken.append(f"{case['name']} {name}: {answers[name]}")
    assert compared >= 4
    assert broken == []
