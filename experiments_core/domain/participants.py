"""Named participants: a list of units cut into arms at the weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from experiments_core.domain.hashing import upshot1
from experiments_core.domain.shares import largest_remainder


def duplicates(units: Iterable[str]) -> list[str]:
    """Units named more than once, each once, in the order of their second mention."""
    seen: set[str] = set()
    twice: dict[str, None] = {}
    for unit in units:
        if unit in seen:
            twice[unit] = None
        seen.add(unit)
    return list(twice)


def cut_list(seed: str, units: Sequence[str], weights_bp: Mapping[str, int]) -> dict[str, str]:
    """Cut a batch of named units at the weights: 10 units at 50 / 50 are always 5 and 5.

    The units are sorted by their variant draw (then by id) and cut by largest remainder, ties
    to the earlier arm. People added later are a batch of their own.

    Returns:
        Unit -> variant key, in the order of ``units``.
    """
    order = sorted(units, key=lambda unit: (upshot1(seed, unit).variant, unit))
    shares = largest_remainder(len(units), list(weights_bp.values()))
    keys = [key for key, n in zip(weights_bp, shares, strict=True) for _ in range(n)]
    arms = dict(zip(order, keys, strict=True))
    return {unit: arms[unit] for unit in units}
