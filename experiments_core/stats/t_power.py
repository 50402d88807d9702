"""Power of the t test of two means, by the noncentral t or the normal distribution.

Sources: Cohen 1988, Statistical Power Analysis for the Behavioral Sciences, ch. 2; Chow, Shao &
Wang 2008, Sample Size Calculations in Clinical Research, ch. 3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from scipy.special import nctdtr, ndtr, ndtri, stdtrit

from experiments_core.errors import Problem
from experiments_core.stats.estimate import Undefined, Value
from experiments_core.stats.plan_values import refused
from experiments_core.stats.roots import root

Distribution = Literal["t", "normal"]

LEAST_UNITS = 2
"""A variance needs two units."""

LARGEST_SPREAD = 1e150
"""Its square still fits a double, and so does that of its inverse."""

NORMAL_FROM = 1e9
"""Units of control from which t and normal size differ by less than a unit in a billion."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Standard deviations of one unit and the units of a test of means.

    Attributes:
        control: Standard deviation of one control unit.
        treatment: Standard deviation of one treatment unit.
    """

    control: float
    treatment: float

    @classmethod
    def of(cls, control: float, treatment: float | None) -> Spread:
        """Both spreads; treatment's is control's when left out.

        Raises:
            InvalidInputError: one is below 0 or beyond :data:`LARGEST_SPREAD`.
        """
        both = (control, control if treatment is None else treatment)
        for spread in both:
            if not 0 <= spread <= LARGEST_SPREAD:
                message = f"a standard deviation is a number from 0 up, not {spread:g}"
                raise refused(Problem("standard_deviation", spread, "RANGE", message))
        return cls(*both)

    @property
    def missing(self) -> Undefined | None:
        """Why there is nothing to plan: units that do not differ."""
        if max(self.control, self.treatment) < 1 / LARGEST_SPREAD:
            return Undefined("no_variance")
        return None

    def variance(self, control_n: float, treatment_n: float) -> float:
        """Squared standard error of the difference of means."""
        return (
            self.control * self.control / control_n
            + self.treatment * self.treatment / treatment_n
        )

    def degrees_of_freedom(self, control_n: float, treatment_n: float) -> float:
        """Student's for one common spread (as R and statsmodels plan), else Satterthwaite's."""
        if self.control == self.treatment:
            return control_n + treatment_n - 2
        total = self.variance(control_n, treatment_n)
        control_share = self.control * self.control / control_n / total
        treatment_share = self.treatment * self.treatment / treatment_n / total
        inverse = control_share**2 / (control_n - 1) + treatment_share**2 / (treatment_n - 1)
        return 1 / inverse

    def power(
        self,
        effect: float,
        control_n: float,
        treatment_n: float,
        *,
        tail: float,
        alternative: str,
        distribution: Distribution = "t",
    ) -> float:
        """Probability that the test rejects; both tails of a two-sided test count.

        Args:
            effect: True treatment - control.
            control_n: Units of control, >= 2.
            treatment_n: Units of treatment, >= 2.
            tail: Probability beyond one critical value.
            alternative: ``two-sided``, ``greater`` or ``less``.
            distribution: ``t`` or ``normal``.
        """
        away = effect / math.sqrt(self.variance(control_n, treatment_n))
        if alternative == "less":
            away = -away
        freedom = self.degrees_of_freedom(control_n, treatment_n)
        near = _beyond(away, freedom, tail, distribution)
        far = _beyond(-away, freedom, tail, distribution) if alternative == "two-sided" else 0.0
        return min(1.0, near + far)

    def growing(self, reach: float, control_n: float, treatment_n: float) -> Value:
        """Lift m with m² = reach² (s_t² (1 + m)² / n_t + s_c² / n_c), of the sign of reach.

        Args:
            reach: Signed (z_a + z_b) / baseline.
            control_n: Units of control.
            treatment_n: Units of treatment.
        """
        own = reach * reach * self.treatment * self.treatment / treatment_n
        both = own + reach * reach * self.control * self.control / control_n
        if own >= 1:
            return Undefined("not_reachable")
        root = math.copysign(math.sqrt(own * own + (1 - own) * both), reach)
        lift = (own + root) / (1 - own)
        return lift if lift > -1 else Undefined("not_reachable")

    def normal_size(self, effect: float, *, tail: float, power: float, ratio: float) -> float:
        """Control units by the normal distribution: (z_a + z_b)² (s_c² + s_t²/r) / d²."""
        reach = (float(ndtri(power)) - float(ndtri(tail))) / effect
        return (
            reach
            * reach
            * (self.control * self.control + self.treatment * self.treatment / ratio)
        )

    def size(
        self, effect: float, *, tail: float, power: float, ratio: float, alternative: str
    ) -> float:
        """Control units (not rounded) at which the t test has the power."""
        start = self.normal_size(effect, tail=tail, power=power, ratio=ratio)
        if not start < NORMAL_FROM:
            return start
        least = LEAST_UNITS * max(1.0, 1 / ratio)

        def missing(control_n: float) -> float:
            reached = self.power(
                effect, control_n, control_n * ratio, tail=tail, alternative=alternative
            )
            return reached - power

        if missing(least) >= 0:
            return least
        most = 2 * max(start, least)
        while missing(most) < 0:
            most *= 2
        return root(missing, least, most, 0.0)


def _beyond(away: float, freedom: float, tail: float, distribution: Distribution) -> float:
    """Probability beyond the upper critical value when the statistic is shifted by ``away``.

    The noncentral t of scipy is nan far in the tail, where the probability is 0 or 1.
    """
    if distribution == "normal":
        return float(ndtr(away + ndtri(tail)))
    critical = float(stdtrit(freedom, tail))
    probability = float(nctdtr(freedom, -away, critical))
    return probability if math.isfinite(probability) else float(away > 0)
