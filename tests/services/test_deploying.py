"""A version for everybody or for one unit, what it rests on, and taking it back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Experiment, Plan
from experiments_core.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
)
from experiments_core.services import acting, deploying, experiments
from experiments_core.services.workspace import Workspace
from experiments_core.store import audit
from tests.services.checkout import START, make, rows, upload
from tests.services.conftest import Clock
from tests.services.people import EDITOR, STRANGER


def after_data(
    ws: Workspace, clock: Clock, *, lift: float, plan: Plan | None = None
) -> Experiment:
    clock.now = START + timedelta(days=11)
    experiment = make(ws, plan=plan or Plan(planned_units=2000))
    upload(ws, experiment, rows(2000, lift=lift))
    return experiments.get_experiment(ws, LOCAL, experiment.id)


def stop(ws: Workspace, one: Experiment, **said: str) -> Experiment:
    return acting.transition(ws, LOCAL, one.id, "stop", version=one.version, **said)


def test_a_shown_winner_of_a_reached_plan_is_deployed_without_reservation(
    ws: Workspace, clock: Clock
):
    stopped = stop(ws, after_data(ws, clock, lift=0.6))
    after, deployment = deploying.deploy(
        ws, LOCAL, stopped.key, variant="B", version=stopped.version, reason="Won."
    )
    assert (after.status, after.deployed, after.fallback.name) == ("archived", "B", "New")
    assert (deployment.state, deployment.acknowledged, deployment.previous) == (
        "active", (), None,
    )  # fmt: skip
    assert deploying.deployments(ws, LOCAL, after.id) == (deployment,)
    with ws.db.read() as cursor:
        (event,) = audit.events_of(cursor, "default", "deployment", deployment.id)
    assert (event.verb, event.note, event.actor) == ("deploy", "Won.", "local")


def test_conditions_that_are_not_met_are_named_and_can_be_acknowledged(
    ws: Workspace, clock: Clock
):
    plan = Plan(planned_units=4000)
    stopped = stop(ws, after_data(ws, clock, lift=0.0, plan=plan))
    with pytest.raises(ConflictError) as refused:
        deploying.deploy(ws, LOCAL, stopped.id, variant="B", version=stopped.version)
    assert refused.value.code == "DEPLOY_NOT_SUPPORTED"
    codes = [problem.value for problem in refused.value.details]
    assert codes == ["not_significant", "plan_not_reached"]
    with pytest.raises(ConflictError, match="plan was not reached"):
        deploying.deploy(
            ws, LOCAL, stopped.id, variant="B", version=stopped.version,
            acknowledge=["not_significant"],
        )  # fmt: skip
    assert experiments.get_experiment(ws, LOCAL, stopped.id) == stopped
    _, deployment = deploying.deploy(
        ws, LOCAL, stopped.id, variant="B", version=stopped.version, acknowledge=codes
    )
    assert deployment.acknowledged == ("not_significant", "plan_not_reached")


def test_giving_everybody_the_control_again_rests_on_nothing(ws: Workspace, clock: Clock):
    stopped = stop(ws, after_data(ws, clock, lift=0.0))
    after, deployment = deploying.deploy(
        ws, LOCAL, stopped.id, variant="control", version=stopped.version
    )
    assert (after.fallback.key, deployment.acknowledged) == ("control", ())


def test_a_second_deployment_is_refused_until_the_first_is_reverted(
    ws: Workspace, clock: Clock
):
    stopped = stop(ws, after_data(ws, clock, lift=0.6))
    archived, first = deploying.deploy(
        ws, LOCAL, stopped.id, variant="B", version=stopped.version
    )
    with pytest.raises(ConflictError) as refused:
        deploying.deploy(ws, LOCAL, archived.id, variant="control", version=archived.version)
    assert refused.value.code == "ALREADY_DEPLOYED"
    reverted, ended = deploying.revert(ws, LOCAL, first.id, reason="Errors in the log.")
    assert (reverted.deployed, reverted.fallback.key, reverted.status) == (
        None, "control", "archived",
    )  # fmt: skip
    assert (ended.state, ended.reverted_by) == ("reverted", "local")
    with pytest.raises(ConflictError, match="was reverted on 2026-05-12 by local") as again:
        deploying.revert(ws, LOCAL, first.id)
    assert again.value.code == "ALREADY_REVERTED"


def test_a_stop_that_names_a_winner_is_one_change_with_its_deployment(
    ws: Workspace, clock: Clock
):
    running = after_data(ws, clock, lift=0.0)
    with pytest.raises(ForbiddenError):
        acting.transition(ws, EDITOR, running.id, "stop", version=running.version, winner="B")
    with pytest.raises(InvalidInputError):
        stop(ws, running, winner="nobody")
    assert experiments.get_experiment(ws, LOCAL, running.id) == running
    assert deploying.deployments(ws, LOCAL, running.id) == ()
    stopped = stop(ws, running, winner="B", reason="The board wants it.")
    (deployment,) = deploying.deployments(ws, LOCAL, running.id)
    assert (stopped.status, stopped.winner, stopped.conclusion) == ("stopped", "B", "won")
    assert (deployment.variant, deployment.acknowledged) == ("B", ("not_significant",))
    assert deployment.reason == "The board wants it."


def test_a_later_winner_takes_over_and_its_revert_gives_the_former_back(
    ws: Workspace, clock: Clock
):
    first = stop(ws, after_data(ws, clock, lift=0.0), winner="B")
    again = acting.transition(ws, LOCAL, first.id, "start", version=first.version)
    second = stop(ws, again, winner="control")
    old, new = deploying.deployments(ws, LOCAL, first.id)
    assert (old.state, new.state, new.previous) == ("reverted", "active", "B")
    reverted, _ = deploying.revert(ws, LOCAL, new.id, version=second.version)
    assert reverted.deployed == "B"


def test_a_participant_gets_a_version_and_the_experiment_stays_as_it_is(
    ws: Workspace, clock: Clock
):
    running = after_data(ws, clock, lift=0.0)
    same, deployment = deploying.deploy(
        ws, LOCAL, running.id, variant="B", version=running.version,
        target="participant", unit_id=" u1 ",
    )  # fmt: skip
    assert same == running
    assert (deployment.unit_id, deployment.target) == ("u1", "participant")
    later, _ = deploying.deploy(
        ws, LOCAL, running.id, variant="control", version=None,
        target="participant", unit_id="u1",
    )  # fmt: skip
    assert later == running
    states = [one.state for one in deploying.deployments(ws, LOCAL, running.id)]
    assert states == ["reverted", "active"]


def test_the_archive_gives_no_participant_another_version(ws: Workspace, clock: Clock):
    stopped = stop(ws, after_data(ws, clock, lift=0.0))
    archived = acting.transition(ws, LOCAL, stopped.id, "archive", version=stopped.version)
    with pytest.raises(ConflictError, match="Unarchive it") as refused:
        deploying.deploy(
            ws, LOCAL, archived.id, variant="B", version=archived.version,
            target="participant", unit_id="u1",
        )  # fmt: skip
    assert refused.value.code == "INVALID_TRANSITION"


@pytest.mark.parametrize(
    ("said", "rules"),
    (
        ({"variant": None}, [("variant", "REQUIRED")]),
        ({"variant": "C"}, [("variant", "UNKNOWN_CHOICE")]),
        ({"target": "moon"}, [("target", "UNKNOWN_CHOICE")]),
        ({"unit_id": "u1"}, [("unit_id", "UNKNOWN_FIELD")]),
        ({"target": "participant"}, [("unit_id", "REQUIRED")]),
        ({"acknowledge": ("luck",)}, [("acknowledge", "UNKNOWN_CHOICE")]),
        ({"variant": "C", "reason": "x" * 501},
         [("variant", "UNKNOWN_CHOICE"), ("reason", "LENGTH")]),
    ),
)  # fmt: skip
def test_what_is_said_with_a_deployment_is_checked_all_at_once(
    ws: Workspace, clock: Clock, said: dict[str, object], rules: list[tuple[str, str]]
):
    stopped = stop(ws, after_data(ws, clock, lift=0.0))
    with pytest.raises(InvalidInputError) as refused:
        deploying.deploy(
            ws, LOCAL, stopped.id, version=stopped.version, **{"variant": "B"} | said
        )
    assert [(problem.field, problem.rule) for problem in refused.value.details] == rules


def test_nobody_else_may_deploy_revert_or_see(ws: Workspace, clock: Clock):
    stopped = stop(ws, after_data(ws, clock, lift=0.6))
    with pytest.raises(ForbiddenError, match="Deploying needs the admin role"):
        deploying.deploy(ws, EDITOR, stopped.id, variant="B", version=stopped.version)
    _, deployment = deploying.deploy(
        ws, LOCAL, stopped.id, variant="B", version=stopped.version
    )
    with pytest.raises(ForbiddenError):
        deploying.revert(ws, EDITOR, deployment.id)
    for call in (
        lambda: deploying.revert(ws, STRANGER, deployment.id),
        lambda: deploying.deployments(ws, STRANGER, stopped.id),
    ):
        with pytest.raises(NotFoundError):
            call()


def test_a_purge_erases_rows_tables_and_files_and_keeps_the_trail(ws: Workspace, clock: Clock):
    kept = after_data(ws, clock, lift=0.0)
    stopped = stop(ws, after_data(ws, clock, lift=0.6))
    deploying.conditions(ws, LOCAL, stopped.id, "B")
    deleted = acting.transition(ws, LOCAL, stopped.id, "delete", version=stopped.version)
    before = len(experiments.history(ws, LOCAL, stopped.id))
    files = set((ws.db.side / "uploads").iterdir())
    acting.transition(ws, LOCAL, deleted.id, "purge", version=deleted.version)
    assert len(files - set((ws.db.side / "uploads").iterdir())) == 1
    with ws.db.read() as cursor:
        named = cursor.execute(
            "SELECT table_name FROM duckdb_columns() WHERE database_name = 'upshot' "
            "AND column_name = 'experiment_id'"
        ).fetchall()
        for (table,) in named:
            rest = cursor.execute(f"SELECT DISTINCT experiment_id FROM {table}").fetchall()
            assert {one for (one,) in rest} <= {kept.id}
        units = cursor.execute(
            "SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE 'units_%'"
        ).fetchone()
        assert units == (1,)
        events = audit.events_of(cursor, "default", "experiment", deleted.id)
        assert audit.first_broken_event(cursor, ws.db.secret) is None
    assert len(events) == before + 1
    assert events[-1].after is not None
    assert events[-1].after["erased"]["units"] == 2000
