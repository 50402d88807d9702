"""The robustness sheet and the shuffled arms of an experiment of the workspace."""

from __future__ import annotations

import pytest

from experiments_core.analysis.robustness import LATER_DAYS
from experiments_core.charts import robustness as charts
from experiments_core.charts.theme import DARK, LIGHT
from experiments_core.domain.access import LOCAL
from experiments_core.errors import CancelledError, ConflictError
from experiments_core.services import analyses
from experiments_core.services.calibration import calibration
from experiments_core.services.robustness import robustness
from experiments_core.services.workspace import Workspace
from tests.pages.test_results_real import TOTALS, imported, units


def test_the_planned_analysis_is_the_look_and_the_first_day_is_left_out_once(ws: Workspace):
    slug = imported(ws, units(), "Units")
    result = analyses.look(ws, LOCAL, slug).result
    metric = result.metrics[0]
    found = robustness(ws, LOCAL, slug, metric.key, "B")
    contrast = metric.arm("B").contrast
    assert contrast is not None
    assert found.planned.p_value == pytest.approx(contrast.p_value, rel=1e-12)
    later = [one for one in found.variations if one.setting.days == LATER_DAYS]
    assert len(later) * 2 == len(found.variations)
    assert {one.control_n for one in later} == {1850}
    assert charts.title(found).endswith("analyses.")
    assert len(charts.table(found, metric)) == len(found.variations)
    for tokens in (LIGHT, DARK):
        for narrow in (False, True):
            assert charts.robustness_sheet(found, tokens, narrow=narrow).layout.height > 100


def test_totals_have_no_robustness_sheet(ws: Workspace):
    slug = imported(ws, TOTALS, "Totals")
    key = analyses.look(ws, LOCAL, slug).result.metrics[0].key
    with pytest.raises(ConflictError, match="one row per unit"):
        robustness(ws, LOCAL, slug, key, "B")


def test_the_arms_are_shuffled_with_progress_and_can_be_stopped(ws: Workspace):
    slug = imported(ws, units(), "Units")
    key = analyses.look(ws, LOCAL, slug).result.metrics[0].key
    told: list[float] = []
    found = calibration(ws, LOCAL, slug, key, "B", shuffles=200, progress=told.append)
    assert (found.units, found.shuffles) == (4000, 200)
    assert found.planned.holds
    assert told[-1] == 1.0
    with pytest.raises(CancelledError):
        calibration(ws, LOCAL, slug, key, "B", cancelled=lambda: True)


def test_totals_cannot_be_shuffled(ws: Workspace):
    slug = imported(ws, TOTALS, "Totals")
    key = analyses.look(ws, LOCAL, slug).result.metrics[0].key
    with pytest.raises(ConflictError, match="one row per unit"):
        calibration(ws, LOCAL, slug, key, "B")
