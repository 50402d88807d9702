"""Vectors: product design (checkout-button), GrowthBook SDK specification 0.8.0, FNV's page."""

from __future__ import annotations

import math
from hashlib import md5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments_core.domain.hashing import (
    bucket_ranges,
    choose_range,
    code_units,
    fnv1a32_hash,
    fnv1a_32,
    growthbook,
    growthbook_namespace,
    md5_parity,
    upshot1,
)

SEED = "checkout-button"
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("unit", "draws", "fnv", "v1", "v2"),
    (
        ("user-1", (4019, 5678, 7318), 0x79109CF7, 0.799, 0.5603),
        ("user-2", (3192, 3317, 5436), 0x7A109E8A, 0.928, 0.7878),
        ("user-3", (6781, 2150, 5069), 0x7B10A01D, 0.429, 0.8662),
        ("Zoë", (1789, 1401, 3061), 0x073ECA17, 0.426, 0.5851),
        ("00042", (6958, 8138, 6630), 0x459F1E40, 0.316, 0.7855),
    ),
)
def test_the_documented_vectors_hold(
    unit: str, draws: tuple[int, int, int], fnv: int, v1: float, v2: float
):
    assert upshot1(SEED, unit) == draws
    assert fnv1a32_hash(SEED, unit) == fnv
    assert growthbook(SEED, unit, 1) == v1
    assert growthbook(SEED, unit, 2) == v2


@pytest.mark.parametrize(
    ("text", "expected"),
    (("", 0x811C9DC5), ("a", 0xE40C292C), ("b", 0xE70C2DE5), ("foobar", 0xBF9CF968)),
)
def test_fnv1a_gives_the_published_values(text: str, expected: int):
    assert fnv1a_32(text.encode()) == expected


@pytest.mark.parametrize(
    ("seed", "value", "version", "expected"),
    (
        ("", "a", 1, 0.22), ("b", "a", 1, 0.946), ("asdf", "8952klfjas09ujk", 1, 0.549),
        ("seed", "a", 2, 0.0505), ("foo", "def", 2, 0.2019),
        ("90850943850283058242805", "123", 2, 0.7516), ("abc", "def", 99, None),
    ),
)  # fmt: skip
def test_growthbook_buckets_are_those_of_its_specification(
    seed: str, value: str, version: int, expected: float | None
):
    assert growthbook(seed, value, version) == expected


@pytest.mark.parametrize(
    ("arms", "coverage", "weights", "expected"),
    (
        (2, 0.5, None, [(0, 0.25), (0.5, 0.75)]),
        (3, 0.2, [0.2, 0.3, 0.5], [(0, 0.04), (0.2, 0.26), (0.5, 0.6)]),
        (2, -0.2, None, [(0, 0), (0.5, 0.5)]),
        (2, 1.5, None, [(0, 0.5), (0.5, 1)]),
        (2, 1, [0.7, 0.6], [(0, 0.5), (0.5, 1)]),
        (4, 1, [0.4, 0.4, 0.2], [(0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1)]),
        (2, 1, [0.4, 0.5999], [(0, 0.4), (0.4, 0.9999)]),
    ),
)
def test_growthbook_ranges_are_those_of_its_specification(
    arms: int, coverage: float, weights: list[float] | None, expected: list[tuple[float, float]]
):
    for found, wanted in zip(bucket_ranges(arms, coverage, weights), expected, strict=True):
        assert found == pytest.approx(wanted, abs=1e-12)


def test_a_bucket_outside_every_range_belongs_to_no_arm():
    ranges = bucket_ranges(2, 0.5, None)
    assert [choose_range(n, ranges) for n in (0, 0.25, 0.5, 0.74, 0.75)] == [0, -1, 1, 1, -1]


def test_a_namespace_draw_is_the_first_version_with_its_own_seed():
    # Specification 0.8.0: the ids 1 and 2 lie in [0.4, 1) of namespace1 and of namespace2.
    for namespace in ("namespace1", "namespace2"):
        for unit in ("1", "2"):
            draw = growthbook_namespace(namespace, unit)
            assert 0.4 <= draw < 1
            assert draw == growthbook(f"__{namespace}", unit, 1)


def test_characters_beyond_the_first_plane_count_as_two_code_units():
    assert list(code_units("a😀")) == [0x61, 0xD83D, 0xDE00]
    read_as_bytes = growthbook("s", "😀", 2, reading="utf-8")
    assert growthbook("s", "😀", 2) != read_as_bytes


@given(ANY_TEXT, ANY_TEXT)
def test_the_parity_is_that_of_the_whole_md5(comparison: str, unit: str):
    whole = int(md5(f"{comparison}-{unit}".encode()).hexdigest(), 16)  # noqa: S324
    assert md5_parity(comparison, unit) == whole % 2


@given(ANY_TEXT, ANY_TEXT)
def test_buckets_are_between_0_and_9999(seed: str, unit: str):
    assert all(0 <= draw < 10_000 for draw in upshot1(seed, unit))


def test_the_three_draws_are_independent_and_uniform():
    draws = [upshot1("independence", f"user-{i}") for i in range(40_000)]
    tables = [(a, b) for a in range(3) for b in range(a + 1, 3)]
    for a, b in tables:
        counts = [[0] * 10 for _ in range(10)]
        for draw in draws:
            counts[draw[a] // 1000][draw[b] // 1000] += 1
        chi = sum((n - 400) ** 2 / 400 for row in counts for n in row)
        # 99 degrees of freedom: 99.9 % of chi-squares lie below 148.2.
        assert chi < 148.2, (a, b, chi)
        assert not math.isnan(chi)
