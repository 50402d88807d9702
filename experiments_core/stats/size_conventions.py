"""Sample sizes as other calculators print them, to explain a number that came from elsewhere.

Every function returns the exact (not rounded) number of control units. Rates, effects, alpha
and power are fractions. Upshot itself plans with :mod:`experiments_core.stats.rate_plan`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from scipy.special import ndtri


@dataclass(frozen=True, slots=True)
class Design:
    """What every formula needs.

    Attributes:
        control: Rate or mean of control.
        treatment: Rate or mean of treatment under the planned effect.
        z_alpha: Normal quantile of the test.
        z_power: Normal quantile of the power.
        ratio: Treatment units / control units.
        standard_deviation: Of one unit, for means; None for rates.
    """

    control: float
    treatment: float
    z_alpha: float
    z_power: float
    ratio: float = 1.0
    standard_deviation: float | None = None

    @property
    def effect(self) -> float:
        """Treatment - control."""
        return self.treatment - self.control

    @property
    def control_variance(self) -> float:
        """Variance of one control unit."""
        return self._variance(self.control)

    @property
    def treatment_variance(self) -> float:
        """Variance of one treatment unit."""
        return self._variance(self.treatment)

    def _variance(self, rate: float) -> float:
        spread = self.standard_deviation
        return rate * (1 - rate) if spread is None else spread * spread


def quantiles(alpha: float, power: float, alternative: str) -> tuple[float, float]:
    """Return ``z_alpha`` and ``z_power`` of a test of size alpha."""
    tail = alpha / 2 if alternative == "two-sided" else alpha
    return -float(ndtri(tail)), float(ndtri(power))


def unpooled(design: Design) -> float:
    """Variance of the alternative in both places (Chow, Shao & Wang 2008, ch. 3 and 4)."""
    variance = design.control_variance + design.treatment_variance / design.ratio
    return _square(design.z_alpha + design.z_power) * variance / _square(design.effect)


def arcsine(design: Design) -> float:
    """Cohen's h, the difference of arcsine-transformed rates (Cohen 1988, ch. 6)."""
    distance = 2 * (
        math.asin(math.sqrt(design.treatment)) - math.asin(math.sqrt(design.control))
    )
    scale = 1 + 1 / design.ratio
    return _square(design.z_alpha + design.z_power) * scale / _square(distance)


def baseline_variance(design: Design) -> float:
    """Both arms at the baseline rate under "no difference" (a well-known web calculator).

    That page reads every effect as an increase, and a baseline above 0.5 as its complement.
    """
    if design.standard_deviation is None:
        rate = min(design.control, 1 - design.control)
        design = replace(design, control=rate, treatment=rate + abs(design.effect))
    null = design.control_variance * (1 + 1 / design.ratio)
    alternative = design.control_variance + design.treatment_variance / design.ratio
    root = design.z_alpha * math.sqrt(null) + design.z_power * math.sqrt(alternative)
    return _square(root) / _square(design.effect)


def linear_lift(design: Design) -> float:
    """Delta method on the lift, treatment's variance taken at the baseline.

    The variance of treatment/control - 1 is expanded around the planned means, so an increase
    needs more units than a decrease of the same size.
    """
    lift = design.effect / design.control
    own = design.control_variance / _square(design.control)
    variance = own / design.ratio + own * _square(design.treatment / design.control)
    return _square(design.z_alpha + design.z_power) * variance / _square(lift)


def pooled(design: Design) -> float:
    """Pooled variance under "no difference" (Fleiss, Levin & Paik 2003, ch. 4)."""
    ratio = design.ratio
    mean = (design.control + ratio * design.treatment) / (1 + ratio)
    null = (1 + 1 / ratio) * mean * (1 - mean)
    alternative = design.control_variance + design.treatment_variance / ratio
    root = design.z_alpha * math.sqrt(null) + design.z_power * math.sqrt(alternative)
    return _square(root) / _square(design.effect)


def continuity_corrected(design: Design) -> float:
    """The pooled size for the test with Yates' correction (Fleiss, Levin & Paik 2003)."""
    plain = pooled(design)
    step = 2 * (design.ratio + 1) / (plain * design.ratio * abs(design.effect))
    return plain / 4 * _square(1 + math.sqrt(1 + step))


def rule_of_16(design: Design) -> float:
    """16 variances over the squared effect: equal arms, two-sided 0.05, power 0.8, rounded.

    Kohavi, Longbotham, Sommerfield & Henne 2009, Data Min Knowl Disc 18:140-181.
    """
    return 16 * design.control_variance / _square(design.effect)


def _square(number: float) -> float:
    return number * number
