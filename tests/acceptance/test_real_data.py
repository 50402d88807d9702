"""Real A/B tests, analysed with one call, agree with reference numbers to 1e-9."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import experiments_core as ec
from experiments_core.errors import InvalidInputError
from tests.acceptance.real_cases import Case, compare, load

AS_UPLOADED = (
    "udacity/rows",
    "cookie_cats/all",
    "hillstrom/three_arms",
    "fast_food/rows",
    "starbucks_training/all",
    "bidding/days",
    "purchase_55k/as_equal",
    "purchase_55k/as_intended",
    "criteo/counts",
    "email/page_views",
    "resume/calls",
    "free_shipping/orders",
)
PREPARED = (
    *AS_UPLOADED,
    "udacity/canonical",
    "udacity/without_crossovers",
    "cookie_cats/played",
    "cookie_cats/without_outlier",
    "cookie_cats/players_only",
    "hillstrom/any_email",
    "fast_food/locations",
    "free_trial/click_through",
    "free_trial/evaluation",
    "views_clicks/users_who_clicked",
    "thornton/incentive",
    "artea/coupon",
)
CUT = (
    "udacity/by_country",
    "hillstrom/segments",
    "starbucks_training/segments",
    "resume/segments",
    "artea/segments",
    "free_shipping/segments",
)


@pytest.fixture
def real(acceptance_data: Path) -> Path:
    return acceptance_data / "data" / "real"


def without_id(case: Case) -> Case:
    """Some cases analyse rows although the file has an identifier."""
    rows = case.told["id"] in {"udacity/rows", "resume/calls"}
    mapping = {k: v for k, v in case.told["mapping"].items() if not (rows and k == "user")}
    return Case(case.told | {"mapping": mapping}, case.reference, case.folder)


@pytest.mark.parametrize("case_id", AS_UPLOADED)
def test_a_file_read_by_its_path_has_the_reference_numbers(real: Path, case_id: str):
    case = without_id(load(real, case_id))
    assert not case.steps
    assert compare(case.analyse(real / case.told["file"]), case) > 10


@pytest.mark.parametrize("case_id", PREPARED)
def test_a_prepared_frame_has_the_reference_numbers(real: Path, case_id: str):
    case = without_id(load(real, case_id))
    assert compare(case.analyse(case.as_frame()), case) > 10


@pytest.mark.parametrize("case_id", CUT)
def test_segments_have_the_reference_counts_and_tests(real: Path, case_id: str):
    case = load(real, case_id)
    wanted = case.told["segments"]
    for cut in wanted:
        metric = next(m for m in case.metrics if m.key == cut["metric"])
        told = case.told | {
            "metrics": [m for m in case.told["metrics"] if m["name"] == metric.key]
        }
        report = Case(told, case.reference, real).analyse(
            case.as_frame(), segments=cut["column"]
        )
        _, name = cut["reference"].split("/")
        _check_segments(report, case.reference["segments"][name]["segments"], cut)


def _check_segments(report: Any, expected: dict[str, Any], cut: dict[str, Any]) -> None:
    found = {one.value: one for one in report.result.metric(cut["metric"]).segments}
    plain = {value.removesuffix(".0"): one for value, one in found.items()}
    for value, numbers in expected.items():
        arms = {arm.variant: arm for arm in plain[value.removesuffix(".0")].arms}
        for arm, told in numbers["arms"].items():
            assert (arms[arm].n, arms[arm].conversions) == (told["n"], told["conversions"])
        for arm, told in numbers["vs_control"].items():
            contrast = arms[arm].contrast
            if min(one["n"] for one in numbers["arms"].values()) < 100:
                assert contrast.p_value.reason == "below_minimum"
                continue
            assert contrast.statistic == pytest.approx(told["z_pooled"], rel=1e-9)
            assert contrast.p_value == pytest.approx(told["p_value"], rel=1e-6, abs=1e-300)


def test_contradictory_rows_are_refused_until_somebody_says_what_counts(real: Path):
    with pytest.raises(
        InvalidInputError, match="units of “user_id” have several rows"
    ) as caught:
        ec.analyze(
            real / "udacity_ab_data.csv.gz", variant="group", unit="user_id",
            metrics=[ec.Proportion("converted")],
        )  # fmt: skip
    assert "repeats=" in caught.value.hint


def test_users_in_both_groups_are_left_out_counted_and_told(real: Path):
    report = ec.analyze(
        real / "udacity_ab_data.csv.gz", variant="group", unit="user_id", repeats="first",
        metrics=[ec.Proportion("converted")],
    )  # fmt: skip
    known = json.loads((real / "reference.json").read_text(encoding="utf-8"))
    quality = known["udacity_ab_data"]["data_quality"]
    crossed = next(c for c in report.health if c.check == "crossed_units")
    assert crossed.facts["units"] == quality["users_in_both_groups"]
    assert "1\u202f895 units" in crossed.message.replace("users", "units")
    units = sum(arm.n for arm in report.result.metrics[0].arms)
    assert units == quality["unique_users"] - quality["users_in_both_groups"]
    left_out = next(c for c in report.health if c.check == "left_out_rows")
    assert left_out.facts["rows_read"] == quality["rows"]
    assert left_out.facts["rows_left_out"] == quality["rows"] - units
    assert left_out.level == "pass"


def test_a_semicolon_file_with_decimal_commas_is_the_same_test(acceptance_data: Path):
    dirty = acceptance_data / "data" / "dirty"
    metrics = [ec.Proportion("converted"), ec.Mean("revenue")]
    told: dict[str, Any] = {"variant": "variant", "unit": "user_id", "metrics": metrics}
    clean = ec.analyze(dirty / "00_clean.csv", **told)
    comma = ec.analyze(dirty / "38_semicolon_decimal_comma.csv", **told)
    for one, other in zip(clean, comma, strict=True):
        assert other.n == one.n
        assert other.statistic == pytest.approx(one.statistic, rel=1e-9)
        assert other.difference_ci_lower == pytest.approx(one.difference_ci_lower, rel=1e-9)
        assert other.relative_lift == pytest.approx(one.relative_lift, rel=1e-9)


@pytest.mark.parametrize("decimal", (",", "."))
def test_a_real_file_written_the_european_way_has_the_reference_numbers(
    real: Path, tmp_path: Path, decimal: str
):
    case = load(real, "hillstrom/three_arms")
    file = tmp_path / "hillstrom.csv"
    pd.read_csv(real / "hillstrom.csv").to_csv(file, sep=";", decimal=decimal, index=False)
    assert compare(case.analyse(file), case) > 10


def test_quoted_thousands_are_read_as_numbers(real: Path):
    told: dict[str, Any] = {"variant": "Promotion", "control": "1"}
    dollars = ec.analyze(
        real / "fast_food_gross_sales_quoted_thousands.csv",
        metrics=[ec.Mean("Gross Sales", key="sales")], **told,
    )  # fmt: skip
    thousands = ec.analyze(
        real / "fast_food_marketing.csv",
        metrics=[ec.Mean("SalesInThousands", key="sales")], **told,
    )  # fmt: skip
    for one, other in zip(dollars, thousands, strict=True):
        assert one.n == other.n
        assert one.statistic == pytest.approx(other.statistic, rel=1e-3)
        assert one.value == pytest.approx(10_000 * other.value, rel=1e-4)
