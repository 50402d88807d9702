"""Results that the plan keeps shut: health and progress are shown, no metric is."""

from __future__ import annotations

from dataclasses import replace

from experiments_core.analysis.results import (
    Check,
    ExperimentResult,
    Recommendation,
    Verdict,
)
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.lifecycle import Status

OVER = frozenset({Status.STOPPED, Status.COMPLETED, Status.ARCHIVED})
TELLING = frozenset({"suspicious_lift", "heterogeneous_phases"})
"""Checks that are made of the effects themselves."""
TEXT = "The results are locked until the plan is reached or the test has ended."


def is_locked(experiment: Experiment, result: ExperimentResult) -> bool:
    """Whether a reading stays shut: its plan says so, it is interim, and the test goes on."""
    ended = experiment.status in OVER or experiment.data_finished is True
    has_data = result.verdict.code != "no_data"
    return experiment.plan.lock_results and has_data and not result.final and not ended


def shut(result: ExperimentResult) -> ExperimentResult:
    """The same without everything that tells how the arms compare."""
    red = tuple(card.check for card in result.health if card.level == "fail")
    verdict, suggestion = result.verdict, result.recommendation
    if not red:
        verdict = Verdict("interim", None, verdict.basis, TEXT)
        suggestion = Recommendation(
            "keep_running", None, ("plan_not_reached",),
            "Keep running: the plan is not reached.",
        )  # fmt: skip
    return replace(
        result,
        verdict=verdict,
        recommendation=suggestion,
        health=tuple(_told(card) for card in result.health if card.check not in TELLING),
        metrics=(),
        holdout=None,
        locked=True,
    )


def _told(card: Check) -> Check:
    """A check without the conversions of an arm."""
    if card.check != "minimum_reached" or card.level == "pass":
        return card
    return replace(card, message="The plan's minima are not reached yet.")
