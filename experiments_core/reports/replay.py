"""From one study's cells to every number of its results, by the formulas of ``recompute``.

This text is printed into each downloaded notebook below those formulas. ``STUDY`` is a plain
dictionary: arms, split and plan, and per metric its cells, one per arm and phase.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from scipy.optimize import brentq
from scipy.special import ndtri_exp
from scipy.stats import norm, t

from experiments_core.reports.kinds import (
    adjusted_arm_cells,
    kind_weights,
    parts_compared,
    parts_margin,
    parts_of,
    slope_of,
    squared_error,
)
from experiments_core.reports.lines import (
    added,
    added_tables,
    lined_up,
    outcome,
    own_line,
    without_before,
)
from experiments_core.reports.recompute import (
    always_valid_bound,
    always_valid_p_value,
    benjamini_hochberg,
    heterogeneity_p_value,
    holm,
    mean_difference_limits,
    mean_lift_limits,
    mean_limits,
    mean_t,
    p_value,
    rate_difference_limits,
    rate_lift_limits,
    rate_z,
    ratio_z,
    sample_ratio_p_value,
    weighted,
    weights,
    wilson,
)

Study = Mapping[str, Any]
Numbers = dict[str, Any]

RATIOS = ("ratio", "adjusted_ratio")
OUTCOMES: dict[str, Any] = {
    "adjusted": ("mean", outcome),
    "adjusted_ratio": ("ratio", without_before),
}
BY_PARTS = ("ratio", "quantile", *OUTCOMES)


def replay(study: Study) -> Numbers:
    """Every number of the results, named "metric / arm / field"."""
    found: Numbers = {}
    levels = all_levels(study)
    for key, metric in study["metrics"].items():
        found |= arm_numbers(study, key, metric)
        for arm in treatments(study):
            found |= contrast_numbers(study, key, arm, levels[key, arm])
    phases = [
        ({arm: units[k] for arm, units in study["units"].items()}, split)
        for k, split in enumerate(study["split"])
    ]
    found["sample ratio / p_value"] = sample_ratio_p_value(phases)
    if study["visible"]:
        found["progress / relative_minimum_detectable_effect"] = visible_lift(study)
    return found


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


# Arms: over phases, every arm is weighted to one common mix of phases


def arm_numbers(study: Study, key: str, metric: Mapping[str, Any]) -> Numbers:
    """Value and interval of each arm at the plan's level."""
    cells = metric["cells"]
    sizes = [
        [
            own_line(metric["kind"], cell)[0] if metric["kind"] in RATIOS else cell[0]
            for cell in phases
        ]
        for phases in cells.values()
    ]
    seen = [phases for phases in sizes if any(phases)]
    mix = [
        1 / sum(1 / phases[k] for phases in seen)
        if seen and all(phases[k] for phases in seen)
        else 0.0
        for k in range(len(study["split"]))
    ]
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
        found[f"{head} / value"] = value
        found[f"{head} / ci_lower"] = low
        found[f"{head} / ci_upper"] = high
    return found


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


# Comparisons


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
            by_holm = role == "primary" and study["correction"] == "holm"
            adjusted, local = (holm if by_holm else benjamini_hochberg)(known, study["alpha"])
            share = study["alpha"] / len(family)
        for one, p, fixed, level in zip(family, raw, adjusted, local, strict=True):
            found[one] = level, None if p is None else fixed, share
    return found


def raw_p_value(study: Study, key: str, arm: str) -> Any:
    """Test of "no difference", before any correction; None where it does not exist."""
    if f"{key} / {arm}" in study["withheld"]:
        return None
    kind = study["metrics"][key]["kind"]
    found = compared(pairs(study, key, arm), 0.05, alternative_of(study, key), kind)
    return found.get("p_value")


def alternative_of(study: Study, key: str) -> str:
    """The plan's alternative for primary metrics, two-sided for the others."""
    primary = study["metrics"][key]["role"] == "primary"
    return str(study["alternative"]) if primary else "two-sided"


def compared(
    strata: Sequence[Any],
    alpha: float,
    alternative: str = "two-sided",
    kind: str = "",
    theta: float | None = None,
) -> Numbers:
    """Difference, lift, their limits and the test of one comparison at one level."""
    two_sided = alpha if alternative == "two-sided" else 2 * alpha
    if kind in BY_PARTS:
        found = parts_compared(parts_of(kind, strata, theta=theta), two_sided, alternative)
    else:
        both = any(c[0] and q[0] for c, q in strata)
        if not both or not any(w > 0 for w in weights(strata)):
            return {}
        rates = len(strata[0][0]) == 2
        found = (rates_compared if rates else means_compared)(strata, two_sided, alternative)
    hidden = {"greater": "ci_upper", "less": "ci_lower"}.get(alternative)
    return {k: v for k, v in found.items() if hidden is None or not k.endswith(hidden)}


def rates_compared(strata: Sequence[Any], alpha: float, alternative: str) -> Numbers:
    """Pooled z, Mee, Koopman; over phases Cochran-Mantel-Haenszel and its intervals."""
    control, treatment = weighted(strata, 0), weighted(strata, 1)
    found: Numbers = {"difference": treatment - control}
    if control > 0:
        found["relative_lift"] = (treatment - control) / control
    found |= limited("difference", rate_difference_limits(strata, alpha))
    found |= limited("relative_lift", rate_lift_limits(strata, alpha))
    used = [pair for w, pair in zip(weights(strata), strata, strict=True) if w > 0]
    if any(0 < c[1] + q[1] < c[0] + q[0] for c, q in used):
        found["statistic"] = rate_z(strata)
        found["p_value"] = p_value(found["statistic"], math.inf, alternative)
    return found


def means_compared(strata: Sequence[Any], alpha: float, alternative: str) -> Numbers:
    """Welch's t and Fieller; over phases the weighted means."""
    used = [pair for w, pair in zip(weights(strata), strata, strict=True) if w > 0]
    control = sum(w * c[1] for w, (c, _) in zip(weights(used), used, strict=True))
    treatment = sum(w * q[1] for w, (_, q) in zip(weights(used), used, strict=True))
    found: Numbers = {"difference": treatment - control}
    if any(arm[0] < 2 for pair in used for arm in pair):
        return found
    if not any(arm[2] > 0 for pair in used for arm in pair):
        return found
    found |= limited("difference", mean_difference_limits(used, alpha))
    low, high = mean_lift_limits(used, alpha)
    if low is not None:
        found["relative_lift"] = (treatment - control) / control
        found |= limited("relative_lift", (low, high))
    found["statistic"], freedom = mean_t(used)
    found["p_value"] = p_value(found["statistic"], freedom, alternative)
    return found


def limited(name: str, limits: Sequence[Any]) -> Numbers:
    """Both ends of an interval under their names."""
    return {f"{name}_ci_lower": limits[0], f"{name}_ci_upper": limits[1]}


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
    found |= {"confidence_level": 1 - two_sided, "p_value_adjusted": adjusted}
    n = sum(c[0] + q[0] for c, q in strata)
    decided_at = alpha
    if n:
        look_alpha, look = look_numbers(study, key, arm, share)
        found |= {f"sequential / {name}": number for name, number in look.items()}
        decided_at = look_alpha if study["decides_by_looks"] else alpha
    if study["metrics"][key]["role"] == "guardrail":
        found["guardrail_p_value"] = margin_p_value(study["metrics"][key], strata, decided_at)
    if len(strata) > 1:
        whole = study["metrics"][key].get("whole")
        found |= phase_numbers(
            strata, alpha, kind, (whole[study["reference"]], whole[arm]) if whole else None
        )
    found |= beside(study, key, arm, (alpha, two_sided, alternative))
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


def beside(study: Study, key: str, arm: str, levels: tuple[float, float, str]) -> Numbers:
    """The same without the covariate and without the cap, and what the covariate did."""
    metric, (alpha, _, alternative) = study["metrics"][key], levels
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
        theta, correlation = slope_of(strata)
        raw, adjusted = parts_of(*shown["unadjusted"]), parts_of(metric["kind"], strata)
        told: Numbers = {"theta": theta, "correlation": correlation}
        if raw is not None and adjusted is not None:
            told["variance_saved"] = 1 - adjusted[5] / raw[5]
        lines = [one[0] for pair in strata if (one := lined_up(pair))]
        balance = [tuple((c[0], c[2], c[4]) for c in pair) for pair in lines]
        told["balance_p_value"] = parts_compared(parts_of("mean", balance), 0.05).get("p_value")
        found |= {f"adjustment / {field}": number for field, number in told.items()}
    return found


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


def margin_p_value(metric: Mapping[str, Any], strata: Sequence[Any], alpha: float) -> Any:
    """One-sided test that the harm stays inside the margin; None where it does not exist."""
    if alpha == 0:
        return None
    harm = -1 if metric["direction"] == "increase" else 1
    alternative = "greater" if harm < 0 else "less"
    relative = metric["margin"] is not None
    bound = harm * (metric["margin"] if relative else metric["margin_absolute"])
    kind = metric["kind"]
    if kind != "rate":
        parts = parts_of(kind, strata)
        return parts_margin(parts, alpha, bound, alternative, relative=relative)
    if "p_value" not in compared(strata, alpha) or (relative and weighted(strata, 0) == 0):
        return None
    z = ratio_z(strata, 1 + bound) if relative else rate_z(strata, bound)
    return p_value(z, math.inf, alternative) if math.isfinite(z) else None


# Beside it: each phase, the plain total, the phases weighted by their size


def phase_numbers(strata: Sequence[Any], alpha: float, kind: str, total: Any = None) -> Numbers:
    """Rows of the phases tab, and whether the phases differ.

    ``total`` holds both arms over all phases, where they cannot be added up.
    """
    found: Numbers = {}
    theta = slope_of(strata)[0] if kind in OUTCOMES else None
    shares = kind_weights(kind, strata) if len(strata[0][0]) > 2 else weights(strata)
    for k, (pair, weight) in enumerate(zip(strata, shares, strict=True), start=1):
        numbers = compared([pair], alpha, kind=kind, theta=theta)
        found |= row(f"phase {k}", pair, numbers, kind) | {f"phase {k} / weight": weight}
    if kind == "quantile" and total and total[0][0] and total[1][0]:
        found |= row("plain total", total, compared([total], alpha, kind=kind), kind)
    if kind != "quantile":
        total = merged([c for c, _ in strata]), merged([q for _, q in strata])
        found |= row("plain total", total, compared([total], alpha, kind=kind), kind)
    if kind in BY_PARTS:
        found |= sized(strata, alpha, kind)
        effects = [
            (parts[1] - parts[0], parts[5])
            for pair in strata
            if (parts := parts_of(kind, [pair], theta=theta)) is not None
        ]
    else:
        found |= size_weighted(strata, alpha)
        effects = [one for pair in strata if (one := effect_and_variance(pair)) is not None]
    found["heterogeneity_p_value"] = heterogeneity_p_value(effects)
    return found


def level(cell: Any, kind: str) -> Any:
    """Value of one arm as it is, without any adjustment."""
    if kind in RATIOS:
        return own_line(kind, cell)[1]
    return cell[1] / cell[0] if len(cell) == 2 else cell[1]


def row(label: str, pair: Any, numbers: Numbers, kind: str) -> Numbers:
    """One row: sizes, values, and the comparison without its statistic."""
    found = {"control_n": pair[0][0], "treatment_n": pair[1][0]}
    for side, cell in zip(("control", "treatment"), pair, strict=True):
        if cell[0]:
            found[f"{side}_value"] = level(cell, kind)
    found |= {name: number for name, number in numbers.items() if name != "statistic"}
    return {f"{label} / {name}": number for name, number in found.items()}


def sized(strata: Sequence[Any], alpha: float, kind: str) -> Numbers:
    """Phases weighted by their units, of a ratio, a quantile or an adjusted mean."""
    used = [pair for pair in strata if pair[0][0] and pair[1][0]]
    whole = sum(c[0] + q[0] for c, q in used)
    found: Numbers = parts_compared(parts_of(kind, strata, by_size=True), alpha)
    found.pop("statistic", None)
    for side, name in enumerate(("control", "treatment")):
        found[f"{name}_n"] = sum(pair[side][0] for pair in strata)
        if used:
            found[f"{name}_value"] = sum(
                (pair[0][0] + pair[1][0]) / whole * level(pair[side], kind) for pair in used
            )
    return {f"size-weighted / {name}": number for name, number in found.items()}


def effect_and_variance(pair: Any) -> tuple[float, float] | None:
    """Difference of one phase and its unpooled variance."""
    (n_c, a, *_), (n_t, b, *_) = pair
    if len(pair[0]) == 2:
        if not (n_c and n_t):
            return None
        p, q = a / n_c, b / n_t
        return q - p, p * (1 - p) / n_c + q * (1 - q) / n_t
    return (b - a, pair[0][2] / n_c + pair[1][2] / n_t) if min(n_c, n_t) > 1 else None


def size_weighted(strata: Sequence[Any], alpha: float) -> Numbers:
    """Phases weighted by their units: the average over the units as they came."""
    rates = len(strata[0][0]) == 2
    least = 1 if rates else 2
    used = [pair for pair in strata if min(pair[0][0], pair[1][0]) >= least]
    whole = sum(c[0] + q[0] for c, q in used)
    total = merged([c for c, _ in strata]), merged([q for _, q in strata])
    found: Numbers = {"control_n": total[0][0], "treatment_n": total[1][0]}
    means, noises, freedom = [], [], 0.0
    for side in (0, 1):
        parts = [((c[0] + q[0]) / whole, (c, q)[side]) for c, q in used]
        level = [(w, cell[1] / cell[0] if rates else cell[1], cell) for w, cell in parts]
        means.append(sum(w * m for w, m, _ in level))
        noise = [w * w * (m * (1 - m) if rates else cell[2]) / cell[0] for w, m, cell in level]
        noises.append(sum(noise))
        freedom += (
            sum(v * v / (cell[0] - 1) for v, (_, _, cell) in zip(noise, level, strict=True))
            if not rates
            else 0.0
        )
    found |= {"control_value": means[0], "treatment_value": means[1]} if used else {}
    variance = sum(noises)
    if used and variance > 0:
        degrees = math.inf if rates else variance * variance / freedom
        found |= fieller(means, noises, degrees, alpha)
    return {f"size-weighted / {name}": number for name, number in found.items()}


def fieller(
    means: Sequence[float], noises: Sequence[float], freedom: float, alpha: float
) -> Numbers:
    """Difference, lift and test of two noisy means."""
    (control, treatment), (v_control, v_treatment) = means, noises
    crit = norm.isf(alpha / 2) if math.isinf(freedom) else t.isf(alpha / 2, freedom)
    d, error = treatment - control, math.sqrt(v_control + v_treatment)
    found: Numbers = {"difference": d, "p_value": p_value(d / error, freedom, "two-sided")}
    found |= limited("difference", (d - crit * error, d + crit * error))
    a = control**2 - crit**2 * v_control
    if control > 0 and a > 0:
        inside = treatment**2 * v_control + control**2 * v_treatment
        spread = crit * math.sqrt(inside - crit**2 * v_control * v_treatment)
        found["relative_lift"] = d / control
        ends = [(treatment * control + s * spread) / a - 1 for s in (-1, 1)]
        found |= limited("relative_lift", ends)
    return found


# The smallest lift that the data so far would show with the planned power


def visible_lift(study: Study) -> float:
    """Of the treatment of the first primary metric that sees least."""
    key, wanted = study["visible"]["metric"], study["visible"]
    metric = study["metrics"][key]
    alpha = study["alpha"] / wanted["comparisons"]
    alpha *= 1 if study["alternative"] == "two-sided" else 2
    mix = arm_numbers(study, key, metric)
    found = []
    for arm in treatments(study):
        strata = pairs(study, key, arm)
        sizes = [sum(c[0] for c, _ in strata), sum(q[0] for _, q in strata)]
        if len(strata) > 1:
            sizes = [
                2 * sum(c[0] * q[0] / (c[0] + q[0]) for c, q in strata if c[0] and q[0])
            ] * 2
        level = mix[f"{key} / {study['reference']} / value"]
        if is_rate(metric):
            effect = rate_effect(level, sizes, alpha, wanted)
        else:
            spreads = [
                mix[f"{key} / {name} / standard_deviation"]
                for name in (study["reference"], arm)
            ]
            error = math.sqrt(sum(s * s / n for s, n in zip(spreads, sizes, strict=True)))
            effect = (norm.isf(alpha / 2) + norm.isf(1 - wanted["power"])) * error
        found.append(abs(effect / level))
    return float(max(found))


def rate_effect(
    p: float, sizes: Sequence[float], alpha: float, wanted: Mapping[str, Any]
) -> float:
    """The difference at which the power of the pooled z-test reaches what is wanted."""
    z, (n_c, n_t) = norm.isf(alpha / 2), sizes
    sign = 1 if wanted["direction"] == "increase" else -1

    def lacking(effect: float) -> float:
        q = min(1.0, max(0.0, p + sign * effect))
        pooled = (n_c * p + n_t * q) / (n_c + n_t)
        null = math.sqrt(pooled * (1 - pooled) * (1 / n_c + 1 / n_t))
        own = math.sqrt(p * (1 - p) / n_c + q * (1 - q) / n_t)
        return float(norm.cdf((effect - z * null) / own) - wanted["power"])

    return float(brentq(lacking, 0.0, 1 - p if sign > 0 else p, xtol=1e-300, rtol=1e-15))


# The comparison


def differences(printed: Numbers, study: Study, tolerance: float = 1e-9) -> list[str]:
    """Every printed number that these formulas do not give again; none, if all is well.

    A difference of two numbers keeps only the digits that they do not share, so a difference
    is held against the size of what was subtracted, a lift against 1.
    """
    again, wrong = replay(study), []
    for name, value in printed.items():
        found = again.get(name)
        field = name.rsplit(" / ", 1)[-1].split("_ci_")[0]
        floor = {"difference": size_of(name, again, study), "relative_lift": 1, "statistic": 1}
        close = 1e-12 * floor.get(field, 0) + 1e-300
        if found is None or not math.isclose(value, found, rel_tol=tolerance, abs_tol=close):
            wrong.append(f"{name}: printed {value!r}, recomputed {found!r}")
    return wrong


def size_of(name: str, numbers: Numbers, study: Study) -> float:
    """The largest value of any arm of the metric that a number belongs to."""
    keys = [key for key in study["metrics"] if name.startswith(f"{key} / ")]
    values = [
        abs(numbers.get(f"{key} / {arm} / value", 0.0)) for key in keys for arm in study["arms"]
    ]
    return max(values, default=0.0)
