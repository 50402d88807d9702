"""Shares of a split as somebody types them: fractions, percent, basis points, or a ratio."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from experiments_core.domain.experiment import WHOLE_BP
from experiments_core.errors import InvalidInputError, Problem

WHOLES = (1.0, 100.0, float(WHOLE_BP))
LARGEST_OF_RATIO = 20
SHARES_HINT = (
    "Give percent that add up to 100, fractions that add up to 1, or a ratio of whole numbers "
    f"up to {LARGEST_OF_RATIO}, such as 1 and 4."
)


def shares_fault(shares: Sequence[float]) -> str:
    """Say why shares above 0 that somebody typed are no split; empty when they are one.

    They are fractions, percent or basis points that add up, or a ratio of small whole numbers.
    """
    total = math.fsum(shares)
    ratio = all(share <= LARGEST_OF_RATIO and share == int(share) for share in shares)
    if ratio or any(math.isclose(total, whole, rel_tol=1e-9) for whole in WHOLES):
        return ""
    whole = min(WHOLES, key=lambda one: abs(math.log(total / one)))
    gap = f"{abs(whole - total):g} is {'missing' if total < whole else 'too much'}"
    return f"The split adds up to {total:g}. It must be exactly {whole:g}: {gap}."


def basis_points(split: Mapping[str, float]) -> dict[str, int]:
    """Shares as basis points that sum to the whole, by largest remainder.

    Raises:
        InvalidInputError: a share is not above 0, or they are no split.
    """
    if not split:
        return {}
    wrong = [arm for arm, share in split.items() if not 0 < share < float("inf")]
    if wrong:
        message = f"the share of “{wrong[0]}” is {split[wrong[0]]:g}; shares are above 0"
        raise InvalidInputError(
            f"{message[:1].upper()}{message[1:]}.",
            details=(Problem("split", dict(split), "RANGE", message),),
        )
    fault = shares_fault(list(split.values()))
    if fault:
        raise InvalidInputError(
            fault,
            hint=SHARES_HINT,
            details=(Problem("split", dict(split), "SPLIT_SUM", fault),),
        )
    total = sum(split.values())
    exact = {arm: share * WHOLE_BP / total for arm, share in split.items()}
    floors = {arm: int(share) for arm, share in exact.items()}
    by_rest = sorted(exact, key=lambda arm: floors[arm] - exact[arm])
    for arm in by_rest[: WHOLE_BP - sum(floors.values())]:
        floors[arm] += 1
    return floors
