"""Planning a guardrail: how many units show that a rate is not worse by a margin."""

from __future__ import annotations

from experiments_core.stats.contrasts import harmful_direction, tail_probability
from experiments_core.stats.estimate import Undefined, Value
from experiments_core.stats.normal import critical_value


def non_inferiority_size_rates(
    *,
    control_rate: float,
    treatment_rate: float,
    margin: float,
    alpha: float = 0.025,
    power: float = 0.8,
    preferred_direction: str = "increase",
) -> Value:
    """Units per arm, before rounding up, of an equal split.

    n = (z_alpha + z_power)² (p_c q_c + p_t q_t) / (margin + gain)².

    Args:
        control_rate: Expected rate of control, inside (0, 1).
        treatment_rate: True rate of treatment, often the same.
        margin: Largest harm accepted, an absolute difference > 0.
        alpha: One-sided: half the level of the interval on the screen.
        power: Chance to show it.
        preferred_direction: ``increase`` or ``decrease``: which change is good.

    Returns:
        ``target_outside_range`` for a rate outside (0, 1); ``not_reachable`` if the treatment
        is truly worse by the margin or more.

    Source: Chow, Shao & Wang 2008, Sample Size Calculations in Clinical Research, ch. 4.
    """
    if not (0 < control_rate < 1 and 0 < treatment_rate < 1):
        return Undefined("target_outside_range")
    gain = -harmful_direction(preferred_direction) * (treatment_rate - control_rate)
    room = margin + gain
    if not room > 0:
        return Undefined("not_reachable")
    z = critical_value(tail_probability(alpha, "greater")) + critical_value(1 - power)
    variance = control_rate * (1 - control_rate) + treatment_rate * (1 - treatment_rate)
    return z * z * variance / (room * room)
