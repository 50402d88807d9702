import math
from collections.abc import Callable

import pytest

from experiments_core.stats.roots import outside, root


@pytest.mark.parametrize(
    ("function", "near", "far", "expected"),
    (
        (lambda x: x * x - 2, 0.0, 2.0, math.sqrt(2)),
        (lambda x: x * x - 2, 2.0, 0.0, math.sqrt(2)),
        (lambda x: math.tan(x) - 1, 0.0, 1.5, math.pi / 4),
        (lambda x: x**9, -1.0, 0.5, 0.0),
        (lambda x: math.exp(x) - 1e-9, -100.0, 10.0, math.log(1e-9)),
    ),
)
def test_a_bracketed_root_is_found(
    function: Callable[[float], float], near: float, far: float, expected: float
):
    assert root(function, near, far, 1e-15) == pytest.approx(expected, rel=1e-14, abs=2e-15)


def test_a_function_may_be_infinite_at_the_far_end():
    def function(x: float) -> float:
        return math.inf if x >= 1 else x - 0.25

    assert root(function, 0.0, 1.0, 1e-15) == pytest.approx(0.25, abs=1e-15)


def test_a_root_at_the_near_end_is_returned_as_it_is():
    assert root(lambda x: x, 0.0, 1.0, 1e-15) == 0.0


def test_walking_outwards_brackets_the_change_of_sign():
    inside, far = outside(lambda x: x - 10, 0.0, 1.0, 100.0)
    assert inside <= 10 < far <= 20
    inside, far = outside(lambda x: -x - 10, 0.0, -1.0, -100.0)
    assert far < -10 <= inside


def test_walking_outwards_stops_at_the_edge():
    assert outside(lambda _: -1.0, 0.0, 0.3, 1.0)[1] == 1.0


def test_a_function_too_flat_to_change_gives_an_end_and_no_division_by_zero():
    assert 1.0 <= root(lambda _: 1e-9, 1.0, 2.0, 1e-6) <= 2.0
