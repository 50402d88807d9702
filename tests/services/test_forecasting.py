"""Guesses are taken before the first look and stand beside the outcome."""

from __future__ import annotations

from typing import Any

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import ExperimentDraft
from experiments_core.domain.metric_kinds import Proportion
from experiments_core.errors import ConflictError, InvalidInputError
from experiments_core.services import analyses, arms, experiments, forecasting
from experiments_core.services.workspace import Workspace
from tests.services.conftest import Clock
from tests.services.noted import prepared, rules_of
from tests.services.people import EDITOR, VIEWER


def test_a_guess_before_the_first_look_stands_beside_the_outcome(ws: Workspace, clock: Clock):
    experiment = prepared(ws, clock)
    near = forecasting.forecast(
        ws, VIEWER, experiment.id, metric="converted", guess=0.5, lower=0.3, upper=0.8
    )
    far = forecasting.forecast(ws, EDITOR, experiment.id, metric="converted", guess=-0.1)
    assert (near.variant, near.by) == ("B", "Vera")
    view = analyses.look(ws, LOCAL, experiment.id)
    first, second = forecasting.outcomes(ws, VIEWER, experiment.id, view.result)
    lift = view.result.metric("converted").arm("B").contrast
    assert lift is not None
    assert (first.forecast, first.lift, first.inside) == (near, lift.relative_lift, True)
    assert (second.forecast, second.inside) == (far, None)


def test_after_the_first_look_a_guess_is_refused(ws: Workspace, clock: Clock):
    experiment = prepared(ws, clock)
    analyses.look(ws, LOCAL, experiment.id)
    with pytest.raises(ConflictError) as refused:
        forecasting.forecast(ws, EDITOR, experiment.id, metric="converted", guess=0.1)
    assert refused.value.code == "FORECAST_CLOSED"
    assert forecasting.forecasts(ws, EDITOR, experiment.id) == ()


@pytest.mark.parametrize(
    ("said", "rules"),
    (
        ({"metric": "nothing"}, [("metric", "UNKNOWN_CHOICE")]),
        ({"variant": "control"}, [("variant", "UNKNOWN_CHOICE")]),
        ({"variant": "C"}, [("variant", "UNKNOWN_CHOICE")]),
        ({"guess": None}, [("guess", "REQUIRED")]),
        ({"guess": True}, [("guess", "TYPE")]),
        ({"guess": float("nan")}, [("guess", "NOT_FINITE")]),
        ({"guess": 12.0}, [("guess", "RANGE")]),
        ({"lower": 0.0}, [("upper", "REQUIRED")]),
        ({"lower": 0.2, "upper": 0.3}, [("guess", "RANGE")]),
    ),
)
def test_a_guess_is_a_number_about_a_treatment(
    ws: Workspace, clock: Clock, said: dict[str, Any], rules: list[tuple[str, str]]
):
    experiment = prepared(ws, clock)
    with pytest.raises(InvalidInputError) as refused:
        forecasting.forecast(
            ws, EDITOR, experiment.id, **{"metric": "converted", "guess": 0.1} | said
        )
    assert rules_of(refused) == rules


def test_a_draft_of_control_alone_has_nothing_to_guess_about(ws: Workspace):
    draft = ExperimentDraft("Checkout", metrics=(Proportion("paid"),))
    made = experiments.create_experiment(ws, LOCAL, draft)
    arms.remove(ws, LOCAL, made.id, made.variants[1].id, version=made.version)
    with pytest.raises(InvalidInputError, match="there is none yet"):
        forecasting.forecast(ws, LOCAL, made.id, metric="paid", guess=0.1)
