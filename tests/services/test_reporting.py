from dataclasses import replace

import pytest

from experiments_core.analysis.cells import Cell
from experiments_core.analysis.design import Design, PhaseDesign
from experiments_core.analysis.engine import analyze
from experiments_core.analysis.results import ExperimentResult
from experiments_core.charts import theme
from experiments_core.charts.verdicts import BADGES
from experiments_core.domain.metric import Direction, MetricRole
from experiments_core.domain.metric_kinds import Mean, Proportion
from experiments_core.domain.source import CellKey
from experiments_core.reports.html import render
from experiments_core.services.reporting import COLOURS, Occasion, compose
from experiments_core.stats.estimate import Undefined
from experiments_core.stats.moments import Counts, Moments

UNBOUNDED = Undefined("unbounded")

OCCASION = Occasion(
    "Checkout", "Look 3", "user", {"b": "Short form"}, "SELECT 1", (("Data", "sha256:abc"),)
)
METRICS = (
    Proportion("paid", relative_minimum_detectable_effect=0.05),
    Mean(
        "seconds",
        unit="s",
        role=MetricRole.GUARDRAIL,
        preferred_direction=Direction.DECREASE,
        non_inferiority_margin=0.03,
    ),
    Proportion("rare", role=MetricRole.SECONDARY),
)


def result(
    *, arms: tuple[str, ...] = ("control", "b"), phases: int = 1, share: float = 1.0
) -> ExperimentResult:
    weights = [dict.fromkeys(arms, 1.0) | {"b": 1.0 + k} for k in range(phases)]
    design = Design(
        arms=arms,
        reference="control",
        metrics=METRICS,
        phases=tuple(PhaseDesign(shares) for shares in weights),
        days=14,
        planned_days=14,
    )
    cells = {}
    for k, shares in enumerate(weights, start=1):
        for arm, weight in shares.items():
            n = round(4000 * weight * (share if arm == "b" else 1.0))
            better = 1.2 if arm == "b" else 1.0
            cells[CellKey(arm, k)] = Cell(
                n,
                {
                    "paid": Counts(n, round(n * 0.1 * better)),
                    "seconds": Moments.of_mean(n, 2.9, 1.0),
                    "rare": Counts(n, 7 if arm == "b" else 0),
                },
            )
    return analyze(cells, design, data_hash="sha256:abc")


def test_the_report_has_the_words_and_marks_of_the_page():
    report = compose(result(), OCCASION)
    assert report.badge == ("▲", "Better", "better")
    paid, seconds, rare = (section.lines[0] for section in report.sections)
    assert paid.verdict[0] == "▲ better"
    assert paid.bar is not None
    assert paid.bar.filled
    assert seconds.bar is not None
    assert (seconds.bar.limit, seconds.bar.harm) == (0.03, 1)
    assert rare.bar is None
    assert "Control has none" in rare.sentence
    assert ("Days", "14 of 14") in report.progress
    assert any(name == "Smallest visible lift" for name, _ in report.progress)


def test_phases_have_their_own_tables_and_several_arms_their_names():
    report = compose(result(arms=("control", "b", "c"), phases=2), OCCASION)
    titles = [table.title for table in report.tables]
    assert titles == ["Paid by phase: Short form", "Paid by phase: c", "Every number"]
    assert [line.variant for line in report.sections[0].lines] == ["Short form", "c"]


def test_numbers_that_must_not_be_used_are_muted():
    report = compose(result(share=0.8), OCCASION)
    assert report.badge[1] == "Cannot say"
    line = report.sections[0].lines[0]
    assert line.verdict[0] == "✕ not usable"
    assert line.tone == "muted"
    assert report.checks[0].mark == "✕"
    assert "Traffic is not what you asked for" in report.checks[0].message


def test_an_open_interval_stays_open():
    plain = result()
    metric = plain.metrics[0]
    contrast = metric.arms[1].contrast
    assert contrast is not None
    one_sided = replace(
        plain,
        metrics=(
            replace(
                metric,
                arms=(
                    metric.arms[0],
                    replace(
                        metric.arms[1],
                        contrast=replace(
                            contrast,
                            relative_lift_ci_upper=UNBOUNDED,
                            difference_ci_upper=UNBOUNDED,
                        ),
                    ),
                ),
            ),
        ),
    )
    bar = compose(one_sided, OCCASION).sections[0].lines[0].bar
    assert bar is not None
    assert bar.high is None


def test_a_result_without_data_is_a_page_too():
    design = Design(
        arms=("control", "b"), reference="control", metrics=METRICS, phases=(PhaseDesign({}),)
    )
    page = render(compose(analyze({}, design), OCCASION)).decode()
    assert "No data" in page


@pytest.mark.parametrize("code", tuple(BADGES))
def test_every_verdict_has_a_badge(code: str):
    mark, word, tone = BADGES[code]
    assert mark
    assert word
    assert tone in {"neutral", "better", "worse", "warning"}


def test_the_palette_is_that_of_the_pages():
    report = compose(result(), OCCASION)
    assert report.light["better"] == theme.LIGHT.better
    assert report.dark["better"] == theme.DARK.better
    assert set(report.light) == set(COLOURS)
