"""Do any of several arms differ? Descriptions that do not say which, and so decide nothing.

For rates see :func:`experiments_core.stats.proportions.rates_differ`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy.special import fdtrc

from experiments_core.stats.contrasts import SMALLEST_P
from experiments_core.stats.estimate import TestResult, Undefined
from experiments_core.stats.moments import Moments


def means_differ(arms: Sequence[Moments]) -> TestResult:
    """Welch's analysis of variance: all means at once, each arm with its own variance.

    For two arms the statistic is the square of Welch's t. ``degrees_of_freedom`` are those of
    the numerator, k - 1.

    Returns:
        ``no_users`` under two arms with units, ``too_few_units`` if one has a single unit,
        ``no_variance`` if one has none.

    Source: Welch 1951, Biometrika 38:330-336.
    """
    used = [arm for arm in arms if arm.n > 0]
    reason = None
    if len(used) < 2:
        reason = "no_users"
    elif any(arm.n < 2 for arm in used):
        reason = "too_few_units"
    elif not all(0 < arm.variance < math.inf for arm in used):
        reason = "no_variance"
    if reason is not None:
        missing = Undefined(reason)
        return TestResult(missing, missing, "welch_anova")
    k = len(used)
    weights = [arm.n / arm.variance for arm in used]
    total = math.fsum(weights)
    centre = math.fsum(w * arm.mean for w, arm in zip(weights, used, strict=True)) / total
    between = math.fsum(
        w * (arm.mean - centre) ** 2 for w, arm in zip(weights, used, strict=True)
    ) / (k - 1)
    noise = math.fsum(
        (1 - w / total) ** 2 / (arm.n - 1) for w, arm in zip(weights, used, strict=True)
    )
    statistic = between / (1 + 2 * (k - 2) / (k * k - 1) * noise)
    p_value = float(fdtrc(k - 1, (k * k - 1) / (3 * noise), statistic))
    return TestResult(
        statistic, max(p_value, SMALLEST_P), "welch_anova", degrees_of_freedom=float(k - 1)
    )
