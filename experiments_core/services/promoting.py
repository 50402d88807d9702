"""Auto-promote: what an experiment still waits for, and the act where an admin allowed it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from experiments_core.analysis import promoting as rules
from experiments_core.analysis.design import Design
from experiments_core.analysis.promoting import Condition
from experiments_core.analysis.readiness import unmet_conditions
from experiments_core.analysis.results import ExperimentResult
from experiments_core.domain.access import Actor, Role
from experiments_core.domain.acts import Act, perform
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.lifecycle import Verb
from experiments_core.domain.promotion import AUTO_PROMOTE, UNDER_WAY, days_run, promotion_of
from experiments_core.services import deployed
from experiments_core.services.saving import Save, moment
from experiments_core.services.workspace import Workspace
from experiments_core.store.allowing import allows_auto_promote

REASON = "Everything was met that the experiment asked for before auto-promote."


def actor_of(experiment: Experiment) -> Actor:
    """Who acts when nobody does."""
    return Actor(AUTO_PROMOTE, Role.ADMIN, experiment.org_id)


def may_act(ws: Workspace, experiment: Experiment) -> bool:
    """Whether an admin has allowed it for the project."""
    with ws.db.read() as cursor:
        return allows_auto_promote(cursor, experiment.org_id, experiment.project)


def conditions(
    experiment: Experiment, result: ExperimentResult, now: datetime
) -> tuple[Condition, ...]:
    """Every condition of the treatment that gains most; empty where nothing is asked for."""
    asked = promotion_of(experiment, now)
    arm = rules.closest(result.metrics, result.treatments)
    if asked is None or arm is None:
        return ()
    days = days_run(experiment, now)
    return rules.conditions(result.metrics, result.health, asked, arm, days)


def promote_if_ready(
    ws: Workspace, experiment: Experiment, result: ExperimentResult, design: Design
) -> Experiment | None:
    """Stop the test and give everybody the winner, if all is met and an admin allowed it.

    Returns:
        The experiment afterwards; None when nothing was done.
    """
    winner = result.recommendation.variant
    ready = "auto_promote_ready" in result.recommendation.reasons
    if not ready or winner is None or not may_act(ws, experiment):
        return None
    actor = actor_of(experiment)
    unmet = unmet_conditions(result, design, winner)

    def change(before: Experiment) -> Experiment:
        if before.version != experiment.version or before.place not in UNDER_WAY:
            return before
        when = moment(None, ws.now(), before)
        return perform(before, Act(Verb.STOP, when, actor.name, REASON, winner=winner))

    def also(cursor: Any, before: Experiment, after: Experiment) -> None:
        if after != before:
            deployed.record(
                ws, actor, cursor, before, variant=winner, reason=REASON, acknowledged=unmet
            )

    after = Save(ws, actor, "stop", REASON).change(experiment.id, None, change, also)
    return after if after.version != experiment.version else None
