"""Ratios as lines: per unit one number whose mean is the ratio, with or without a covariate.

An arm of a ratio with a covariate (Y over N, and X, perhaps over D) is ``(n, means, table of
variances and covariances)`` of these columns; without one it has the form of ``kinds``.

Sources: Deng, Knoblich & Lu 2018 (ratios); Deng, Xu, Kohavi & Walker 2013 (CUPED).
"""

from collections.abc import Sequence
from typing import Any


def line(cell: Any) -> tuple[int, float, float]:
    """A ratio as the mean of (Y - R N) / N̄ + R: n, R and the variance of one unit."""
    n, y, d, yy, dd, yd = cell
    if n == 0 or d == 0:
        return 0, 0.0, 0.0
    ratio = y / d
    return n, ratio, (yy - 2 * ratio * yd + ratio * ratio * dd) / (d * d)


def outcome(cell: Any) -> tuple[int, float, float]:
    """The outcome of an adjusted mean alone."""
    return cell[0], cell[1], cell[3]


def added(cells: Sequence[Any]) -> Any:
    """Groups of units with two columns added up (Chan, Golub & LeVeque 1983)."""
    whole = sum(cell[0] for cell in cells)
    if whole == 0:
        return cells[0]
    means = [sum(cell[0] * cell[i] for cell in cells) / whole for i in (1, 2)]

    def squares(i: int, j: int, place: int) -> float:
        inside = sum((cell[0] - 1) * cell[place] for cell in cells if cell[0])
        between = sum(
            cell[0] * (cell[i] - means[i - 1]) * (cell[j] - means[j - 1]) for cell in cells
        )
        return float((inside + between) / max(1, whole - 1))

    return (whole, *means, squares(1, 1, 3), squares(2, 2, 4), squares(1, 2, 5))


def own_line(kind: str, cell: Any) -> tuple[int, float, float]:
    """The outcome of one arm alone, brought to n, mean and variance of one unit."""
    if kind == "adjusted_ratio":
        return line(without_before(cell))
    return line(cell) if kind == "ratio" else outcome(cell)


def without_before(cell: Any) -> Any:
    """A ratio with a covariate as one without."""
    n, means, table = cell
    return n, means[0], means[1], table[0][0], table[1][1], table[0][1]


def added_tables(cells: Sequence[Any]) -> Any:
    """Groups of units with several columns added up."""
    cells = [cell for cell in cells if cell[0]] or [cells[0]]
    if len(cells) == 1:
        return cells[0]
    whole = sum(cell[0] for cell in cells)
    columns = range(len(cells[0][1]))
    means = [sum(n * own[i] for n, own, _ in cells) / whole for i in columns]

    def entry(i: int, j: int) -> float:
        squares = sum(
            (n - 1) * table[i][j] + n * (own[i] - means[i]) * (own[j] - means[j])
            for n, own, table in cells
        )
        return float(squares / max(1, whole - 1))

    return whole, means, [[entry(i, j) for j in columns] for i in columns]


def two_lines(cell: Any, *, before: bool) -> Any:
    """Ratio and covariate as two columns with a mean, in the form of ``kinds``; or None.

    Without ``before``, the covariate counts as 0 for everybody.
    """
    n, means, table = cell
    if not n or not means[1]:
        return None
    ratio = means[0] / means[1]
    first = [1 / means[1], -ratio / means[1], 0.0, 0.0]
    below = means[3] if len(means) == 4 else 1.0
    ahead = means[2] / below if before else 0.0
    second = [0.0, 0.0, 1 / below, -ahead / below] if before else [0.0] * 4

    def product(left: Sequence[float], right: Sequence[float]) -> float:
        return float(
            sum(
                left[i] * right[j] * table[i][j]
                for i in range(len(means))
                for j in range(len(means))
            )
        )

    return (
        n, ratio, ahead, max(0.0, product(first, first)), max(0.0, product(second, second)),
        product(first, second),
    )  # fmt: skip


def lined_up(cells: Sequence[Any]) -> Any:
    """The arms of one phase with two columns each, all of them together, and their shares.

    The shares are those of each arm in the covariate's mean over all arms. None where an arm
    has nobody, or no denominator.
    """
    if not all(cell[0] for cell in cells):
        return None
    sizes = [float(cell[0]) for cell in cells]
    if len(cells[0]) == 6:
        return cells, added(cells), [size / sum(sizes) for size in sizes]
    below = [n * means[3] if len(means) == 4 else n for n, means, _ in cells]
    before = all(below)
    lines = [two_lines(cell, before=before) for cell in (*cells, added_tables(cells))]
    if None in lines:
        return None
    sizes = below if before else sizes
    return lines[:-1], lines[-1], [size / sum(sizes) for size in sizes]
