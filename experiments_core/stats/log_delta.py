"""The lift of two means on the scale of logarithms, as many tools print it; on request.

The interval is symmetric around the logarithm of the ratio, so exchanging the arms turns it
into its reciprocal; it may disagree with Welch's test. Degrees of freedom are its own
(Satterthwaite, of the variances on the logarithmic scale).

Source: the delta method, as in Katz, Baptista, Azen & Pike 1978, Biometrics 34:469-474.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from experiments_core.stats.contrasts import MeanPair, critical_value, t_p_value
from experiments_core.stats.estimate import Estimate, Interval, TestResult, value

METHOD = "log_delta"


@dataclass(frozen=True, slots=True)
class LogRatio:
    """The logarithm of treatment / control, both above 0.

    Attributes:
        ratio: Treatment / control.
        error: Standard error of its logarithm.
        degrees_of_freedom: Of that error.
    """

    ratio: float
    error: float
    degrees_of_freedom: float

    def lift(self, confidence_level: float) -> Estimate:
        """The lift with its interval."""
        reach = critical_value(self.degrees_of_freedom, (1 - confidence_level) / 2) * self.error
        low, high = (value(self._moved(step), "unbounded") for step in (-reach, reach))
        interval = Interval(low, high, confidence_level, METHOD)
        return Estimate(value(self.ratio - 1), interval)

    def test(self) -> TestResult:
        """Its own two-sided test of "no difference"."""
        t = math.log(self.ratio) / self.error
        p_value = t_p_value(t, self.degrees_of_freedom, "two-sided")
        return TestResult(t, p_value, METHOD, "two-sided", self.degrees_of_freedom)

    def _moved(self, step: float) -> float:
        try:
            return math.expm1(math.log(self.ratio) + step)
        except OverflowError:
            return math.inf


def log_ratio(pair: MeanPair, sizes: tuple[int, int]) -> LogRatio | None:
    """The ratio of two means on the logarithmic scale; None unless both are above 0.

    Args:
        pair: The two means.
        sizes: Units of control and treatment, 2 or more each.
    """
    if min(pair.control, pair.treatment) <= 0 or min(sizes) < 2:
        return None
    parts = [
        variance / mean / mean
        for variance, mean in (
            (pair.control_variance, pair.control),
            (pair.treatment_variance, pair.treatment),
        )
    ]
    shared = pair.covariance / pair.control / pair.treatment
    square = math.fsum(parts) - 2 * shared
    if not 0 < square < math.inf:
        return None
    below = math.fsum(
        (part / math.fsum(parts)) ** 2 / (n - 1) for part, n in zip(parts, sizes, strict=True)
    )
    return LogRatio(pair.treatment / pair.control, math.sqrt(square), 1 / below)
