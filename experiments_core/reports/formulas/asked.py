"""Methods that somebody asked for instead of the defaults; they know one table (phase) only.

Sources: Newcombe 1998 (method 10), Agresti & Caffo 2000, Miettinen & Nurminen 1985, Katz et
al. 1978 (log-delta), Clopper & Pearson 1934, Brown, Cai & DasGupta 2001 (Jeffreys), Fisher
1934, Barnard 1945, Boschloo 1970.
"""

import math
from collections.abc import Sequence
from typing import Any

from scipy.stats import barnard_exact, beta, boschloo_exact, fisher_exact, norm, t

from experiments_core.reports.formulas.kinds import parts_of
from experiments_core.reports.formulas.rates import rate_difference_limits, wilson
from experiments_core.reports.formulas.strata import Limits, RateArm

MOST_EXACT = 2_000  # units up to which Barnard's and Boschloo's tests are computed
EXACT: dict[str, Any] = {"barnard": barnard_exact, "boschloo": boschloo_exact}


def newcombe(control: RateArm, treatment: RateArm, alpha: float) -> Limits:
    """Newcombe's hybrid of the two Wilson intervals."""
    (n_c, x_c), (n_t, x_t) = control, treatment
    (low_c, up_c), (low_t, up_t) = (wilson(*arm, alpha) for arm in (control, treatment))
    p_c, p_t = x_c / n_c, x_t / n_t
    return (
        max(-1.0, p_t - p_c - math.hypot(p_t - (low_t or 0.0), (up_c or 0.0) - p_c)),
        min(1.0, p_t - p_c + math.hypot((up_t or 0.0) - p_t, p_c - (low_c or 0.0))),
    )


def agresti_caffo(control: RateArm, treatment: RateArm, alpha: float) -> Limits:
    """Wald's interval after one success and one failure more in each arm."""
    raised = [((x + 1) / (n + 2), n + 2) for n, x in (control, treatment)]
    (p_c, _), (p_t, _) = raised
    reach = norm.isf(alpha / 2) * math.sqrt(sum(p * (1 - p) / n for p, n in raised))
    return max(-1.0, p_t - p_c - reach), min(1.0, p_t - p_c + reach)


def miettinen_nurminen(control: RateArm, treatment: RateArm, alpha: float) -> Limits:
    """Mee's interval with the variance times N / (N - 1)."""
    n = control[0] + treatment[0]
    z = norm.isf(alpha / 2) * math.sqrt(n / (n - 1))
    return rate_difference_limits([(control, treatment)], 2 * norm.sf(z))


DIFFERENCES = {
    "newcombe": newcombe,
    "agresti_caffo": agresti_caffo,
    "miettinen_nurminen": miettinen_nurminen,
}


def katz(control: RateArm, treatment: RateArm, alpha: float) -> dict[str, Any]:
    """Lift of a rate, symmetric on the scale of logarithms."""
    (n_c, x_c), (n_t, x_t) = control, treatment
    if not x_c:
        return {}
    found = {"relative_lift": x_t * n_c / (x_c * n_t) - 1}
    noise = 1 / x_c - 1 / n_c + 1 / x_t - 1 / n_t if x_t else 0.0
    reach = norm.isf(alpha / 2) * math.sqrt(max(0.0, noise))
    return found | (log_limits(1 + found["relative_lift"], reach) if reach else {})


def log_ratio(kind: str, strata: Sequence[Any], alpha: float) -> dict[str, Any]:
    """The same of two means; empty where it has none."""
    found = log_parts(kind, strata)
    if found is None:
        return {}
    ratio, error, freedom = found
    reach = t.isf(alpha / 2, freedom) * error
    return {"relative_lift": ratio - 1} | log_limits(ratio, reach)


def log_parts(kind: str, strata: Sequence[Any]) -> tuple[float, float, float] | None:
    """Ratio of two means, the error of its logarithm, and degrees of freedom of its own."""
    parts = parts_of(kind, strata)
    if parts is None or min(parts[0], parts[1]) <= 0:
        return None
    control, treatment, v_c, v_t, shared, _, _ = parts
    sizes = [sum(pair[side][0] for pair in strata) for side in (0, 1)]
    own = v_c / control**2, v_t / treatment**2
    noise = sum(own) - 2 * shared / control / treatment
    if not noise > 0:
        return None
    below = sum((v / sum(own)) ** 2 / (n - 1) for v, n in zip(own, sizes, strict=True))
    return treatment / control, math.sqrt(noise), 1 / below


def log_limits(ratio: float, reach: float) -> dict[str, Any]:
    """Ends of a lift at the same distance below and above, as factors."""
    return {
        "relative_lift_ci_lower": ratio * math.exp(-reach) - 1,
        "relative_lift_ci_upper": ratio * math.exp(reach) - 1,
    }


def exact_test(
    name: str, control: RateArm, treatment: RateArm, alternative: str
) -> dict[str, Any]:
    """An exact test of the two-by-two table; its statistic may not exist."""
    (n_c, x_c), (n_t, x_t) = control, treatment
    table: Any = [[x_t, x_c], [n_t - x_t, n_c - x_c]]
    found = (
        EXACT[name](table, alternative=alternative, n=64)
        if name in EXACT
        else fisher_exact(table, alternative=alternative)  # type: ignore[arg-type]
    )
    told = {"p_value": min(1.0, float(found.pvalue))}
    known = math.isfinite(found.statistic)
    return told | ({"statistic": float(found.statistic)} if known else {})


def with_asked(
    found: dict[str, Any],
    how: tuple[str, Sequence[Any]],
    alpha: float,
    alternative: str,
    methods: Sequence[str],
) -> dict[str, Any]:
    """A comparison with what was asked for put in its place.

    Args:
        found: By the defaults.
        how: Kind of the metric, and its strata.
        alpha: Two-sided level.
        alternative: Hides the limit that does not matter.
        methods: Names of those that were asked for.
    """
    kind, strata = how
    if not methods or not found or len(strata) > 1 or kind == "quantile":
        return found
    (control, treatment), told = strata[0], dict(found)
    lifts: dict[str, Any] = {}
    if "log_delta" in methods:
        lifts = (
            katz(control, treatment, alpha)
            if kind == "rate"
            else log_ratio(kind, strata, alpha)
        )
        if lifts or kind == "rate":
            told = {k: v for k, v in told.items() if not k.startswith("relative_lift")} | lifts
    for name in methods if kind == "rate" else ():
        if name in DIFFERENCES:
            ends = DIFFERENCES[name](control, treatment, alpha)
            told |= {"difference_ci_lower": ends[0], "difference_ci_upper": ends[1]}
        small = name in EXACT and control[0] + treatment[0] <= MOST_EXACT
        if (name == "fisher" or small) and "p_value" in found:
            told.pop("statistic")
            told |= exact_test(name, control, treatment, alternative)
    hidden = {"greater": "ci_upper", "less": "ci_lower"}.get(alternative)
    return {k: v for k, v in told.items() if hidden is None or not k.endswith(hidden)}


def asked_limits(n: int, x: int, alpha: float, methods: Sequence[str]) -> Limits | None:
    """Interval of one rate by the method that was asked for; None where none was."""
    if "clopper_pearson" in methods:
        low, high = beta.ppf(alpha / 2, x, n - x + 1), beta.isf(alpha / 2, x + 1, n - x)
    elif "jeffreys" in methods:
        shape = x + 0.5, n - x + 0.5
        low, high = beta.ppf(alpha / 2, *shape), beta.isf(alpha / 2, *shape)
    else:
        return None
    return 0.0 if x == 0 else float(low), 1.0 if x == n else float(high)
