"""The small calibration: each method errs as often as it says, and the shortcuts do not."""

from __future__ import annotations

from functools import partial

import pytest

from tests.calibration import runner, studies
from tests.calibration.study import Outcome, Study

SEED = 20261124
RUNS, TRAFFIC_RUNS = 1000, 5000


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    runs = partial(studies.runs, usual=RUNS, traffic=TRAFFIC_RUNS)
    return runner.run(studies.QUICK, runs, SEED)


@pytest.mark.parametrize("study", studies.QUICK, ids=lambda study: study.name)
def test_every_figure_is_where_it_must_be(study: Study, outcomes: dict[str, Outcome]):
    figures = study.figures(outcomes[study.name])
    assert [figure for figure in figures if not figure.is_expected] == []
