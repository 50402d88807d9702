"""One comparison at one level: difference, lift, their limits, and the test."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from experiments_core.reports.formulas.kinds import parts_compared, parts_margin, parts_of
from experiments_core.reports.formulas.means import (
    mean_difference_limits,
    mean_lift_limits,
    mean_t,
)
from experiments_core.reports.formulas.p_values import p_value
from experiments_core.reports.formulas.rates import (
    rate_difference_limits,
    rate_lift_limits,
    rate_z,
    ratio_z,
)
from experiments_core.reports.formulas.strata import weighted, weights
from experiments_core.reports.formulas.study import BY_PARTS, Numbers


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
