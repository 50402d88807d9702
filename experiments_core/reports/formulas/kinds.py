"""Ratios, quantiles and means adjusted by a covariate, brought to two noisy numbers.

An arm of a ratio (Y over N) or of an adjusted mean (Y with X) is ``(n, mean of the first, mean
of the second, variance of the first, variance of the second, covariance)``; an arm of a
quantile ``(n, value, lower limit, upper limit, level of the limits)``.

Sources: Deng, Knoblich & Lu 2018 (ratios, quantiles); Deng, Xu, Kohavi & Walker 2013 (CUPED).
"""

import math
from collections.abc import Sequence
from typing import Any

from scipy.stats import norm, t

from experiments_core.reports.formulas.lines import (
    added,
    line,
    lined_up,
    own_line,
)
from experiments_core.reports.formulas.p_values import p_value
from experiments_core.reports.formulas.strata import weights

Parts = tuple[float, float, float, float, float, float, float]
# control, treatment, their squared errors, their covariance, squared error of the difference,
# degrees of freedom


def theta_and_correlation(wholes: Sequence[Any]) -> tuple[float | None, float | None]:
    """Slope of the outcome on the covariate, one for all arms and phases."""
    yy, xx, xy = (sum((cell[0] - 1) * cell[i] for cell in wholes) for i in (3, 4, 5))
    if not xx > 0:
        return None, None
    correlation = xy / math.sqrt(xx * yy) if yy > 0 else None
    if correlation is not None and abs(correlation) > 1 - 1e-12:
        return None, correlation  # the covariate is the outcome itself
    return xy / xx, correlation


def slope_of(strata: Sequence[Any]) -> tuple[float | None, float | None]:
    """The slope of one comparison, over the phases that have both arms."""
    return theta_and_correlation([one[1] for pair in strata if (one := lined_up(pair))])


def rest(cell: Any, theta: float) -> tuple[int, float, float]:
    """What the covariate leaves of the outcome: Y - theta X."""
    n, y, x, yy, xx, xy = cell
    return n, y - theta * x, max(0.0, yy - 2 * theta * xy + theta * theta * xx)


def parts_of(
    kind: str, strata: Sequence[Any], *, by_size: bool = False, theta: float | None = None
) -> Parts | None:
    """Both arms of a comparison and their noise; None where the noise is not known."""
    if kind == "quantile":
        return quantile_parts(strata, by_size=by_size)
    if kind == "ratio":
        lines = [(line(c), line(q)) for c, q in strata]
        return mean_parts_of(
            [pair for pair in lines if pair[0][0] and pair[1][0]], by_size=by_size
        )
    if kind == "mean":
        return mean_parts_of(strata, by_size=by_size)
    return adjusted_parts(strata, theta, by_size=by_size)


def shares(strata: Sequence[Any], *, by_size: bool) -> list[float]:
    """Weight of each phase."""
    least = 2 if len(strata) > 1 else 1
    raw = [
        (c[0] + q[0] if by_size else c[0] * q[0] / (c[0] + q[0]))
        if min(c[0], q[0]) >= least
        else 0.0
        for c, q in strata
    ]
    return [w / sum(raw) for w in raw] if sum(raw) else raw


def mean_parts_of(strata: Sequence[Any], *, by_size: bool) -> Parts | None:
    """Two weighted means (Welch 1947, Satterthwaite 1946)."""
    used = [
        (w, c, q)
        for w, (c, q) in zip(shares(strata, by_size=by_size), strata, strict=True)
        if w
    ]
    if not used or any(min(c[0], q[0]) < 2 for _, c, q in used):
        return None
    noise = [
        [(w * w * cell[2] / cell[0], cell[0] - 1) for w, *pair in used for cell in (pair[i],)]
        for i in (0, 1)
    ]
    v_control, v_treatment = (sum(v for v, _ in side) for side in noise)
    total = v_control + v_treatment
    if not total > 0:
        return None
    freedom = 1 / sum((v / total) ** 2 / f for side in noise for v, f in side)
    control, treatment = (sum(w * pair[i][1] for w, *pair in used) for i in (0, 1))
    return control, treatment, v_control, v_treatment, 0.0, total, freedom


def adjusted_parts(
    strata: Sequence[Any], theta: float | None = None, *, by_size: bool
) -> Parts | None:
    """Adjusted means; both hold the covariate's means of both arms, hence the covariance."""
    phases = [one for pair in strata if (one := lined_up(pair))]
    known = [(c, q) for (c, q), _, _ in phases]
    own = theta_and_correlation([whole for _, whole, _ in phases])[0]
    slope = 0.0 if own is None else own if theta is None else theta
    rests = [(rest(c, slope), rest(q, slope)) for c, q in known]
    plain = mean_parts_of(rests, by_size=by_size)
    if plain is None:
        return None
    control = treatment = v_control = v_treatment = covariance = 0.0
    for w, ((c, q), _, parts) in zip(shares(rests, by_size=by_size), phases, strict=True):
        if not w:
            continue
        b, a = (slope * part for part in parts)
        control += w * (c[1] + a * (q[2] - c[2]))
        treatment += w * (q[1] - b * (q[2] - c[2]))
        v_control += w * w * (rest(c, a)[2] / c[0] + a * a * q[4] / q[0])
        v_treatment += w * w * (rest(q, b)[2] / q[0] + b * b * c[4] / c[0])
        covariance += w * w * (a * (q[5] - b * q[4]) / q[0] + b * (c[5] - a * c[4]) / c[0])
    return control, treatment, v_control, v_treatment, covariance, plain[5], plain[6]


def squared_error(cell: Any) -> float | None:
    """Of a quantile: half the width of its limits in standard errors."""
    _, value, low, high, level = cell
    if value is None or low is None:
        return None
    return float(((high - low) / 2 / norm.isf((1 - level) / 2)) ** 2)


def quantile_parts(strata: Sequence[Any], *, by_size: bool) -> Parts | None:
    """Two quantiles with their squared errors, phases weighted."""
    raw = []
    for c, q in strata:
        errors = squared_error(c), squared_error(q)
        if errors[0] is None or errors[1] is None or not errors[0] + errors[1] > 0:
            continue
        w = c[0] + q[0] if by_size else c[0] * q[0] / (c[0] + q[0])
        raw.append((w, c[1], q[1], errors[0], errors[1]))
    whole = sum(w for w, *_ in raw)
    if not whole:
        return None
    control, treatment = (sum(one[0] / whole * one[i] for one in raw) for i in (1, 2))
    v_c, v_t = (sum((one[0] / whole) ** 2 * one[i] for one in raw) for i in (3, 4))
    return control, treatment, v_c, v_t, 0.0, v_c + v_t, math.inf


def kind_weights(kind: str, strata: Sequence[Any]) -> list[float]:
    """Share of each phase as it is printed."""
    if kind != "quantile":
        return weights([(outcome_size(c), outcome_size(q)) for c, q in strata])
    raw = [
        c[0] * q[0] / (c[0] + q[0]) if quantile_parts([(c, q)], by_size=False) else 0.0
        for c, q in strata
    ]
    return [w / sum(raw) for w in raw] if sum(raw) else raw


def outcome_size(cell: Any) -> tuple[float, float, float]:
    """Only its size matters for the weights."""
    return cell[0], 0.0, 0.0


def parts_compared(
    parts: Parts | None, alpha: float, alternative: str = "two-sided"
) -> dict[str, Any]:
    """Difference, lift (Fieller 1954), their limits and the test of two noisy numbers."""
    if parts is None:
        return {}
    control, treatment, v_c, v_t, shared, v_d, freedom = parts
    crit = norm.isf(alpha / 2) if math.isinf(freedom) else t.isf(alpha / 2, freedom)
    d, error = treatment - control, math.sqrt(v_d)
    found: dict[str, Any] = {
        "difference": d,
        "difference_ci_lower": d - crit * error,
        "difference_ci_upper": d + crit * error,
        "statistic": d / error,
        "p_value": p_value(d / error, freedom, alternative),
    }
    a = control**2 - crit**2 * v_c
    if control > 0 and a > 0:
        b = treatment * control - crit**2 * shared
        c = treatment**2 - crit**2 * v_t
        spread = math.sqrt(max(0.0, b * b - a * c))
        found["relative_lift"] = d / control
        found["relative_lift_ci_lower"] = (b - spread) / a - 1
        found["relative_lift_ci_upper"] = (b + spread) / a - 1
    return found


def parts_margin(
    parts: Parts | None, alpha: float, bound: float, alternative: str, *, relative: bool
) -> float | None:
    """One-sided test against a margin; None where a relative one has no lift to hold to."""
    if parts is None:
        return None
    control, treatment, v_c, v_t, shared, v_d, freedom = parts
    if not relative:
        return p_value((treatment - control - bound) / math.sqrt(v_d), freedom, alternative)
    if "relative_lift" not in parts_compared(parts, alpha):
        return None
    ratio = 1 + bound
    noise = math.sqrt(v_t + ratio * ratio * v_c - 2 * ratio * shared)
    return p_value((treatment - ratio * control) / noise, freedom, alternative)


def adjusted_arm_cells(kind: str, cells: dict[str, Any]) -> dict[str, Any] | None:
    """Adjusted mean of each arm per phase, (n, mean, n times its squared error), and spread."""
    seen = {arm: phases for arm, phases in cells.items() if any(cell[0] for cell in phases)}
    full = [lined_up(phase) for phase in zip(*seen.values(), strict=True)]
    theta = theta_and_correlation([one[1] for one in full if one])[0]
    if theta is None or len(seen) < 2:
        return None
    found = {}
    for place, arm in enumerate(seen):
        made: list[Any] = []
        left: list[Any] = []
        for own, phase in zip(seen[arm], full, strict=True):
            if phase is None:
                made.append(own_line(kind, own))
                alone = lined_up([own])
                left += alone[0] if alone else []
                continue
            made.append(adjusted_arm(phase, place, theta))
            left.append(phase[0][place])
        found[arm] = made, math.sqrt(rest(added(left), theta)[2]) if left else 0.0
    return found


def adjusted_arm(phase: Any, place: int, theta: float) -> tuple[int, float, float]:
    """One arm of one phase."""
    arms, whole, parts = phase
    own = arms[place]
    noise = rest(own, theta * (1 - parts[place]))[2] / own[0] + sum(
        (theta * part) ** 2 * other[4] / other[0]
        for i, (other, part) in enumerate(zip(arms, parts, strict=True))
        if i != place
    )
    return own[0], own[1] - theta * (own[2] - whole[2]), own[0] * noise
