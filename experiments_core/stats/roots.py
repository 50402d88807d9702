"""Bracketed root search that needs nothing of SciPy's slow-to-import optimisers.

Chandrupatla's hybrid of bisection and inverse quadratic interpolation: Chandrupatla 1997,
Advances in Engineering Software 28:145-149.
"""

from __future__ import annotations

import math
from collections.abc import Callable

Function = Callable[[float], float]

_EPSILON = 2.0**-52
_MOST_STEPS = 200


def root(
    function: Function, near: float, far: float, tolerance: float, enough: float = 0.0
) -> float:
    """Return where ``function`` changes sign between two points.

    Args:
        function: Continuous; may be infinite at ``far``.
        near: One end of the bracket.
        far: The other end; the function has the opposite sign there.
        tolerance: Absolute error allowed, besides the last bit of the root.
        enough: Size of the function that is nothing but rounding, and so a root.
    """
    a, b = far, near
    at_a, at_b = function(a), function(b)
    if at_b == 0:
        return b
    best = b
    share = at_a / (at_a - at_b) if math.isfinite(at_a) and at_a != at_b else 0.5
    share = min(0.95, max(0.05, share))
    for _ in range(_MOST_STEPS):
        x = a + share * (b - a)
        at_x = function(x)
        if (at_x > 0) == (at_a > 0):
            c, at_c = a, at_a
        else:
            c, at_c, b, at_b = b, at_b, a, at_a
        a, at_a = x, at_x
        best, at_best = (a, at_a) if abs(at_a) < abs(at_b) else (b, at_b)
        reach = 0.5 * tolerance + 2 * _EPSILON * abs(best)
        least = reach / abs(b - c) if b != c else 1.0
        if least >= 0.5 or abs(at_best) <= enough:
            return best
        share = min(1 - least, max(least, _next_share((a, at_a), (b, at_b), (c, at_c))))
    return best


def outside(function: Function, inside: float, step: float, edge: float) -> tuple[float, float]:
    """Walk from ``inside`` in doubling steps until ``function`` is positive.

    Args:
        function: Not positive at ``inside``.
        inside: Where to start.
        step: First step; its sign is the direction.
        edge: Never go beyond this point.

    Returns:
        The last point that is not positive and the first that is (or the edge).
    """
    far = inside
    while far != edge:
        far = inside + step
        if (far - edge) * step >= 0:
            far = edge
        if function(far) > 0:
            break
        inside, step = far, 2 * step
    return inside, far


def _next_share(
    a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]
) -> float:
    """Where to look next between a and b; c is the point before."""
    xi = (a[0] - b[0]) / (c[0] - b[0])
    phi = (a[1] - b[1]) / (c[1] - b[1]) if c[1] != b[1] else math.nan
    if phi * phi < xi and (1 - phi) * (1 - phi) < 1 - xi:
        reach = (c[0] - a[0]) / (b[0] - a[0])
        first = a[1] / (b[1] - a[1]) * c[1] / (b[1] - c[1])
        return first + reach * a[1] / (c[1] - a[1]) * b[1] / (c[1] - b[1])
    return 0.5
