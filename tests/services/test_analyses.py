"""Looks that are kept, and the list."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta

import pytest

from experiments_core.analysis.contrast import Contrast
from experiments_core.domain.access import LOCAL, Actor, Role
from experiments_core.domain.experiment import Experiment, Plan
from experiments_core.domain.metric_kinds import Proportion
from experiments_core.errors import InvalidInputError, NotFoundError
from experiments_core.services import (
    acting,
    analyses,
    courses,
    ingestion,
    listing,
    readings,
    segmenting,
    traffic,
    viewing,
)
from experiments_core.services.workspace import Workspace
from experiments_core.stats import sequential
from experiments_core.stats.estimate import Undefined
from tests.services.checkout import METRICS, START, make, rows, upload, views
from tests.services.conftest import Clock


def test_the_same_data_and_settings_are_one_look_however_often_it_is_opened(
    ws: Workspace, clock: Clock, running: Experiment
):
    first = analyses.look(ws, LOCAL, running.id)
    assert first.result.look == 1
    assert first.taken_at == clock.now
    clock.wait(hours=1)
    again = analyses.look(ws, LOCAL, running.slug)
    assert again.result == first.result
    assert again.taken_at == first.taken_at
    assert again.cells == first.cells
    assert again.design.metrics == first.design.metrics


def test_a_page_that_redraws_itself_is_one_view(
    ws: Workspace, clock: Clock, running: Experiment
):
    analyses.look(ws, LOCAL, running.id)
    clock.wait(hours=1)
    for _ in range(3):
        analyses.look(ws, LOCAL, running.id)
    assert views(ws) == [(1, 2)]
    clock.wait(hours=1)
    analyses.look(ws, LOCAL, running.id)
    assert views(ws) == [(1, 3)]


def test_new_data_are_a_new_look_and_the_old_one_stays_as_it_was(
    ws: Workspace, running: Experiment
):
    before = analyses.look(ws, LOCAL, running.id)
    second = upload(ws, running, rows(3000, first=2000, lift=0.3))
    after = analyses.look(ws, LOCAL, running.id)
    assert after.result.look == 2
    assert after.result.data_hash != before.result.data_hash
    assert after.result.progress.units == 5000
    assert analyses.past_look(ws, LOCAL, running.id, 1).result == before.result
    ingestion.undo(ws, LOCAL, second)
    withdrawn = analyses.look(ws, LOCAL, running.id)
    assert withdrawn.result.look == 1
    kept = analyses.past_look(ws, LOCAL, running.id, 2)
    assert kept.result == after.result
    assert kept.cells == after.cells
    with pytest.raises(NotFoundError, match="no look 3"):
        analyses.past_look(ws, LOCAL, running.id, 3)


def test_a_far_value_that_comes_later_is_seen(ws: Workspace, running: Experiment):
    def ends() -> tuple[float, float]:
        with ws.db.read() as cursor:
            data = readings.data_of(ws.db, cursor, running)
        assert data is not None
        return data.ends["c1"]

    assert ends() == (0, 11)
    day = "2026-05-03 00:00:00"
    upload(ws, running, [f"far,B,{day},1,90000,FR", f"near,control,{day},0,0,FR"])
    assert ends() == (0, 90_000)


def test_another_reference_is_another_look(ws: Workspace, running: Experiment):
    usual = analyses.look(ws, LOCAL, running.id)
    turned = analyses.look(ws, LOCAL, running.id, reference="B")
    assert (turned.result.reference, turned.result.look) == ("B", 2)
    one = usual.result.metric("converted").arm("B").contrast
    other = turned.result.metric("converted").arm("control").contrast
    assert other.difference == pytest.approx(-one.difference)
    assert other.p_value == pytest.approx(one.p_value)
    with pytest.raises(InvalidInputError, match="no variant “C”"):
        analyses.look(ws, LOCAL, running.id, reference="C")


def test_a_running_test_is_an_interim_look_until_its_plan_is_reached(
    ws: Workspace, running: Experiment
):
    early = analyses.look(ws, LOCAL, running.id)
    assert (early.result.final, early.result.verdict.code) == (False, "interim")
    assert early.result.progress.days == 10
    assert early.data_as_of.date().isoformat() == "2026-05-10"
    upload(ws, running, rows(3000, first=2000, lift=0.3))
    late = analyses.look(ws, LOCAL, running.id)
    assert (late.result.final, late.result.verdict.code) == (True, "better")
    assert late.result.verdict.text.startswith("New is better: +30")


def test_stopping_early_is_a_new_look_read_by_the_confidence_sequence(
    ws: Workspace, running: Experiment
):
    analyses.look(ws, LOCAL, running.id)
    acting.transition(ws, LOCAL, running.id, "stop", version=running.version)
    view = analyses.look(ws, LOCAL, running.id)
    assert (view.result.look, view.result.final) == (2, True)
    contrast = view.result.metric("converted").arm("B").contrast
    assert contrast.sequential.decides
    assert view.finished


def test_without_data_nothing_is_stored_and_nothing_breaks(ws: Workspace):
    experiment = make(ws)
    view = analyses.look(ws, LOCAL, experiment.id)
    assert (view.result.verdict.code, view.result.look) == ("no_data", None)
    assert view.moments == ()
    assert courses.series(ws, LOCAL, experiment.id, "converted") == {"B": ()}
    assert segmenting.segment_columns(ws, LOCAL, experiment.id) == ()
    assert listing.summaries(ws, LOCAL) == {}
    assert views(ws) == []


def test_the_list_shows_every_experiment_with_data_in_one_line(
    ws: Workspace, running: Experiment
):
    make(ws)
    summary = listing.summaries(ws, LOCAL)[running.id]
    assert summary.verdict == "interim"
    assert summary.progress == 0.5
    contrast = analyses.look(ws, LOCAL, running.id).result.metrics[0].arms[1].contrast
    assert summary.relative_lift == contrast.relative_lift
    assert summary.relative_lift_ci_lower == contrast.sequential.relative_lift_ci_lower
    assert views(ws) == [(1, 2)]


def test_a_viewer_may_look(ws: Workspace, running: Experiment):
    viewer = Actor("vera", Role.VIEWER)
    assert analyses.look(ws, viewer, running.id).result.look == 1
    assert running.id in listing.summaries(ws, viewer)


def test_another_organisation_sees_nothing(ws: Workspace, running: Experiment):
    stranger = Actor("sam", Role.ADMIN, org_id="elsewhere")
    with pytest.raises(NotFoundError):
        analyses.look(ws, stranger, running.id)
    assert listing.summaries(ws, stranger) == {}


def test_a_changed_split_is_analysed_inside_its_phases(ws: Workspace, clock: Clock):
    clock.now = START + timedelta(days=11)
    experiment = make(ws)
    changed = traffic.change_traffic(
        ws, LOCAL, experiment.id, version=experiment.version, reason="more people",
        weights_bp={"control": 2000, "B": 8000}, at=START + timedelta(days=5),
    )  # fmt: skip
    early, late = rows(2000, days=5), []
    for i in range(2000):
        arm = "control" if i % 5 == 0 else "B"
        moment = START + timedelta(days=5) + timedelta(days=5) * i / 2000
        late.append(f"v{i},{arm},{moment:%Y-%m-%d %H:%M:%S},{int(i % 11 == 0)},1,DE")
    upload(ws, changed, [*early, *late])
    view = analyses.look(ws, LOCAL, experiment.id)
    assert view.result.phases == 2
    contrast = view.result.metrics[0].arms[1].contrast
    assert contrast.test_method == "stratified_score"
    assert [(r.control_n, r.treatment_n) for r in contrast.by_phase] == [
        (1000, 1000), (400, 1600),
    ]  # fmt: skip
    ratio = next(c for c in view.result.health if c.check == "sample_ratio_mismatch")
    assert ratio.p_value == 1.0
    assert "TIMESTAMP '2026-05-06 00:00:00'" in view.sql


def test_crossed_units_and_rejected_rows_reach_the_health_strip(ws: Workspace, clock: Clock):
    clock.now = START + timedelta(days=11)
    experiment = make(ws)
    lines = rows(1000)
    lines += [line.replace("control", "B") for line in lines[:40:2]]
    lines.append("u5000,B,2026-05-03 00:00:00,maybe,1,DE")
    upload(ws, experiment, lines)
    health = {c.check: c for c in analyses.look(ws, LOCAL, experiment.id).result.health}
    assert health["crossed_units"].facts["units"] == 20
    assert health["left_out_rows"].facts == {
        "rows_read": 1021, "rows_left_out": 41, "rows_rejected": 1,
    }  # fmt: skip


def test_a_metric_without_a_column_is_said_to_be_missing(ws: Workspace, clock: Clock):
    clock.now = START + timedelta(days=11)
    experiment = make(ws, metrics=(*METRICS, Proportion("refund", role="secondary")))
    upload(ws, experiment, rows(1000))
    result = analyses.look(ws, LOCAL, experiment.id).result
    assert result.metric("refund").arm("B").contrast.p_value == Undefined("column_missing")
    assert courses.series(ws, LOCAL, experiment.id, "refund") == {"B": ()}


def test_totals_per_variant_have_a_verdict_and_no_segments(ws: Workspace):
    text = "variant,visitors,conversions\ncontrol,14523,1201\nB,14600,1399\n"
    draft = ingestion.receive(ws, LOCAL, io.BytesIO(text.encode()), "totals.csv")
    mapping = replace(draft.detection.proposal, control="control", finished=True)
    ingestion.check(ws, LOCAL, draft.import_id, mapping)
    made = ingestion.create_from_import(ws, LOCAL, draft.import_id, mapping, name="Totals")
    ingestion.commit(ws, LOCAL, draft.import_id)
    view = analyses.look(ws, LOCAL, made.id)
    assert (view.result.verdict.code, view.result.verdict.basis) == ("better", "totals")
    arm = view.result.metric("conversions").arm("B")
    assert (arm.n, arm.conversions) == (14_600, 1399)
    assert segmenting.segment_columns(ws, LOCAL, made.id) == ()
    assert courses.series(ws, LOCAL, made.id, "conversions") == {"B": ()}
    assert "FROM totals" in view.sql


SPENDING = Plan(method="sequential", planned_units=8_000, min_runtime_days=2)


def test_a_plan_that_spends_alpha_takes_one_look_a_day_or_on_demand(
    ws: Workspace, clock: Clock
):
    clock.now = START + timedelta(days=5)
    experiment = make(ws, plan=SPENDING)
    upload(ws, experiment, rows(2000, days=3))
    first = analyses.look(ws, LOCAL, experiment.id)
    assert (first.result.look, first.newer_data) == (1, False)
    clock.wait(hours=2)
    upload(ws, experiment, rows(1000, first=2000, days=3))
    held = analyses.look(ws, LOCAL, experiment.id)
    assert (held.result.look, held.newer_data, held.result.progress.units) == (1, True, 2000)
    assert listing.summaries(ws, LOCAL)[experiment.id].progress == 0.25
    assert views(ws) == [(1, 2)]
    wanted = analyses.look(ws, LOCAL, experiment.id, fresh=True)
    assert (wanted.result.look, wanted.result.progress.units) == (2, 3000)
    upload(ws, experiment, rows(1000, first=3000, days=3))
    clock.wait(days=1)
    third = analyses.look(ws, LOCAL, experiment.id)
    assert (third.result.look, third.design.past_units) == (3, (2000, 3000))


def test_each_look_spends_its_part_and_opens_again_as_it_was(ws: Workspace, clock: Clock):
    clock.now = START + timedelta(days=5)
    experiment = make(ws, plan=SPENDING)
    bounds = []
    for place, first in enumerate((0, 2000, 4000)):
        upload(ws, experiment, rows(2000, first=first, days=3))
        view = analyses.look(ws, LOCAL, experiment.id)
        early = contrast(view)
        assert early.sequential.method == "group_sequential"
        assert early.sequential.information == (place + 1) / 4
        bounds.append(early.sequential.bound)
        clock.wait(days=1)
    assert bounds == pytest.approx(
        list(sequential.group_sequential_bounds((0.25, 0.5, 0.75), 0.05))
    )
    past = analyses.past_look(ws, LOCAL, experiment.id, 2)
    assert contrast(past).sequential.bound == bounds[1]
    assert past.design.past_units == (2000,)


def contrast(view: viewing.LookView) -> Contrast:
    found = view.result.metric("converted").arm("B").contrast
    assert found is not None
    return found
