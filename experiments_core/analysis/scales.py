"""Very large and very small amounts in a power of ten, so that their digits stay readable."""

from __future__ import annotations

import math
from typing import NamedTuple

LARGE, SMALL = 1e6, 1e-3
LEAST_POWER = -30
"""Amounts this small are nothing beside their noise, which has to stay printable."""
NAMED = {6: "M", 9: "bn"}
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Scale(NamedTuple):
    """What amounts are divided by, and what is written behind them for it."""

    size: float
    sign: str


PLAIN = Scale(1.0, "")


def scale_for(largest: float) -> Scale:
    """``M`` from a million, ``bn`` from a billion, ``×10⁻⁶`` for two hundred-thousandths.

    Args:
        largest: Size of the largest amount that is shown; all of them get one scale.
    """
    if largest == 0 or SMALL <= largest < LARGE or not math.isfinite(largest):
        return PLAIN
    power = max(LEAST_POWER, 3 * math.floor(math.log10(largest) / 3))
    return Scale(10.0**power, NAMED.get(power, f"×10{str(power).translate(RAISED)}"))
