"""The Bayesian view: what a believer in a prior knows of two arms, and which arm is best.

Rates in one phase have Beta posteriors, integrated over panels between their quantiles on the
scale asin(sqrt(rate)); anything else has Student's t (or a normal) around its estimate.

Sources: Gelman et al. 2013, Bayesian Data Analysis, sections 2.4 and 3.2 (posteriors); Stucchio
2015, Bayesian A/B Testing at VWO (expected loss).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.stats import beta, norm, t

from experiments_core.reports.formulas.compared import compared
from experiments_core.reports.formulas.kinds import parts_of
from experiments_core.reports.formulas.means import mean_parts
from experiments_core.reports.formulas.study import BY_PARTS, Numbers, Study, is_rate, pairs

CUTS = (1e-18, 1e-12, 1e-8, 1e-4, 0.02, 0.2, 0.5)
NODES = 32


def belief_numbers(study: Study, key: str, arm: str, base: Any) -> Numbers:
    """One treatment beside the reference under the study's prior.

    ``base`` is the reference's value, which brings losses of a lift back into the unit.
    """
    alpha, prior, metric = study["alpha"], study["prior"], study["metrics"][key]
    strata, deviation = pairs(study, key, arm), prior["lift_deviation"]
    if f"{key} / {arm}" in study["withheld"]:
        return {}
    if deviation is None and is_rate(metric) and len(strata) == 1:
        control, treatment = strata[0]
        found = of_rates(posterior(control, prior), posterior(treatment, prior), alpha)
    else:
        found = of_estimate(metric["kind"], strata, alpha, deviation, base)
    if found and metric["direction"] == "decrease":
        found["probability_better"] = 1 - found["probability_better"]
        ship, keep = found["expected_loss_if_control"], found["expected_loss_if_treatment"]
        found |= {"expected_loss_if_treatment": ship, "expected_loss_if_control": keep}
    return {f"{key} / {arm} / bayes / {name}": number for name, number in found.items()}


def posterior(cell: Any, prior: Mapping[str, Any]) -> Any:
    """The Beta posterior of one rate; None where nobody was counted."""
    n, x = cell
    return beta(prior["alpha"] + x, prior["beta"] + n - x) if n else None


def of_rates(control: Any, treatment: Any, alpha: float) -> Numbers:
    """Two independent Beta posteriors, by quadrature."""
    if control is None or treatment is None:
        return {}
    rates, widths = panels([*angles(control), *angles(treatment)])
    slope = 2 * np.sqrt(rates * (1 - rates)) * widths
    middle = treatment.mean() - control.mean()
    spread = math.hypot(treatment.std(), control.std())
    ratio = math.log(treatment.mean() / control.mean())
    wide = math.hypot(treatment.std() / treatment.mean(), control.std() / control.mean())

    def apart(gap: float) -> float:
        return below(control, treatment, lambda p: p + gap, lambda p: p - gap)

    def times(log_ratio: float) -> float:
        factor = math.exp(log_ratio)
        return below(control, treatment, lambda p: p * factor, lambda p: p / factor)

    gaps = [limit(apart, middle, spread, side * alpha / 2) for side in (-1, 1)]
    lifts = [math.expm1(limit(times, ratio, wide, side * alpha / 2)) for side in (-1, 1)]
    return {
        "probability_better": max(0.0, 1 - apart(0.0)),
        "expected_loss_if_treatment": float(
            np.sum(slope * treatment.cdf(rates) * control.sf(rates))
        ),
        "expected_loss_if_control": float(
            np.sum(slope * control.cdf(rates) * treatment.sf(rates))
        ),
        "difference_ci_lower": gaps[0],
        "difference_ci_upper": gaps[1],
        "relative_lift_ci_lower": lifts[0],
        "relative_lift_ci_upper": lifts[1],
    }


def below(
    control: Any, treatment: Any, moved: Callable[[Any], Any], back: Callable[[Any], Any]
) -> float:
    """Probability that the treatment is at most where a move takes control."""
    steps = np.sin(angles(treatment)) ** 2
    edges = np.arcsin(np.sqrt(np.clip(back(steps), 0.0, 1.0)))
    own = angles(control)
    inside = edges[(edges > own.min()) & (edges < own.max())]
    rates, widths = panels([*own, *inside])
    weights = density(control, rates) * widths
    reached = treatment.cdf(np.clip(moved(rates), 0.0, 1.0))
    return float(np.sum(weights * reached) / np.sum(weights))


def density(one: Any, rates: Any) -> Any:
    """Of the angle asin(sqrt(rate)); bounded even for a prior of 1/2."""
    return np.exp(one.logpdf(rates) + np.log(2 * np.sqrt(rates * (1 - rates))))


def limit(share: Callable[[float], float], middle: float, spread: float, tail: float) -> float:
    """Where the tail begins: below for a negative tail, above for a positive one."""
    side = math.copysign(1.0, tail)

    def lacking(point: float) -> float:
        found = share(point)
        return abs(tail) - (found if side < 0 else 1 - found)

    far = middle + side * 2 * spread
    while lacking(far) < 0:
        far += side * spread
    return float(brentq(lacking, min(middle, far), max(middle, far), xtol=1e-16, rtol=1e-14))


def angles(one: Any) -> Any:
    """Points that cut a posterior into pieces."""
    return np.arcsin(np.sqrt(np.concatenate([one.ppf(CUTS), one.isf(CUTS[:-1])])))


def panels(edges: Sequence[float]) -> Any:
    """Rates and weights of Gauss-Legendre panels between angles."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    ends = np.unique(edges)
    half = np.diff(ends)[:, None] / 2
    return np.sin(ends[:-1, None] + half * (1 + nodes)).ravel() ** 2, (half * weights).ravel()


def of_estimate(
    kind: str, strata: Sequence[Any], alpha: float, deviation: float | None, base: Any
) -> Numbers:
    """A flat prior: Student's t around the difference; or a normal one around a lift of 0."""
    found = compared(strata, alpha, kind=kind)
    if deviation is None:
        freedom = freedom_of(kind, strata)
        value, error = found.get("difference"), error_of(found, "difference", freedom, alpha)
        if value is None or error is None:
            return {}
        told = around(value, error, freedom, alpha)
        return told | {name: found.get(name) for name in found if "relative_lift_ci_" in name}
    value, error = found.get("relative_lift"), error_of(found, "relative_lift", math.inf, alpha)
    if value is None or error is None or base is None:
        return {}
    weight = deviation**2 / (deviation**2 + error**2)
    told = around(weight * value, math.sqrt(weight) * error, math.inf, alpha)
    ends = {name: told[f"difference_ci_{name}"] for name in ("lower", "upper")}
    scaled = {name: base * told[name] for name in told if name != "probability_better"}
    lifts = {f"relative_lift_ci_{name}": end for name, end in ends.items()}
    return told | scaled | lifts


def around(value: float, error: float, freedom: float, alpha: float) -> Numbers:
    """Chance, expected losses and credible interval of one noisy difference."""
    law = norm if math.isinf(freedom) else t(freedom)
    z, reach = value / error, law.isf(alpha / 2) * error
    told: Numbers = {
        "probability_better": float(law.cdf(z)),
        "expected_loss_if_treatment": None,
        "expected_loss_if_control": None,
        "difference_ci_lower": value - reach,
        "difference_ci_upper": value + reach,
    }
    if freedom > 1:
        thick = 1.0 if math.isinf(freedom) else (freedom + z * z) / (freedom - 1)
        peak = law.pdf(z) * thick
        told["expected_loss_if_treatment"] = error * max(0.0, peak - z * law.cdf(-z))
        told["expected_loss_if_control"] = error * max(0.0, peak + z * law.cdf(z))
    return told


def error_of(found: Numbers, name: str, freedom: float, alpha: float) -> Any:
    """Standard error behind an interval; None where it has an end missing."""
    ends = [found.get(f"{name}_ci_{end}") for end in ("lower", "upper")]
    if ends[0] is None or ends[1] is None:
        return None
    law = norm if math.isinf(freedom) else t(freedom)
    return (ends[1] - ends[0]) / 2 / law.isf(alpha / 2)


def freedom_of(kind: str, strata: Sequence[Any]) -> float:
    """Degrees of freedom of the test of a comparison."""
    if kind in BY_PARTS:
        parts = parts_of(kind, strata)
        return math.inf if parts is None else parts[6]
    return mean_parts(strata)[4] if kind == "mean" else math.inf


def best_numbers(study: Study, key: str, arms: Numbers) -> Numbers:
    """Chance of each arm to be the best one; a prior on the lift says nothing of arms."""
    metric, prior = study["metrics"][key], study["prior"]
    if prior["lift_deviation"] is not None:
        return {}
    cells = metric["cells"]
    if is_rate(metric) and len(study["split"]) == 1:
        laws = [posterior(phases[0], prior) for phases in cells.values()]
        if None in laws:
            return {}
        points, widths = panels([angle for law in laws for angle in angles(law)])
        densities = [density(law, points) for law in laws]
    else:
        laws = [normal_of(arms, f"{key} / {arm}", study["alpha"]) for arm in cells]
        if None in laws:
            return {}
        points, widths = lines(laws)
        densities = [law.pdf(points) for law in laws]
    lowest = metric["direction"] == "decrease"
    beaten = [law.sf(points) if lowest else law.cdf(points) for law in laws]
    shares = [
        float(np.sum(own * widths * np.prod(beaten[:i] + beaten[i + 1 :], axis=0)))
        for i, own in enumerate(densities)
    ]
    return {
        f"{key} / {arm} / probability_best": share / sum(shares)
        for arm, share in zip(cells, shares, strict=True)
    }


def normal_of(arms: Numbers, head: str, alpha: float) -> Any:
    """An arm's value with the error behind its interval."""
    value, low, high = (
        arms.get(f"{head} / {name}") for name in ("value", "ci_lower", "ci_upper")
    )
    if value is None or low is None or high is None or not high > low:
        return None
    return norm(value, (high - low) / 2 / norm.isf(alpha / 2))


def lines(laws: Sequence[Any]) -> Any:
    """Points and weights of panels between quantiles of normals."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    ends = np.unique(np.concatenate([[*law.ppf(CUTS), *law.isf(CUTS[:-1])] for law in laws]))
    half = np.diff(ends)[:, None] / 2
    return (ends[:-1, None] + half * (1 + nodes)).ravel(), (half * weights).ravel()
