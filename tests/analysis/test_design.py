"""Which phases count, and what the confidence sequence is tuned to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from experiments_core.analysis.design import PhaseDesign, phase_designs
from experiments_core.domain.experiment import Experiment, Phase, Plan, Variant
from experiments_core.domain.lifecycle import Status
from tests.analysis.conftest import design

START = datetime(2026, 5, 1, tzinfo=UTC)
HALF = {"control": 5000, "B": 5000}


def phase(seq: int, kind: str, weights: dict[str, int], **more: object) -> Phase:
    given = {
        "run_no": 1, "seq": seq, "kind": kind, "started_at": START + timedelta(days=seq),
        "ended_at": None, "weights_bp": weights, "allocation_bp": 10_000, "holdout_bp": 0,
        "reason": "", "by": "local",
    }  # fmt: skip
    return Phase(**given | more)


def experiment(*phases: Phase) -> Experiment:
    return Experiment(
        id="1", key="k", slug="k", name="K", version=1, status=Status.RUNNING,
        variants=(Variant("control", "C", True, 5000), Variant("B", "B", False, 5000)),
        created_at=START, updated_at=START, created_by="local", phases=phases,
    )  # fmt: skip


def test_a_pause_and_a_change_of_allocation_open_no_new_interval():
    known = experiment(
        phase(1, "start", HALF),
        phase(2, "resume", HALF),
        phase(3, "traffic", HALF, allocation_bp=5000),
        phase(4, "traffic", {"control": 2000, "B": 8000}),
    )
    opened, designs = phase_designs(known)
    assert [one.seq for one in opened] == [1, 4]
    assert [one.started.day for one in designs] == [2, 5]


def test_after_a_new_random_assignment_earlier_phases_do_not_count():
    fresh = phase(2, "start", HALF, run_no=2, rerandomised=True)
    opened, designs = phase_designs(experiment(phase(1, "start", HALF), fresh))
    assert opened == (fresh,)
    assert len(designs) == 1


def test_an_experiment_that_never_started_has_its_present_split():
    opened, designs = phase_designs(experiment())
    assert (opened, designs) == ((), (PhaseDesign(HALF),))


@pytest.mark.parametrize(
    ("plan", "units"),
    (
        (Plan(planned_units=56_200), 56_200),
        (Plan(daily_units=300), 4_200),
        (Plan(), 5_000),
    ),
)
def test_looks_are_tuned_to_the_plan_before_the_first_of_them(plan: Plan, units: int):
    assert design(plan=plan).tuned_to("B") == units


def test_a_pair_among_several_arms_is_tuned_to_its_own_share():
    weights = {"control": 1, "B": 1, "C": 2}
    told = design(
        arms=("control", "B", "C"),
        phases=(PhaseDesign(weights),),
        plan=Plan(planned_units=4000),
    )
    assert (told.tuned_to("B"), told.tuned_to("C")) == (2000, 3000)
    drained = replace(told, phases=(PhaseDesign({"control": 0, "B": 0, "C": 1}),))
    assert drained.tuned_to("B") == 4000
