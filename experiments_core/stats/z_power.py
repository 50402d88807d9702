"""Power of the pooled z-test of two rates, and the effect at which it is reached.

Source: Fleiss, Levin & Paik 2003, Statistical Methods for Rates and Proportions, ch. 4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import ndtr, ndtri

from experiments_core.stats.estimate import Undefined, Value
from experiments_core.stats.roots import root


@dataclass(frozen=True, slots=True)
class RateTest:
    """A planned test of two rates.

    Attributes:
        baseline: Control's rate, in (0, 1).
        control: Units of control.
        treatment: Units of treatment.
        tail: Probability beyond one critical value.
        alternative: ``two-sided``, ``greater`` or ``less``.
    """

    baseline: float
    control: float
    treatment: float
    tail: float
    alternative: str

    def power(self, effect: float, *, both_tails: bool = False) -> float:
        """Phi((|d| - z_a s0) / s1), s0 pooled, s1 unpooled.

        Args:
            effect: True treatment - control.
            both_tails: Count a two-sided test's rejections on the wrong side too.
        """
        target = min(1.0, max(0.0, self.baseline + effect))
        both = self.control + self.treatment
        pooled = (self.control * self.baseline + self.treatment * target) / both
        null = pooled * (1 - pooled) * (1 / self.control + 1 / self.treatment)
        own = self.baseline * (1 - self.baseline) / self.control
        own += target * (1 - target) / self.treatment
        critical = -float(ndtri(self.tail)) * math.sqrt(null)
        toward = {"greater": effect, "less": -effect}.get(self.alternative, abs(effect))
        reached = float(ndtr((toward - critical) / math.sqrt(own)))
        if both_tails and self.alternative == "two-sided":
            reached += float(ndtr((-toward - critical) / math.sqrt(own)))
        return min(1.0, reached)

    def detectable(self, sign: int, power: float) -> Value:
        """Smallest effect of that sign that is seen with the power."""
        most = 1 - self.baseline if sign > 0 else self.baseline
        if self.power(sign * most) < power:
            return Undefined("not_reachable")

        def missing(effect: float) -> float:
            return self.power(sign * effect) - power

        return sign * root(missing, 0.0, most, 0.0)


def no_rates(baseline: float, target: float) -> Undefined | None:
    """Why these are no two rates; a target of exactly 0 or 1 can be planned for."""
    if not (math.isfinite(baseline) and math.isfinite(target)):
        return Undefined("non_finite_input")
    if not (0 < baseline < 1 and 0 <= target <= 1):
        return Undefined("target_outside_range")
    return None
