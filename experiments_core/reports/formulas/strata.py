"""Phases beside each other: their weights, and what a cell of one arm holds.

Control comes before treatment. A stratum (a phase) is a pair ``(control, treatment)``; an arm
of a rate is ``(n, x)``, an arm of a mean ``(n, mean, variance)``.
"""

from collections.abc import Sequence

RateArm = tuple[int, int]
MeanArm = tuple[int, float, float]
RateStrata = Sequence[tuple[RateArm, RateArm]]
MeanStrata = Sequence[tuple[MeanArm, MeanArm]]
Number = float | None  # None: the number does not exist
Limits = tuple[Number, Number]


def weights(strata: Sequence[tuple[Sequence[float], Sequence[float]]]) -> list[float]:
    """Share of each phase: n_c n_t / (n_c + n_t), scaled to the sum 1.

    A phase without one arm has weight 0; with several phases of means, so has a phase with a
    single unit in an arm.
    """
    least = 2 if len(strata) > 1 and len(strata[0][0]) == 3 else 1
    raw = [c[0] * q[0] / (c[0] + q[0]) if min(c[0], q[0]) >= least else 0.0 for c, q in strata]
    return [w / sum(raw) for w in raw]


def weighted(strata: RateStrata | MeanStrata, side: int) -> float:
    """Rate or mean of one side (0 control, 1 treatment), phases weighted alike."""
    return sum(
        w * (pair[side][1] / pair[side][0] if len(pair[side]) == 2 else pair[side][1])
        for w, pair in zip(weights(strata), strata, strict=True)
        if w
    )
