"""KaireonAI: results, held against formulas of its documentation written out here."""

from __future__ import annotations

import hashlib
import math
from statistics import NormalDist
from typing import Any

import pytest

from tests.api.facades.conftest import Clock, World
from tests.api.facades.kaireon import RESULTS, made, put, told
from tests.api.facades.rules import holds

NORMAL = NormalDist()


@holds(RESULTS, rule="live data first, else the stored object; source says which (R31)")
def test_stored_results_are_told_until_there_are_data(world: World):
    one = made(world, status="active")
    nothing = told(world, one)
    assert nothing["source"] == "computed"
    put(world, one, results={"lift": 0.1})
    stored = told(world, one)
    assert (stored["source"], stored["lift"]) == ("stored", 0.1)
    world.exposures(one["key"], ["u1"])
    live = told(world, one)
    assert (live["source"], "lift" in live) == ("computed", False)
    assert sum(v["samples"] for v in live["variants"]) == 1


@holds(RESULTS, rule="without data numbers are null, never 0, and insufficientData is true")
def test_without_data_there_are_no_numbers(world: World):
    body = told(world, made(world))
    for variant in body["variants"]:
        assert (variant["samples"], variant["conversions"]) == (0, 0)
        for name in ("conversionRate", "ciLower", "ciUpper"):
            assert variant[name] is None
    block = body["uplift"]
    assert block == dict.fromkeys(block) | {
        "significant": False, "treatmentSamples": 0, "holdoutSamples": 0,
        "insufficientData": True, "reference": "champion",
    }  # fmt: skip
    assert set(block) == {
        "treatmentConversionRate", "holdoutConversionRate", "uplift", "relativeUplift",
        "zScore", "pValue", "significant", "ciLower", "ciUpper", "treatmentSamples",
        "holdoutSamples", "insufficientData", "reference",
    }  # fmt: skip
    assert body["requiredSampleSize"] is None


# What follows computes arms, rates and tests anew, from the documented hash and the textbook.


def draws(seed: str, unit: str) -> tuple[int, int]:
    """Buckets of holdout and variant."""
    digest = hashlib.sha256(f"{seed}:{unit}".encode()).digest()
    holdout, variant = (int.from_bytes(digest[i : i + 8]) % 10_000 for i in (8, 16))
    return holdout, variant


def arm_of(seed: str, unit: str, champion_bp: int, holdout_bp: int) -> str:
    holdout, variant = draws(seed, unit)
    if holdout < holdout_bp:
        return "holdout"
    return "champion" if variant < champion_bp else "m2"


def converts(unit: str, percent: int) -> bool:
    return hashlib.md5(unit.encode()).digest()[0] * 100 < percent * 256  # noqa: S324  a die


def fed(
    world: World,
    key: str,
    phase: int,
    units: int,
    percent: dict[str, int],
    *,
    champion_bp: int,
    holdout_bp: int,
) -> dict[str, tuple[int, int]]:
    """Send exposures and conversions of one phase; (units, conversions) per arm."""
    names = [f"p{phase}-{i}" for i in range(units)]
    arms = {unit: arm_of(key, unit, champion_bp, holdout_bp) for unit in names}
    won = [unit for unit in names if converts(unit, percent[arms[unit]])]
    world.events(
        *({"type": "exposure", "unit_id": u, "experiment": key} for u in names),
        *({"type": "metric", "unit_id": u, "name": "conversion"} for u in won),
        prefix=f"p{phase}-",
    )  # fmt: skip
    return {
        arm: (sum(a == arm for a in arms.values()), sum(arms[u] == arm for u in won))
        for arm in ("champion", "m2", "holdout")
    }


Counted = tuple[int, int]


def both(*groups: Counted) -> Counted:
    return sum(n for n, _ in groups), sum(x for _, x in groups)


def wilson(n: int, x: int) -> tuple[float, float]:
    z = NORMAL.inv_cdf(0.975)
    middle = (x + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(x * (n - x) / n + z * z / 4)
    return middle - half, middle + half


def stratified(strata: list[tuple[Counted, Counted]]) -> tuple[float, float, float]:
    """Mantel-Haenszel difference, ratio - 1 and score z of (reference, treatment) per phase."""
    above = below = variance = top = bottom = 0.0
    for (n, x), (m, y) in strata:
        weight, pooled = n * m / (n + m), (x + y) / (n + m)
        above += weight * (y / m - x / n)
        below += weight
        variance += weight**2 * pooled * (1 - pooled) * (1 / n + 1 / m)
        top += weight * y / m
        bottom += weight * x / n
    return above / below, top / bottom - 1, above / math.sqrt(variance)


def holds_numbers(body: Any, strata: list[tuple[Counted, Counted]]) -> None:
    """The block of the uplift is what the strata give."""
    block = body["uplift"]
    reference, treatment = (both(*(pair[i] for pair in strata)) for i in (0, 1))
    difference, relative, z = stratified(strata)
    assert (block["holdoutSamples"], block["treatmentSamples"]) == (reference[0], treatment[0])
    below = sum(n * m / (n + m) for (n, _), (m, _) in strata)
    held = sum(n * m / (n + m) * x / n for (n, x), (m, _) in strata) / below
    assert block["holdoutConversionRate"] == pytest.approx(held)
    assert block["treatmentConversionRate"] == pytest.approx(held + difference)
    assert block["uplift"] == pytest.approx(difference)
    assert block["relativeUplift"] == pytest.approx(relative)
    assert block["zScore"] == pytest.approx(z)
    assert block["pValue"] == pytest.approx(2 * NORMAL.cdf(-abs(z)), rel=1e-6)
    assert block["significant"] == (block["pValue"] < 0.05)
    outside = not block["ciLower"] < 0 < block["ciUpper"]
    assert (block["ciLower"] < difference < block["ciUpper"], outside) == (
        True, block["significant"],
    )  # fmt: skip
    assert block["insufficientData"] == any(
        n < 100 or x < 25 for n, x in (reference, treatment)
    )


@holds(RESULTS, rule="variants: samples, conversions, rate and Wilson's 95 % limits")
@holds(RESULTS, rule="without a holdout challengers are compared with the champion, pooled z")
@holds(RESULTS, rule="requiredSampleSize: per arm, alpha 0.05, power 0.8, for promoteThreshold")
def test_results_come_from_events(world: World):
    one = made(world, status="active", promoteThreshold=0.1)
    percent = {"champion": 30, "m2": 60}
    counts = fed(world, one["key"], 1, 300, percent, champion_bp=5000, holdout_bp=0)
    body = told(world, one)
    assert {name: body[name] for name in ("experimentId", "status", "source")} == {
        "experimentId": one["id"], "status": "active", "source": "computed",
    }  # fmt: skip
    for shown, arm, role in zip(
        body["variants"], ("champion", "m2"), ("champion", "challenger"), strict=True
    ):
        n, x = counts[arm]
        limits = wilson(n, x)
        assert (shown["role"], shown["samples"], shown["conversions"]) == (role, n, x)
        assert shown["conversionRate"] == pytest.approx(x / n)
        assert (shown["ciLower"], shown["ciUpper"]) == pytest.approx(limits)
    assert [v["modelId"] for v in body["variants"]] == ["m1", "m2"]
    assert body["uplift"]["reference"] == "champion"
    holds_numbers(body, [(counts["champion"], counts["m2"])])
    assert body["uplift"]["significant"] is True
    p = counts["champion"][1] / counts["champion"][0]
    q, z_alpha, z_beta = p + 0.1, NORMAL.inv_cdf(0.975), NORMAL.inv_cdf(0.8)
    mean = (p + q) / 2
    root = z_alpha * math.sqrt(2 * mean * (1 - mean))
    root += z_beta * math.sqrt(p * (1 - p) + q * (1 - q))
    assert body["requiredSampleSize"] == math.ceil((root / 0.1) ** 2)


@holds(RESULTS, rule="insufficientData where an arm has under 100 units or 25 conversions")
def test_little_data_are_called_insufficient(world: World):
    for phase, (units, percent) in enumerate(((90, 90), (300, 10))):
        one = made(world, status="active", key=f"k{phase}")
        same = {"champion": percent, "m2": percent}
        counts = fed(world, one["key"], phase, units, same, champion_bp=5000, holdout_bp=0)
        holds_numbers(told(world, one), [(counts["champion"], counts["m2"])])
        assert told(world, one)["uplift"]["insufficientData"] is True


@holds(RESULTS, rule="a holdout is measured, and all arms are compared with it (R22)")
@holds(RESULTS, rule="shares that change in flight: inside phases, not by totals")
@holds(
    RESULTS, rule="uplift is the difference of the two rates, relativeUplift their ratio - 1"
)
def test_a_holdout_and_a_split_that_change_in_flight(clock: Clock, world: World):
    one = made(world, status="active", holdoutPercent=20)
    percent = {"champion": 60, "m2": 60, "holdout": 60}
    first = fed(world, one["key"], 1, 900, percent, champion_bp=5000, holdout_bp=2000)
    assert told(world, one)["uplift"]["reference"] == "holdout"
    holds_numbers(told(world, one), [(first["holdout"], both(first["champion"], first["m2"]))])
    clock.wait(days=2)
    moved = {"trafficSplit": {"championPct": 20},
             "challengers": [{"modelId": "m2", "trafficPct": 80}]}  # fmt: skip
    assert put(world, one, **moved, holdoutPercent=5).status_code == 200
    later = {"champion": 15, "m2": 25, "holdout": 15}
    second = fed(world, one["key"], 2, 900, later, champion_bp=2000, holdout_bp=500)
    body = told(world, one)
    strata = [
        (phase["holdout"], both(phase["champion"], phase["m2"])) for phase in (first, second)
    ]
    holds_numbers(body, strata)
    (n, x), (m, y) = (both(*(pair[i] for pair in strata)) for i in (0, 1))
    assert y / m - x / n < -0.05  # totals would call it a loss
    assert body["uplift"]["uplift"] > 0
    assert [v["samples"] for v in body["variants"]] == [
        first[arm][0] + second[arm][0] for arm in ("champion", "m2")
    ]


@holds(RESULTS, rule="a holdout that alone changes opens a phase too")
def test_a_holdout_that_changes_alone(clock: Clock, world: World):
    one = made(world, status="active", holdoutPercent=40)
    many = dict.fromkeys(("champion", "m2", "holdout"), 60)
    few = dict.fromkeys(("champion", "m2", "holdout"), 15)
    first = fed(world, one["key"], 1, 400, many, champion_bp=5000, holdout_bp=4000)
    clock.wait(hours=1)
    assert put(world, one, holdoutPercent=5).status_code == 200
    second = fed(world, one["key"], 2, 400, few, champion_bp=5000, holdout_bp=500)
    holds_numbers(told(world, one), [
        (phase["holdout"], both(phase["champion"], phase["m2"])) for phase in (first, second)
    ])  # fmt: skip


@holds(RESULTS, rule="challengers against the champion over a split that changed: phases too")
def test_a_split_that_changed_without_a_holdout(clock: Clock, world: World):
    one = made(world, status="active")
    first = fed(world, one["key"], 1, 400, {"champion": 60, "m2": 60}, champion_bp=5000,
                holdout_bp=0)  # fmt: skip
    clock.wait(hours=1)
    put(world, one, trafficSplit={"championPct": 10},
        challengers=[{"modelId": "m2", "trafficPct": 90}])  # fmt: skip
    second = fed(world, one["key"], 2, 400, {"champion": 15, "m2": 15}, champion_bp=1000,
                 holdout_bp=0)  # fmt: skip
    strata = [(phase["champion"], phase["m2"]) for phase in (first, second)]
    body = told(world, one)
    holds_numbers(body, strata)
    assert body["uplift"]["reference"] == "champion"
    (n, x), (m, y) = (both(*(pair[i] for pair in strata)) for i in (0, 1))
    assert abs(y / m - x / n) > 3 * abs(body["uplift"]["uplift"])
