"""Planning: how many days until the planned units have come."""

from __future__ import annotations

import math

from experiments_core.stats.estimate import Undefined
from experiments_core.stats.plan_values import (
    Duration,
    Whole,
    round_up,
)


def duration_days(
    total: Whole,
    daily_units: float,
    allocation: float = 1.0,
    *,
    conversion_window_days: int = 0,
) -> Duration:
    """Days until the planned units have come.

    Args:
        total: Units of all arms.
        daily_units: New eligible units a day: somebody who comes back does not add.
        allocation: Share of them that enters the test, a fraction.
        conversion_window_days: Days that the last unit is watched.
    """
    entering = daily_units * allocation
    if isinstance(total, Undefined):
        return Duration(total, total, total)
    if not 0 < entering < math.inf:
        nobody = Undefined("not_reachable")
        return Duration(nobody, nobody, nobody)
    days = round_up(total / entering)
    weeks = 7 * math.ceil(days / 7)
    return Duration(days, weeks, weeks + conversion_window_days)
