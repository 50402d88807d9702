"""The notebook's call with ratios, quantiles, caps and covariates; and every other analysis."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import experiments_core as ec
from experiments_core.charts import robustness as charts
from experiments_core.errors import CancelledError, InvalidInputError
from experiments_core.stats.estimate import Undefined

N = 2000


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    before = rng.gamma(2, 10, N)
    arm = np.where(rng.random(N) < 0.5, "control", "B")
    views, past, taste = rng.poisson(6, N) + 1, rng.poisson(9, N) + 1, rng.beta(2, 5, N)
    return pd.DataFrame({
        "user_id": [f"u{i}" for i in range(N)],
        "group": arm,
        "revenue": before + rng.gamma(2, 6, N) + 1.5 * (arm == "B"),
        "revenue_before": np.where(rng.random(N) < 0.1, np.nan, before),
        "views": views,
        "clicks": rng.binomial(views, taste),
        "views_before": past,
        "clicks_before": np.where(rng.random(N) < 0.1, np.nan, rng.binomial(past, taste)),
        "converted": (rng.random(N) < 0.2).astype(int),
        "country": rng.choice(["DE", "FR"], N),
        "seen": pd.Timestamp("2026-05-04") + pd.to_timedelta(rng.integers(0, 96, N), unit="h"),
    })  # fmt: skip


def read(data: pd.DataFrame, *metrics: Any, **more: Any) -> Any:
    return ec.analyze(data, variant="group", unit="user_id", metrics=metrics, **more)


def arms(data: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    return data[data.group == "control"], data[data.group == "B"]


def test_a_mean_with_a_covariate_is_adjusted_with_raw_figures_beside_it(table: pd.DataFrame):
    found = read(table, ec.Mean("revenue", covariate="revenue_before"))["revenue"]
    control, treatment = arms(table)
    raw = stats.ttest_ind(treatment.revenue, control.revenue, equal_var=False)
    assert found.unadjusted.p_value == pytest.approx(raw.pvalue, rel=1e-9)
    filled = table.revenue_before.fillna(table.revenue_before.mean())
    theta = np.cov(table.revenue, filled)[0, 1] / filled.var()
    assert found.adjustment.theta == pytest.approx(theta, rel=1e-9)
    left = table.revenue - theta * filled
    own = stats.ttest_ind(
        left[table.group == "B"], left[table.group == "control"], equal_var=False
    )
    assert found.p_value == pytest.approx(own.pvalue, rel=1e-9)
    assert found.adjustment.control_filled == pytest.approx(
        control.revenue_before.isna().mean()
    )
    assert "θ = cov(Y, X)" in str(found.explain())


def test_a_cap_in_per_cent_is_that_point_over_all_arms(table: pd.DataFrame):
    report = read(table, ec.Mean("revenue", cap="95%"))
    cap = float(np.quantile(table.revenue, 0.95))
    metric = report.result.metric("revenue")
    assert metric.cap == pytest.approx(cap, rel=1e-12)
    control, treatment = (one.revenue.clip(upper=cap) for one in arms(table))
    test = stats.ttest_ind(treatment, control, equal_var=False)
    assert report["revenue"].p_value == pytest.approx(test.pvalue, rel=1e-9)
    assert report["revenue"].arm.capped == pytest.approx((arms(table)[1].revenue > cap).mean())
    assert report["revenue"].uncapped.difference == pytest.approx(
        arms(table)[1].revenue.mean() - arms(table)[0].revenue.mean(), rel=1e-9
    )


def test_a_ratio_is_judged_over_the_units(table: pd.DataFrame):
    found = read(table, ec.Ratio("clicks", "views"))["clicks"]
    lines, ratios = [], []
    for one in arms(table):
        ratio = one.clicks.sum() / one.views.sum()
        ratios.append(ratio)
        lines.append(ratio + (one.clicks - ratio * one.views) / one.views.mean())
    test = stats.ttest_ind(lines[1], lines[0], equal_var=False)
    assert found.difference == pytest.approx(ratios[1] - ratios[0], rel=1e-9)
    assert found.p_value == pytest.approx(test.pvalue, rel=1e-9)


def lined(one: pd.DataFrame, above: pd.Series, below: pd.Series) -> pd.Series:
    """Per unit of one arm: a number whose mean is the ratio of the sums."""
    above, below = above[one.index], below[one.index]
    ratio = above.sum() / below.sum()
    return ratio + (above - ratio * below) / below.mean()


@pytest.mark.parametrize("below", (None, "views_before"))
def test_a_ratio_with_a_covariate_is_adjusted_in_the_linearised_values(
    table: pd.DataFrame, below: str | None
):
    metric = ec.Ratio("clicks", "views", covariate="clicks_before", covariate_denominator=below)
    found = read(table, metric)["clicks"]
    known = table.clicks_before.notna()
    x = table.clicks_before.where(known, table.clicks_before.mean())
    d = pd.Series(1.0, table.index)
    if below:
        d = table[below].where(known, table[below][known].mean())
    both = [lined(table, table.clicks, table.views), lined(table, x, d)]
    theta = np.cov(*both)[0, 1] / both[1].var()
    assert found.adjustment.theta == pytest.approx(theta, rel=1e-9)
    assert found.adjustment.correlation == pytest.approx(np.corrcoef(*both)[0, 1], rel=1e-9)
    left = [lined(a, table.clicks, table.views) - theta * lined(a, x, d) for a in arms(table)]
    test = stats.ttest_ind(left[1], left[0], equal_var=False)
    assert found.p_value == pytest.approx(test.pvalue, rel=1e-9)
    assert found.difference == pytest.approx(left[1].mean() - left[0].mean(), rel=1e-9)
    raw = read(table, ec.Ratio("clicks", "views"))["clicks"]
    assert found.unadjusted.p_value == pytest.approx(raw.p_value, rel=1e-12)
    widths = [one.difference_ci_upper - one.difference_ci_lower for one in (found, raw)]
    saved = 1 - (widths[0] / widths[1]) ** 2  # but for the quantile of t
    assert found.adjustment.variance_saved == pytest.approx(saved, abs=1e-3)
    assert found.adjustment.variance_saved > 0.1
    assert found.adjustment.control_filled == pytest.approx(
        1 - known[arms(table)[0].index].mean()
    )
    assert "Y_L = (Y − R N)" in str(found.explain())


def test_a_ratio_without_any_past_is_the_raw_one(table: pd.DataFrame):
    data = table.assign(views_before=0, clicks_before=0)
    metric = ec.Ratio(
        "clicks", "views", covariate="clicks_before", covariate_denominator="views_before"
    )
    report = read(data, metric)
    found = report["clicks"]
    assert found.adjustment.theta == Undefined("constant_covariate")
    assert found.p_value == found.unadjusted.p_value
    card = next(one for one in report.result.health if one.check == "covariate_imbalance")
    assert card.level == "warn"


@pytest.mark.parametrize(
    "metric",
    (ec.Mean("revenue"), ec.Ratio("clicks", "views"), ec.Mean("revenue", "revenue_before")),
    ids=("mean", "ratio", "adjusted"),
)
def test_the_lift_of_a_mean_has_a_log_delta_interval_on_request(
    table: pd.DataFrame, metric: Any
):
    usual = read(table, metric)[metric.key]
    asked = read(table, metric, method="log_delta")[metric.key]
    assert (usual.relative_lift_interval_method, usual.interval_method) == (None, "fieller")
    assert asked.relative_lift_interval_method == "log_delta"
    assert asked.interval_method == "fieller"
    assert asked.p_value == usual.p_value
    assert asked.relative_lift == pytest.approx(usual.relative_lift)
    assert asked.relative_lift_ci_lower == pytest.approx(usual.relative_lift_ci_lower, abs=5e-3)
    assert asked.relative_lift_ci_lower != usual.relative_lift_ci_lower
    assert "log-delta" in str(asked.explain())


def test_a_long_tail_is_warned_about_with_the_units_that_it_needs():
    rng = np.random.default_rng(7)
    data = pd.DataFrame({
        "user_id": np.arange(4000), "group": np.where(np.arange(4000) % 10, "control", "B"),
        "spent": rng.lognormal(0, 1.8, 4000),
    })  # fmt: skip
    found = read(data, ec.Mean("spent"), split={"control": 9, "B": 1})["spent"]
    assert found.flags == ("skewed",)
    (line,) = [one for one in str(found.explain()).splitlines() if "κ" in one]
    parts = [(one.spent.skew(), one.spent.std(), len(one)) for one in arms(data)]
    signed = [g * s**3 / n**2 for g, s, n in parts]
    kappa = (signed[1] - signed[0]) / sum(s * s / n for _, s, n in parts) ** 1.5
    assert f"κ = {kappa:.3g};" in line
    needed = int(re.search(r"about (.*) units on", line)[1].replace("\u202f", ""))
    assert needed == pytest.approx(4000 * (kappa / 0.053) ** 2, abs=2)


def test_quantiles_of_several_rows_respect_the_unit():
    rng = np.random.default_rng(6)
    units = np.repeat(np.arange(400), rng.integers(1, 8, 400))
    level = rng.normal(0, 1, 400)
    data = pd.DataFrame({
        "user_id": units.astype(str), "group": np.where(units % 2, "control", "B"),
        "wait": np.exp(level[units] + 0.3 * rng.normal(0, 1, len(units))),
    })  # fmt: skip
    apart = ec.analyze(data, variant="group", metrics=[ec.Quantile("wait", 0.9)])["wait"]
    units_kept = read(data, ec.Quantile("wait", 0.9), repeats="rows")["wait"]
    assert units_kept.value == pytest.approx(np.quantile(arms(data)[1].wait, 0.9), rel=1e-9)
    assert units_kept.arm.n == 200
    width = [one.difference_ci_upper - one.difference_ci_lower for one in (apart, units_kept)]
    assert width[1] > 1.5 * width[0]


def test_every_kind_runs_in_segments_and_phases_and_through_json(table: pd.DataFrame):
    report = read(
        table,
        ec.Mean("revenue", covariate="revenue_before", cap="99%"),
        ec.Ratio("clicks", "views", covariate="clicks_before"),
        ec.Quantile("revenue", 0.5, key="median"),
        ec.Proportion("converted"),
        phases="country",
        segments=["country"],
    )
    body = json.loads(report.to_json())
    for metric in body["metrics"]:
        assert [one["value"] for one in metric["segments"]]
        for segment in metric["segments"]:
            assert segment["arms"][1]["p_value"] is not None
        assert len(metric["arms"][1]["by_phase"]) == 2
    median = body["metrics"][2]["arms"][1]["plain_total"]
    control, treatment = (one.revenue.median() for one in arms(table))
    assert median["difference"] == pytest.approx(treatment - control)
    assert median["control_n"] == len(arms(table)[0])
    flat = read(table, ec.Quantile("revenue", 0.5, key="median"))["median"]
    assert median["p_value"] == pytest.approx(flat.p_value)
    for metric, least in zip(body["metrics"], (0.3, 0.1), strict=False):
        adjusted = metric["segments"][0]["arms"][1]
        assert adjusted["adjustment"]["variance_saved"] > least
        assert adjusted["unadjusted"]["p_value"] != adjusted["p_value"]


def test_a_constant_covariate_leaves_the_raw_result(table: pd.DataFrame):
    data = table.assign(same=1.0)
    found = read(data, ec.Mean("revenue", covariate="same"))["revenue"]
    assert found.adjustment.theta == Undefined("constant_covariate")
    assert found.p_value == found.unadjusted.p_value


def refusals() -> Iterator[tuple[Any, str]]:
    yield lambda: ec.Mean("revenue", covariate="revenue"), "the outcome itself"
    yield lambda: ec.Mean("revenue", cap=-1), "a cap is an amount above 0"
    yield lambda: ec.Mean("revenue", cap="50%"), "a cap is an amount above 0"
    yield lambda: ec.Quantile("revenue", 95), "0.9 is p90"
    yield lambda: ec.Ratio("clicks", "clicks"), "the same column"
    yield lambda: ec.Ratio("clicks", "views", covariate="views"), "part of the outcome itself"
    yield lambda: ec.Ratio("clicks", "views", covariate_denominator="x"), "divides a covariate"
    yield (
        lambda: ec.Ratio("clicks", "views", covariate="x", covariate_denominator="x"),
        "the same column",
    )


@pytest.mark.parametrize(("make", "said"), tuple(refusals()))
def test_what_cannot_be_meant_is_refused_with_the_rule(make: Any, said: str):
    with pytest.raises(InvalidInputError, match=said):
        make()


def test_typed_numbers_hold_no_ratio():
    numbers = {"control": {"n": 10, "clicks": 3}, "B": {"n": 10, "clicks": 4}}
    with pytest.raises(InvalidInputError, match="needs one row per unit"):
        ec.analyze(numbers, metrics=[ec.Ratio("clicks", "n")])


def test_the_robustness_sheet_varies_everything_that_the_data_allow(table: pd.DataFrame):
    crossed = table.iloc[:30].assign(
        group=lambda one: one.group.map({"B": "control", "control": "B"})
    )
    data = pd.concat([table, crossed])
    report = read(data, ec.Mean("revenue", covariate="revenue_before"), time="seen")
    found = report.robustness("revenue")
    assert {one.setting.days for one in found.variations} == {"all", "without the first day"}
    assert {one.setting.crossovers for one in found.variations} == {"exclude", "first_seen"}
    assert {one.cap for one in found.variations} == {None, "99.9%", "99%"}
    assert {one.adjusted for one in found.variations} == {True, False}
    assert len(found.variations) == 2 * 2 * 3 * 4
    assert found.planned.p_value == pytest.approx(report["revenue"].p_value, rel=1e-12)
    assert f"holds in all {len(found.variations)}" in charts.title(
        found
    ) or "of" in charts.title(found)
    without_time = read(table, ec.Proportion("converted")).robustness("converted")
    assert "time=" in without_time.notes[0]
    nowhere_first = read(data, ec.Proportion("converted")).robustness("converted")
    assert {one.setting.crossovers for one in nowhere_first.variations} == {"exclude"}
    assert "first seen (time=…)" in nowhere_first.notes[0]


def test_typed_numbers_have_no_robustness_sheet():
    numbers = {"control": {"n": 100, "converted": 10}, "B": {"n": 100, "converted": 14}}
    report = ec.analyze(numbers, metrics=[ec.Proportion("converted")])
    with pytest.raises(InvalidInputError, match="no rows to read again"):
        report.robustness("converted")


def test_the_arms_can_be_shuffled_for_every_kind(table: pd.DataFrame):
    report = read(
        table,
        ec.Mean("revenue", covariate="revenue_before", cap="99%"),
        ec.Ratio("clicks", "views"),
        ec.Quantile("revenue", 0.5, key="median"),
        ec.Proportion("converted"),
        phases="country",
    )
    told: list[float] = []
    for key, methods in (("revenue", 6), ("clicks", 1), ("median", 1), ("converted", 2)):
        found = report.calibrate(key, shuffles=200, progress=told.append)
        assert len(found.methods) == methods
        assert (found.units, found.shuffles) == (N, 200)
        assert found.planned.holds
    assert max(told) == 1.0
    with pytest.raises(CancelledError):
        report.calibrate("clicks", cancelled=lambda: True)
    with pytest.raises(InvalidInputError, match="shuffles show nothing"):
        report.calibrate("clicks", shuffles=5)
