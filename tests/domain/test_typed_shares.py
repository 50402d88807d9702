from __future__ import annotations

import pytest

from experiments_core.domain.typed_shares import basis_points, shares_fault
from experiments_core.errors import InvalidInputError


@pytest.mark.parametrize(
    "shares",
    (
        [50, 50],
        [0.5, 0.5],
        [1 / 3, 1 / 3, 1 / 3],
        [3334, 3333, 3333],
        [1, 4],
        [20, 1],
        [33.3, 66.7],
    ),
)
def test_typed_shares_are_percent_fractions_basis_points_or_a_small_ratio(shares: list[float]):
    assert shares_fault(shares) == ""


@pytest.mark.parametrize(
    ("shares", "fault"),
    (
        ([50, 40], "adds up to 90. It must be exactly 100: 10 is missing"),
        ([33.33, 33.33, 33.33], "adds up to 99.99. It must be exactly 100: 0.01 is missing"),
        ([0.7, 0.7], "adds up to 1.4. It must be exactly 1: 0.4 is too much"),
        ([5000, 4000], "adds up to 9000. It must be exactly 10000: 1000 is missing"),
    ),
)
def test_typed_shares_that_do_not_add_up_say_by_how_much(shares: list[float], fault: str):
    assert fault in shares_fault(shares)


def test_shares_become_basis_points_that_sum_to_the_whole():
    assert basis_points({"a": 1, "b": 1, "c": 1}) == {"a": 3334, "b": 3333, "c": 3333}
    assert basis_points({"a": 0.2, "b": 0.8}) == {"a": 2000, "b": 8000}
    assert basis_points({}) == {}


@pytest.mark.parametrize("share", (0, -1, float("inf"), float("nan")))
def test_a_share_is_above_0(share: float):
    with pytest.raises(InvalidInputError, match="shares are above 0"):
        basis_points({"a": share, "b": 1})


def test_shares_that_are_no_split_are_refused_with_what_would_be_one():
    with pytest.raises(
        InvalidInputError, match="must be exactly 100: 10 is missing"
    ) as refused:
        basis_points({"a": 50, "b": 40})
    assert "percent that add up to 100" in refused.value.hint
    assert [(one.field, one.rule) for one in refused.value.details] == [("split", "SPLIT_SUM")]
