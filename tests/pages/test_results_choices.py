"""Every toggle of Results changes the numbers that it names, as a link and as a click."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy import stats
from streamlit.testing.v1 import AppTest

from experiments_core.analysis import words
from experiments_core.domain.access import LOCAL
from experiments_core.services import ingestion, workspace
from experiments_core.settings import Settings
from experiments_core.stats.moments import Counts
from experiments_core.stats.rate_alternatives import newcombe
from pages.parts.results_choices import OPEN
from tests.charts.figures import plain
from tests.pages.running import run_page
from tests.pages.words import said, tables

ARMS = ("control", "B", "C")


@dataclass(frozen=True)
class Unit:
    arm: str
    day: int
    converted: int
    before: float
    spend: float


def units() -> list[Unit]:
    chance = np.random.default_rng(5)
    made = []
    for number in range(1800):
        arm = number % 3
        before = chance.normal(20, 6)
        spend = before + chance.normal((0, 0.8, -0.1)[arm], 5)
        hit = int(chance.random() < (0.2, 0.26, 0.19)[arm])
        day = 1 + number // 200
        made.append(Unit(ARMS[arm], day, hit, round(float(before), 2), round(float(spend), 2)))
    return made


UNITS = units()


@pytest.fixture(scope="module")
def slug(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("choices")
    ws = workspace.start(Settings(workspace=folder / "upshot.duckdb"))
    lines = ["user_id,variant,first_seen,converted,spend,pre_spend"]
    lines += [
        f"u{i},{u.arm},2026-05-{u.day:02d} 10:00:00,{u.converted},{u.spend},{u.before}"
        for i, u in enumerate(UNITS)
    ]
    draft = ingestion.receive(ws, LOCAL, io.BytesIO("\n".join(lines).encode()), "units.csv")
    mapping = replace(draft.detection.proposal, control="control", finished=True)
    ingestion.check(ws, LOCAL, draft.import_id, mapping)
    made = ingestion.create_from_import(ws, LOCAL, draft.import_id, mapping, name="Choices")
    ingestion.commit(ws, LOCAL, draft.import_id)
    yield made.slug
    workspace.stop()


def opened(slug: str, **params: str) -> AppTest:
    return run_page("results", exp=slug, **params)


def row(app: AppTest, metric: str, variant: str) -> dict[str, str]:
    table = tables(app)[0]
    found = table[(table["Metric"] == metric) & (table["Variant"] == variant)].iloc[0]
    return {name: plain(str(cell)).replace("\\", "") for name, cell in found.items()}


def told(app: AppTest) -> str:
    return plain(said(app))


@pytest.fixture(scope="module")
def planned(slug: str) -> AppTest:
    return opened(slug, tab="raw")


def of(arm: str, name: str, *, since: int = 1) -> np.ndarray:
    return np.array(
        [getattr(one, name) for one in UNITS if one.arm == arm and one.day >= since]
    )


def test_the_plan_is_shown_as_planned(planned: AppTest):
    assert "Exploring" not in told(planned)
    assert row(planned, "Converted", "B")["Conversions"] == str(of("B", "converted").sum())
    welch = stats.ttest_ind(of("B", "spend"), of("control", "spend"), equal_var=False)
    assert row(planned, "Spend", "B")["p"] == plain(words.p(float(welch.pvalue)))


def test_another_reference_turns_the_comparison_round(slug: str, planned: AppTest):
    app = opened(slug, tab="raw", ref="B")
    there, back = row(planned, "Converted", "B"), row(app, "Converted", "control")
    assert there["Difference"].replace("+", "-") == back["Difference"]
    assert row(app, "Converted", "B")["p"] == ""
    assert "compared with B" in told(app)


def test_another_level_moves_the_limits_only(slug: str, planned: AppTest):
    app = opened(slug, tab="raw", level="0.99", correction="none")
    found = row(app, "Spend", "C")
    welch = stats.ttest_ind(of("C", "spend"), of("control", "spend"), equal_var=False)
    low, high = welch.confidence_interval(0.99)
    assert found["Level"] == "99 %"
    assert found["Difference interval"] == plain(
        words.interval(low, high, lambda end: words.number(end, 1))
    )
    assert found["Difference"] == row(planned, "Spend", "C")["Difference"]


def test_without_correction_the_p_values_stay_as_they_are(slug: str, planned: AppTest):
    corrected = row(planned, "Converted", "B")
    raw = row(opened(slug, tab="raw", correction="none"), "Converted", "B")
    assert corrected["Corrected p"] != corrected["p"]
    assert raw["Corrected p"] == raw["p"] == corrected["p"]


def test_one_sided_halves_the_p_value_and_opens_the_interval(slug: str):
    found = row(opened(slug, tab="raw", side="greater"), "Converted", "B")
    hits = [int(of(arm, "converted").sum()) for arm in ("control", "B")]
    pooled = sum(hits) / 1200
    z = (hits[1] - hits[0]) / 600 / (pooled * (1 - pooled) / 300) ** 0.5
    assert found["p"] == plain(words.p(float(stats.norm.sf(z))))
    assert found["Difference interval"].startswith("at least")


def test_another_method_is_named_and_gives_its_own_interval(slug: str):
    found = row(opened(slug, tab="raw", method="newcombe", correction="none"), "Converted", "B")
    counts = [Counts(600, int(of(arm, "converted").sum())) for arm in ("control", "B")]
    limits = newcombe(*counts, 0.95)
    assert found["Difference interval"] == plain(
        words.interval(limits.ci_lower, limits.ci_upper, lambda end: words.number(end * 100, 2))
    )
    assert "Newcombe" in found["Methods"]


def test_a_covariate_adjusts_means_beside_the_raw_numbers(slug: str, planned: AppTest):
    app = opened(slug, tab="raw", covariate="pre_spend")
    pair = [(of(arm, "spend"), of(arm, "before")) for arm in ("control", "B")]
    spend, before = (np.concatenate(side) for side in zip(*pair, strict=True))
    theta = np.cov(spend, before)[0, 1] / before.var(ddof=1)
    (control, x_control), (treatment, x_treatment) = pair
    difference = (treatment - theta * x_treatment).mean() - (control - theta * x_control).mean()
    assert row(app, "Spend", "B")["Difference"] == plain(
        words.amount(float(difference), signed=True, decimals=1)
    )
    beside = tables(app)[1]
    analyses = [plain(one).replace("\\", "") for one in beside["Analysis"]]
    assert analyses == ["adjusted by pre_spend", "without the covariate"] * 2
    raw = plain(beside["p"].iloc[1]).replace("\\", "")
    assert raw == row(planned, "Spend", "B")["p"]
    left = sum((y - theta * x).var(ddof=1) for y, x in pair) / sum(
        y.var(ddof=1) for y, _ in pair
    )
    saved = plain(beside["Variance saved"].iloc[0]).replace("\\", "")
    assert saved == plain(words.percent(1 - float(left), 0))
    assert "means adjusted by pre_spend" in told(app)
    assert row(app, "Converted", "B") == row(planned, "Converted", "B")


def test_without_the_first_day_its_units_are_out(slug: str):
    app = opened(slug, tab="time", days="first_day")
    later = of("B", "converted", since=2)
    found = row(app, "Converted", "B")
    assert (found["n"], found["Conversions"]) == (str(len(later)), str(later.sum()))
    assert plain(str(tables(app)[1]["Day"].iloc[0])) == "2 May 2026"
    assert "without 1 May 2026" in told(app)
    assert found["Methods"].startswith("pooled z")


def test_a_prior_near_zero_pulls_the_credible_interval_in(slug: str):
    def width(prior: str) -> float:
        app = opened(slug, tab="bayes", metric="converted", variant="B", prior=prior)
        text = plain(str(tables(app)[1]["Credible lift"].iloc[1])).replace("\\", "")
        low, high = text.removesuffix(" %").split(" to ")
        return float(high) - float(low)

    assert width("small") < 0.5 * width("usual")


def test_a_click_explores_and_another_returns_to_the_plan(slug: str):
    app = opened(slug, tab="raw")
    app.session_state[OPEN] = True
    app.run()
    level = next(one for one in app.selectbox if one.label == "Interval level")
    app = level.select("0.9").run()
    assert "90 % intervals" in told(app)
    assert app.query_params["level"] in ("0.9", ["0.9"])
    back = next(one for one in app.button if one.label == "Back to the plan")
    app = back.click().run()
    assert "Exploring" not in told(app)
    assert "level" not in app.query_params
