from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from experiments_core.domain.experiment import Experiment, Plan
from experiments_core.domain.metric_kinds import Mean, Proportion
from experiments_core.domain.sealing import check_edit, merge_metrics, seal_hash
from experiments_core.errors import ConflictError

Build = Callable[..., Experiment]
OPEN = ("name", "description", "tags", "owner", "type", "data_finished")
SEALED = ("hypothesis", "plan")
DESIGN = ("allocation_bp", "holdout_bp", "variants", "assignment_mode", "unit")


@pytest.mark.parametrize("field", (*OPEN, *SEALED, *DESIGN, "key", "metrics"))
def test_a_draft_is_open(build: Build, field: str):
    check_edit(build("draft"), {field: "anything"})


@pytest.mark.parametrize("place", ("running", "paused", "stopped", "completed"))
def test_a_started_experiment_is_open_where_nothing_was_promised(build: Build, place: str):
    check_edit(build(place), dict.fromkeys(OPEN, "anything"))


@pytest.mark.parametrize("place", ("running", "paused", "stopped", "completed"))
@pytest.mark.parametrize("field", (*SEALED, *DESIGN))
def test_the_start_seals_promise_and_design(build: Build, place: str, field: str):
    with pytest.raises(ConflictError, match="fixed when the test started on 4 May") as refused:
        check_edit(build(place), {"name": "ok", field: "anything"})
    assert refused.value.code == "SEALED"


def test_the_key_is_frozen_by_the_start(build: Build):
    with pytest.raises(ConflictError) as refused:
        check_edit(build("running"), {"key": "other"})
    assert refused.value.code == "KEY_FROZEN"


@pytest.mark.parametrize(("place", "way"), (("archived", "Unarchive"), ("bin", "Restore")))
def test_archive_and_bin_are_read_only(build: Build, place: str, way: str):
    with pytest.raises(ConflictError, match=f"{way} it to edit it") as refused:
        check_edit(build(place), {"name": "x"})
    assert refused.value.code == "INVALID_TRANSITION"


def test_after_the_start_metrics_can_only_be_added_and_never_decide(build: Build):
    running = build("running")
    (paid,) = running.metrics
    check_edit(running, {"metrics": [paid, Mean("revenue", role="secondary")]})
    for wrong in ([], [paid, Mean("revenue")], [replace(paid, name="Other")], "paid"):
        with pytest.raises(ConflictError) as refused:
            check_edit(running, {"metrics": wrong})
        assert refused.value.message == (
            "The primary metric was fixed when the test started on 4 May. Add yours as a "
            "secondary metric (marked post-hoc), or stop and start a new run."
        )


def test_metrics_of_a_file_join_a_draft_as_they_are():
    merged = merge_metrics((Proportion("paid"),), [Mean("revenue")], started=False)
    assert merged == (Proportion("paid"), Mean("revenue"))


def test_metrics_of_a_file_join_a_started_test_as_post_hoc():
    guardrail = Proportion("refund", role="guardrail", non_inferiority_margin=0.1)
    found = [Proportion("paid", role="secondary"), Mean("revenue"), guardrail]
    merged = merge_metrics((Proportion("paid"),), found, started=True)
    assert merged == (
        Proportion("paid"),
        Mean("revenue", role="secondary", post_hoc=True),
        replace(guardrail, post_hoc=True),
    )


def test_the_seal_covers_hypothesis_metrics_and_plan_only(build: Build):
    seal = seal_hash(build())
    assert seal_hash(build(name="Other", tags=("x",))) == seal
    changed = (
        build(hypothesis="x"), build(metrics=(Mean("paid"),)), build(plan=Plan(alpha=0.1)),
    )  # fmt: skip
    assert len({seal, *map(seal_hash, changed)}) == 4
