"""The calculator over HTTP: each of its questions, and numbers of the literature."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Client


@pytest.mark.parametrize(
    ("asked", "field"),
    (
        ({"baseline": 0.1, "minimum_detectable_effect": 0.02}, "total"),
        ({"baseline": 0.1, "solve_for": "effect", "units": 10_000}, "increase"),
        (
            {"baseline": 0.1, "minimum_detectable_effect": 0.2, "relative": True,
             "solve_for": "power", "days": 10, "daily_units": 1000},
            "power",
        ),
        (
            {"kind": "mean", "standard_deviation": 10, "minimum_detectable_effect": 1,
             "weights_bp": [8000, 2000], "daily_units": 500, "solve_for": "days"},
            "days",
        ),
        (
            {"kind": "ratio", "standard_deviation": 0.3, "minimum_detectable_effect": 0.02},
            "total",
        ),
        (
            {"baseline": 0.1, "non_inferiority_margin": 0.05, "units": 1000,
             "solve_for": "power"},
            "power",
        ),
        ({"baseline": 0.1, "units": 1000, "solve_for": "margin"}, "non_inferiority_margin"),
    ),
)  # fmt: skip
def test_the_calculator_answers_each_of_its_questions(
    api: Client, asked: dict[str, Any], field: str
):
    data = api.post("/plan", asked).json()["data"]
    assert data[field] is not None


def test_the_calculator_agrees_with_the_printed_plan(api: Client):
    """Fleiss: 10 % against 12 %, alpha 5 %, power 80 %: 3 841 per arm without correction."""
    asked = {"baseline": 0.10, "minimum_detectable_effect": 0.02}
    data = api.post("/plan", asked).json()["data"]
    assert [arm["units"] for arm in data["per_arm"]] == [3841, 3841]
    assert data["design"]["kind"] == "proportion"
    assert (data["total"], data["days"]) == (7682, None)
    assert {"effect", "power"} <= data["curve"][0].keys()


def test_the_calculator_plans_a_guardrail(api: Client):
    """Chow, Shao & Wang 2008, ch. 4: (1.959964 + 0.841621)² 2 0.1 0.9 / 0.01² = 14 128."""
    asked = {"baseline": 0.10, "non_inferiority_margin_absolute": 0.01, "daily_units": 1000}
    data = api.post("/plan", asked).json()["data"]
    assert (data["units"], data["days"]) == ([14_128, 14_128], 29)
    mean = {"kind": "mean", "standard_deviation": 3, "non_inferiority_margin": 0.1}
    assert api.post("/plan", mean).status_code == 422


@pytest.mark.parametrize(
    "asked",
    (
        {},
        {"baseline": 0.1, "non_inferiority_margin": 0.1, "solve_for": "effect"},
        {"baseline": 0.1},
        {"baseline": 2, "minimum_detectable_effect": 0.1},
        {"baseline": 0.1, "minimum_detectable_effect": 0.1, "solve_for": "days"},
        {"baseline": 0.1, "solve_for": "effect"},
        {"minimum_detectable_effect": 0.1, "relative": True},
    ),
)
def test_the_calculator_names_what_is_missing(api: Client, asked: dict[str, Any]):
    answer = api.post("/plan", asked)
    assert answer.status_code == 422
    assert answer.json()["error"]["details"][0]["field"]
