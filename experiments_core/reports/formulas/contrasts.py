"""A treatment's part of the results: its level, its looks, and what stands beside it."""

import math
from collections.abc import Sequence
from typing import Any

from scipy.special import ndtri_exp
from scipy.stats import norm

from experiments_core.reports.formulas.asked import with_asked
from experiments_core.reports.formulas.compared import compared, margin_p_value
from experiments_core.reports.formulas.kinds import parts_compared, parts_of, slope_of
from experiments_core.reports.formulas.lines import lined_up
from experiments_core.reports.formulas.p_values import (
    CORRECTIONS,
    always_valid_bound,
    always_valid_p_value,
)
from experiments_core.reports.formulas.phases import phase_numbers
from experiments_core.reports.formulas.study import (
    OUTCOMES,
    Numbers,
    Study,
    alternative_of,
    is_adjusted,
    pairs,
    treatments,
)


def all_levels(study: Study) -> dict[tuple[str, str], tuple[float, Any, float]]:
    """Level of the test, adjusted p-value, and the share of alpha for looks, per comparison."""
    found: dict[tuple[str, str], tuple[float, Any, float]] = {}
    for role in ("primary", "guardrail", "secondary"):
        family = [
            (key, arm)
            for key, metric in study["metrics"].items()
            if metric["role"] == role
            for arm in treatments(study)
        ]
        raw = [raw_p_value(study, *one) for one in family]
        known = [1.0 if p is None else p for p in raw]
        adjusted, local = known, [study["alpha"]] * len(known)
        share = study["alpha"]
        if family and role != "guardrail" and study["correction"] != "none":
            planned = role == "primary" or study["correction"] == "by"
            correct = CORRECTIONS[study["correction"] if planned else "bh"]
            adjusted, local = correct(known, study["alpha"])
            share = study["alpha"] / len(family)
        for one, p, fixed, level in zip(family, raw, adjusted, local, strict=True):
            found[one] = level, None if p is None else fixed, share
    return found


def raw_p_value(study: Study, key: str, arm: str) -> Any:
    """Test of "no difference", before any correction; None where it does not exist."""
    if f"{key} / {arm}" in study["withheld"]:
        return None
    strata, alternative = pairs(study, key, arm), alternative_of(study, key)
    how = study["metrics"][key]["kind"], strata
    found = compared(strata, 0.05, alternative, how[0])
    return with_asked(found, how, 0.05, alternative, study["methods"]).get("p_value")


def contrast_numbers(
    study: Study, key: str, arm: str, levels: tuple[float, Any, float]
) -> Numbers:
    """One treatment of one metric, with what stands beside it."""
    if f"{key} / {arm}" in study["withheld"]:
        return {}
    alpha, adjusted, share = levels
    strata, alternative = pairs(study, key, arm), alternative_of(study, key)
    metric = study["metrics"][key]
    kind = metric["kind"]
    found = compared(strata, alpha, alternative, kind)
    two_sided = alpha if alternative == "two-sided" else 2 * alpha
    found = with_asked(found, (kind, strata), two_sided, alternative, study["methods"])
    found |= {"confidence_level": 1 - two_sided, "p_value_adjusted": adjusted}
    decided_at = alpha
    if any(c[0] or q[0] for c, q in strata):
        look_alpha, look = look_numbers(study, key, arm, share)
        found |= {f"sequential / {name}": number for name, number in look.items()}
        decided_at = look_alpha if study["decides_by_looks"] else alpha
    if metric["role"] == "guardrail":
        found["guardrail_p_value"] = margin_p_value(metric, strata, decided_at)
    if len(strata) > 1:
        whole = metric.get("whole")
        found |= phase_numbers(
            strata, alpha, kind, (whole[study["reference"]], whole[arm]) if whole else None
        )
    found |= beside(study, key, arm, alpha)
    return {f"{key} / {arm} / {name}": number for name, number in found.items()}


def look_numbers(study: Study, key: str, arm: str, share: float) -> tuple[float, Numbers]:
    """Level of this look and the reading at it; the bound where the plan spends its alpha."""
    name, strata = f"{key} / {arm}", pairs(study, key, arm)
    kind = study["metrics"][key]["kind"]
    if name not in study["look_bounds"]:
        tuning = sum(c[0] + q[0] for c, q in strata), share, study["tuned_to"][arm]
        level = max(2 * norm.sf(always_valid_bound(*tuning)), 1e-300)
        return level, always_valid(strata, level, tuning, kind)
    bound = study["look_bounds"][name]
    if bound is None:  # so early that nothing can be decided
        return 0.0, {"confidence_level": 1.0}
    level = 2 * norm.sf(bound)
    found = compared(strata, level, kind=kind)
    return level, {
        "confidence_level": 1 - level,
        **{
            name: number
            for name, number in found.items()
            if "_ci_" in name or name == "p_value"
        },
    }


def beside(study: Study, key: str, arm: str, alpha: float) -> Numbers:
    """The same without the covariate and without the cap, and what the covariate did."""
    metric, alternative = study["metrics"][key], alternative_of(study, key)
    strata, found = pairs(study, key, arm), Numbers()
    shown: dict[str, tuple[str, Sequence[Any]]] = {}
    if "covariate" in metric:
        bare, alone = OUTCOMES.get(metric["kind"], (metric["kind"], tuple))
        shown["unadjusted"] = bare, [tuple(map(alone, pair)) for pair in strata]
    if "uncapped" in metric:
        cells = metric["uncapped"]
        pair = zip(cells[study["reference"]], cells[arm], strict=True)
        shown["uncapped"] = metric["kind"], list(pair)
    for name, (kind, own) in shown.items():
        numbers = compared(own, alpha, alternative, kind)
        parts = parts_of(kind, own)
        if parts is not None:
            numbers |= {"control_value": parts[0], "treatment_value": parts[1]}
        numbers.pop("statistic", None)
        found |= {f"{name} / {field}": number for field, number in numbers.items()}
    if is_adjusted(metric):
        told = adjustment(strata, metric["kind"], parts_of(*shown["unadjusted"]))
        found |= {f"adjustment / {field}": number for field, number in told.items()}
    return found


def adjustment(strata: Sequence[Any], kind: str, raw: Any) -> Numbers:
    """Slope, correlation, the share of variance that went, and whether the arms began alike."""
    theta, correlation = slope_of(strata)
    told: Numbers = {"theta": theta, "correlation": correlation}
    adjusted = parts_of(kind, strata)
    if raw is not None and adjusted is not None:
        told["variance_saved"] = 1 - adjusted[5] / raw[5]
    lines = [one[0] for pair in strata if (one := lined_up(pair))]
    balance = [tuple((c[0], c[2], c[4]) for c in pair) for pair in lines]
    told["balance_p_value"] = parts_compared(parts_of("mean", balance), 0.05).get("p_value")
    return told


def always_valid(
    strata: Sequence[Any], alpha: float, tuning: tuple[int, float, int], kind: str
) -> Numbers:
    """The reading that holds at any look, at the level of its bound."""
    found = compared(strata, alpha, kind=kind)
    look: Numbers = {"confidence_level": 1 - alpha}
    look |= {name: number for name, number in found.items() if "_ci_" in name}
    if "p_value" in found:
        z = -ndtri_exp(math.log(found["p_value"]) - math.log(2))  # the z of an equal p
        look["p_value_always_valid"] = always_valid_p_value(z, *tuning)
    return look
