"""One arm's rate or mean over phases, standardised to a mix of phases common to all arms.

After a change of split the arms hold different mixes of phases, so their plain totals are not
comparable. One phase gives exactly Wilson's interval or Student's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy.special import stdtrit

from experiments_core.stats.estimate import Estimate, Interval, Undefined
from experiments_core.stats.means import defect, mean_interval
from experiments_core.stats.moments import Counts, Moments
from experiments_core.stats.normal import critical_value
from experiments_core.stats.proportions import wilson


def common_weights(sizes: Sequence[Sequence[int]]) -> tuple[float, ...]:
    """Share of each phase in the common mix: 1 / Σ(1/n) over the arms, scaled to the sum 1.

    For two arms these are the Mantel-Haenszel weights n_t n_c / (n_t + n_c). A phase in which
    an arm has nobody has the weight 0.

    Args:
        sizes: Units per arm, phase by phase.
    """
    raw = [1 / sum(1 / n for n in phase) if all(phase) else 0.0 for phase in sizes]
    total = math.fsum(raw)
    return tuple(weight / total if total > 0 else 0.0 for weight in raw)


def standardised_rate(
    phases: Sequence[Counts], weights: Sequence[float], confidence_level: float = 0.95
) -> Estimate:
    """Rate Σw p with Wilson's interval at the effective number of units p q / Σw² pq/n.

    Args:
        phases: Counts of the arm, phase by phase.
        weights: Of :func:`common_weights`; all 0 means the plain total.
        confidence_level: A fraction.
    """
    used = [(w, c) for w, c in zip(weights, phases, strict=True) if w > 0]
    if len(used) < 2:
        return wilson(used[0][1] if used else sum(phases, Counts(0, 0)), confidence_level)
    rate = min(1.0, math.fsum(w * c.x / c.n for w, c in used))
    noise = math.fsum(w * w * c.x * (c.n - c.x) / c.n**3 for w, c in used)
    certain = 1 / math.fsum(w * w / c.n for w, c in used)
    n = rate * (1 - rate) / noise if noise > 0 else certain
    z = critical_value((1 - confidence_level) / 2)
    x = rate * n
    centre = x + z * z / 2
    reach = z * math.sqrt(x * (1 - rate) + z * z / 4)
    lower = 0.0 if rate == 0 else (centre - reach) / (n + z * z)
    upper = 1.0 if rate == 1 else (centre + reach) / (n + z * z)
    return Estimate(rate, Interval(lower, upper, confidence_level, "wilson"))


def standardised_mean(
    phases: Sequence[Moments], weights: Sequence[float], confidence_level: float = 0.95
) -> Estimate:
    """Mean Σw m with the t interval of squared error Σw² s²/n and Satterthwaite's freedom.

    Args:
        phases: Moments of the arm, phase by phase.
        weights: Of :func:`common_weights`; all 0 means the plain total.
        confidence_level: A fraction.
    """
    used = [(w, m) for w, m in zip(weights, phases, strict=True) if w > 0]
    if len(used) < 2:
        total = sum(phases[1:], phases[0])
        return mean_interval(used[0][1] if used else total, confidence_level)
    if any(defect(m) == "non_finite_input" for _, m in used):
        beyond = Undefined("non_finite_input")
        return Estimate(beyond, Interval(beyond, beyond, confidence_level, "t"))
    mean = math.fsum(w * m.mean for w, m in used)
    reason = "too_few_units" if any(m.n < 2 for _, m in used) else None
    noises = [(w * w * m.variance / m.n, m.n - 1) for w, m in used]
    noise = math.fsum(v for v, _ in noises)
    if reason is None and not 0 < noise < math.inf:
        reason = "non_finite_input" if noise else "no_variance"
    if reason is not None:
        missing = Undefined(reason)
        return Estimate(mean, Interval(missing, missing, confidence_level, "t"))
    freedom = 1 / math.fsum((v / noise) ** 2 / f for v, f in noises)
    reach = -float(stdtrit(freedom, (1 - confidence_level) / 2)) * math.sqrt(noise)
    return Estimate(mean, Interval(mean - reach, mean + reach, confidence_level, "t"))
