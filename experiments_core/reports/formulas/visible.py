"""The smallest lift that the data so far would show with the planned power."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from scipy.optimize import brentq
from scipy.stats import norm

from experiments_core.reports.formulas.arms import arm_numbers
from experiments_core.reports.formulas.study import Study, is_rate, pairs, treatments


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
