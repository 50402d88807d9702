from __future__ import annotations

import pytest

from experiments_core.errors import RateLimitedError
from experiments_core.services.rate_limits import MOST_HOLDERS, Buckets


class Seconds:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def allowed(buckets: Buckets, times: int, limit: int = 60) -> int:
    passed = 0
    for _ in range(times):
        try:
            buckets.take("x", "a", limit)
        except RateLimitedError:
            continue
        passed += 1
    return passed


def test_a_burst_of_twice_the_limit_passes_exactly_the_limit():
    assert allowed(Buckets(Seconds()), 120) == 60


def test_it_fills_evenly_and_never_beyond_its_limit():
    clock = Seconds()
    buckets = Buckets(clock)
    allowed(buckets, 60)
    clock.now = 10.0
    assert allowed(buckets, 100) == 10
    clock.now = 10_000.0
    assert allowed(buckets, 100) == 60


def test_a_refusal_says_how_long_to_wait_and_takes_nothing():
    clock = Seconds()
    buckets = Buckets(clock)
    buckets.take("x", "a", 60, 50)
    with pytest.raises(RateLimitedError) as refused:
        buckets.take("x", "a", 60, 20)
    assert refused.value.retry_after == 10
    assert buckets.take("x", "a", 60, 10).remaining == 0


def test_more_than_it_holds_passes_when_it_is_full():
    buckets = Buckets(Seconds())
    assert buckets.take("x", "a", 10, 25).remaining == 0
    with pytest.raises(RateLimitedError):
        buckets.take("x", "a", 10, 1)


def test_each_holder_and_each_kind_has_a_bucket_of_its_own():
    buckets = Buckets(Seconds())
    buckets.take("x", "a", 1)
    buckets.take("x", "b", 1)
    buckets.take("y", "a", 1)
    with pytest.raises(RateLimitedError):
        buckets.take("x", "a", 1)


def test_what_is_remembered_is_bounded():
    buckets = Buckets(Seconds())
    for i in range(MOST_HOLDERS + 500):
        buckets.take("x", str(i), 5)
    assert len(buckets) == MOST_HOLDERS
