"""Whole things shared out by weight, so that nothing is lost to rounding."""

from __future__ import annotations

from collections.abc import Sequence

from experiments_core.domain.experiment import WHOLE_BP


def largest_remainder(total: int, weights: Sequence[int]) -> list[int]:
    """Share out whole things by weight (Hamilton's method); ties to the earlier one.

    >>> largest_remainder(10, [3334, 3333, 3333])
    [4, 3, 3]
    """
    whole = sum(weights) or 1
    shares = [total * weight // whole for weight in weights]
    rests = [total * weight % whole for weight in weights]
    order = sorted(range(len(weights)), key=lambda i: (-rests[i], i))
    for i in order[: total - sum(shares)]:
        shares[i] += 1
    return shares


def equal_weights(n: int) -> list[int]:
    """Split the whole among ``n`` arms in basis points; what is left over goes to the first.

    >>> equal_weights(3)
    [3334, 3333, 3333]
    """
    return largest_remainder(WHOLE_BP, [1] * n)
