"""Limits that invert the score tests: everything that the test does not reject.

The hypothesis "no difference" is an end of the search bracket, on the side where the test has
put it. So p-value and limits agree to the last bit, and would even if a statistic over several
phases were not monotone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from experiments_core.stats import score
from experiments_core.stats.estimate import Interval, TestResult, Undefined, Value
from experiments_core.stats.normal import critical_value
from experiments_core.stats.roots import outside, root

_UNBOUNDED = Undefined("unbounded")
_FARTHEST = 700.0
"""Logarithm of a ratio beyond anything that counts can support."""
_PRECISION = 1e-15


@dataclass(frozen=True, slots=True)
class ScoreIntervals:
    """The limits that belong to one test at one level.

    Attributes:
        cells: Phases that have both arms.
        test: The test of "no difference" on the same cells.
        alpha: What its p-value is compared with.
        tail: Probability beyond one critical value.
    """

    cells: Sequence[score.Cell]
    test: TestResult
    alpha: float
    tail: float

    def difference(self) -> Interval:
        """Mee's limits of the difference, in fractions; -1 and 1 if nothing is rejected."""
        estimate, z = score.weighted_difference(self.cells), critical_value(self.tail)
        error = score.difference_error(self.cells, estimate)
        # Nothing varies in 0/n against 0/n: there the limit is z²/(n + z²).
        step = z * (error or z / (z * z + min(min(n, m) for _, n, _, m, _ in self.cells)))

        def statistic(delta: float) -> float:
            return score.difference_statistic(self.cells, delta)

        return self._interval(lambda side: self._limit(statistic, estimate, side, step, 1.0))

    def relative_lift(self) -> Interval:
        """Koopman's limits of the ratio, less 1."""
        control = math.fsum(w * x / n for w, n, x, _, _ in self.cells)
        treatment = math.fsum(w * x / n for w, _, _, n, x in self.cells)
        if control == treatment == 0:
            missing = Undefined("zero_control")
            return Interval(missing, missing, 1 - 2 * self.tail, "score")
        events = [sum(cell[i] for cell in self.cells) for i in (2, 4)]
        step = critical_value(self.tail) * math.sqrt(sum(1 / max(1, x) for x in events))
        estimate = math.inf
        if control > 0:
            lift = score.weighted_difference(self.cells) / control
            estimate = math.log1p(lift) if treatment > 0 else -math.inf

        def statistic(log_ratio: float) -> float:
            return score.ratio_statistic(self.cells, log_ratio)

        def one(side: int) -> Value:
            if estimate == side * math.inf:
                return _UNBOUNDED if side > 0 else -1.0
            return math.expm1(self._limit(statistic, estimate, side, min(step, 1.0), _FARTHEST))

        return self._interval(one)

    def _interval(self, limit: Callable[[int], Value]) -> Interval:
        """Both limits; a one-sided test leaves the other side open."""
        lower = _UNBOUNDED if self.test.alternative == "less" else limit(-1)
        upper = _UNBOUNDED if self.test.alternative == "greater" else limit(1)
        return Interval(lower, upper, 1 - 2 * self.tail, "score")

    def _limit(
        self,
        statistic: Callable[[float], float],
        estimate: float,
        side: int,
        step: float,
        farthest: float,
    ) -> float:
        """One limit: -1 the lower, 1 the upper.

        Args:
            statistic: Z against a hypothesis, falling in it.
            estimate: Where the statistic is 0; may be infinite.
            side: -1 for the lower limit, 1 for the upper.
            step: First guess of how far the limit lies from the estimate.
            farthest: The limit, but for its sign, if nothing inside is rejected.
        """
        critical = critical_value(self.tail)

        @cache
        def beyond(hypothesis: float) -> float:
            return -side * statistic(hypothesis) - critical

        excluded = self._excludes(side)
        zero_is_outward = (0.0 - estimate) * side > 0
        if zero_is_outward and excluded != (beyond(0.0) > 0):
            # A rounding error between p-value and critical value: the p-value has decided.
            return math.nextafter(0.0, estimate) if excluded else 0.0
        if excluded:
            inside, far = _from_zero(beyond, estimate, side, step)
        else:
            inside, edge = (0.0 if zero_is_outward else estimate), side * farthest
            if inside == edge:
                return edge
            inside, far = outside(beyond, inside, side * step, edge)
        found = root(beyond, inside, far, _PRECISION * step, _PRECISION * critical)
        return found if found or not excluded else math.nextafter(0.0, estimate)

    def _excludes(self, side: int) -> bool:
        """Whether the test puts the whole interval on the far side of "no difference"."""
        p, z = self.test.p_value, self.test.statistic
        if isinstance(p, Undefined) or isinstance(z, Undefined):
            return False
        return p < self.alpha and z * side < 0


def _from_zero(
    beyond: Callable[[float], float], estimate: float, side: int, step: float
) -> tuple[float, float]:
    """Bracket a limit between the estimate and 0, which is rejected."""
    if math.isfinite(estimate):
        return outside(beyond, estimate, side * step, 0.0)
    inside = far = 0.0
    while beyond(inside) > 0:
        far, inside, step = inside, inside - side * step, 2 * step
    return inside, far
