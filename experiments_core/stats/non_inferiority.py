"""Planning a guardrail: how many units show that a metric is not worse by a margin.

The plan is for the test that will judge it: the treatment against the margin, one-sided, at
half the level of the interval on the screen. A relative margin holds the treatment against
(1 - margin) control - or (1 + margin), where less is better - so control's noise counts that
many times.

Source: Chow, Shao & Wang 2008, Sample Size Calculations in Clinical Research, ch. 3 and 4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from experiments_core.stats.contrasts import harmful_direction
from experiments_core.stats.estimate import Undefined, Value
from experiments_core.stats.plan_values import checked_tail, no_units
from experiments_core.stats.roots import root
from experiments_core.stats.t_power import LEAST_UNITS, Distribution, Spread

MOST_MARGIN = 2.0**40
"""Beyond so many standard errors no margin is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrail:
    """A guardrail that is planned for; without a spread it is a rate.

    Attributes:
        control: Expected rate of control, inside (0, 1), or its mean; a mean of an absolute
            margin may be left out.
        treatment: True rate or mean of treatment; control's when left out.
        standard_deviation: Of one unit; for a ratio of sums that of its linearised value.
        relative: Margins are fractions of control, not differences.
        preferred_direction: ``increase`` or ``decrease``: which change is good.
        alpha: One-sided: half the level of the interval on the screen.
    """

    control: float | None = None
    treatment: float | None = None
    standard_deviation: float | None = None
    relative: bool = False
    preferred_direction: str = "increase"
    alpha: float = 0.025

    def size(self, margin: float, power: float = 0.8, allocation_ratio: float = 1.0) -> Value:
        """Control units, before rounding up, that show the margin with the power.

        Args:
            margin: Largest harm accepted, > 0.
            power: Chance to show it.
            allocation_ratio: Treatment units / control units.

        Returns:
            ``target_outside_range`` for a rate outside (0, 1) or a margin not above 0;
            ``nonpositive_control`` for a fraction of a mean not above 0; ``no_variance``;
            ``not_reachable`` if the treatment is truly worse by the margin or more.
        """
        tail = checked_tail(self.alpha, "greater", 1, power=power, ratio=allocation_ratio)
        reason = self.missing or (None if margin > 0 else Undefined("target_outside_range"))
        if reason is not None:
            return reason
        room, spread = self._room(margin), self._spread(margin)
        if not room > 0:
            return Undefined("not_reachable")
        how = {"tail": tail, "power": power, "ratio": allocation_ratio}
        if self._distribution == "normal":
            return spread.normal_size(room, **how)
        return spread.size(room, **how, alternative="greater")

    def power(self, margin: float, control_n: float, treatment_n: float) -> Value:
        """Chance that so many units show the margin; the reasons of :meth:`size`."""
        tail = checked_tail(self.alpha, "greater", 1)
        reason = self.missing or no_units(control_n, treatment_n, self._least)
        if reason is not None:
            return reason
        return self._power(margin, (control_n, treatment_n), tail)

    def margin(self, control_n: float, treatment_n: float, power: float = 0.8) -> Value:
        """Smallest margin that so many units show with the power.

        Returns:
            A number > 0; besides the reasons of :meth:`size` ``not_reachable`` where not even
            a harm of 100 % could be excluded (where less is better: any harm).
        """
        tail = checked_tail(self.alpha, "greater", 1, power=power)
        reason = self.missing or no_units(control_n, treatment_n, self._least)
        if reason is not None:
            return reason
        units = (control_n, treatment_n)

        def lacking(margin: float) -> float:
            return self._power(margin, units, tail) - power

        worse = harmful_direction(self.preferred_direction) < 0
        far = 1.0 if self.relative and worse else self._step(units)
        edge = far if self.relative and worse else far * MOST_MARGIN
        while lacking(far) < 0 and far < edge:
            far *= 2
        if lacking(far) < 0:
            return Undefined("not_reachable")
        if lacking(0.0) >= 0:
            return 0.0
        return root(lacking, 0.0, far, 0.0)

    @property
    def missing(self) -> Undefined | None:
        """Why there is nothing to plan."""
        levels = [self.control, self._target]
        if self.standard_deviation is None:
            inside = all(one is not None and 0 < one < 1 for one in levels)
            return None if inside else Undefined("target_outside_range")
        if self.relative and not (self.control is not None and 0 < self.control < math.inf):
            return Undefined("nonpositive_control")
        if any(one is not None and not math.isfinite(one) for one in levels):
            return Undefined("non_finite_input")
        return self._spread(0.0).missing

    @property
    def _target(self) -> float | None:
        return self.control if self.treatment is None else self.treatment

    @property
    def _distribution(self) -> Distribution:
        return "normal" if self.standard_deviation is None else "t"

    @property
    def _least(self) -> int:
        return 1 if self.standard_deviation is None else LEAST_UNITS

    def _room(self, margin: float) -> float:
        """How far the true effect lies on the good side of the margin."""
        harm, control = harmful_direction(self.preferred_direction), self.control or 0.0
        effect = (self._target or 0.0) - control
        return margin * (control if self.relative else 1.0) - harm * effect

    def _spread(self, margin: float) -> Spread:
        """Of one unit of each arm, as it enters the test."""
        if self.standard_deviation is None:
            control, treatment = self.control or 0.0, self._target or 0.0
            return Spread(*(math.sqrt(p * (1 - p)) for p in (control, treatment)))
        times = 1.0
        if self.relative:
            times += harmful_direction(self.preferred_direction) * margin
        return Spread.of(abs(times) * self.standard_deviation, self.standard_deviation)

    def _power(self, margin: float, units: tuple[float, float], tail: float) -> float:
        spread, room = self._spread(margin), self._room(margin)
        return spread.power(
            room, *units, tail=tail, alternative="greater", distribution=self._distribution
        )

    def _step(self, units: tuple[float, float]) -> float:
        """A first margin to look at: one standard error."""
        error = math.sqrt(self._spread(0.0).variance(*units))
        return error / (self.control or 1.0) if self.relative else error
