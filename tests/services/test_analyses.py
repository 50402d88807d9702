"""Looks that are kept, their course by day, segments, one number explained, the list."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from experiments_core.analysis.results import Contrast
from experiments_core.domain.access import LOCAL, Actor, Role
from experiments_core.domain.experiment import Experiment, ExperimentDraft, Plan, VariantDraft
from experiments_core.domain.metric import Metric
from experiments_core.domain.metric_kinds import Mean, Proportion, Quantile, Ratio
from experiments_core.errors import InvalidInputError, NotFoundError
from experiments_core.services import (
    acting,
    analyses,
    experiments,
    ingestion,
    inspecting,
    listing,
    traffic,
    viewing,
)
from experiments_core.services.quantile_days import some_days
from experiments_core.services.workspace import Workspace
from experiments_core.stats import sequential
from experiments_core.stats.estimate import Undefined
from tests.services.conftest import Clock

START = datetime(2026, 5, 1, tzinfo=UTC)
METRICS = (Proportion("converted"), Mean("revenue", role="secondary"))


def rows(
    count: int, *, first: int = 0, days: int = 10, lift: float = 0.0, country: bool = True
) -> list[str]:
    """Units in turn, one control and one B, over some days from the first of May."""
    lines = []
    for i in range(first, first + count):
        arm = "control" if i % 2 == 0 else "B"
        moment = START + timedelta(days=days) * (i - first) / count
        rate = 20 * (1 + lift if arm == "B" else 1)
        hit = int((i // 2 * 37) % 100 < rate)
        place = f",{('DE', 'FR', '')[i % 3]}" if country else ""
        lines.append(f"u{i},{arm},{moment:%Y-%m-%d %H:%M:%S},{hit},{hit * (5 + i % 7)}{place}")
    return lines


def upload(
    ws: Workspace, experiment: Experiment | None, lines: Iterable[str], **told: object
) -> str:
    """Bring rows in as a person would; the id of the import."""
    text = "user_id,variant,first_seen,converted,revenue,country\n" + "\n".join(lines) + "\n"
    draft = ingestion.receive(
        ws, LOCAL, io.BytesIO(text.encode()), "data.csv",
        experiment_id=experiment.id if experiment else None,
    )  # fmt: skip
    mapping = replace(draft.detection.proposal, control="control", finished=False, **told)
    report = ingestion.check(ws, LOCAL, draft.import_id, mapping)
    assert not report.questions
    ingestion.commit(ws, LOCAL, draft.import_id, mode="good_rows")
    return draft.import_id


def make(
    ws: Workspace, *, metrics: tuple[Metric, ...] = METRICS, plan: Plan | None = None
) -> Experiment:
    draft = ExperimentDraft(
        name="Shorter checkout",
        variants=(VariantDraft("control", "Old"), VariantDraft("B", "New")),
        metrics=metrics,
        plan=plan or Plan(planned_units=4000, min_runtime_days=7),
    )
    made = experiments.create_experiment(ws, LOCAL, draft, at=START)
    return acting.transition(ws, LOCAL, made.id, "start", version=made.version, at=START)


@pytest.fixture
def running(ws: Workspace, clock: Clock) -> Experiment:
    clock.now = START + timedelta(days=11)
    experiment = make(ws)
    upload(ws, experiment, rows(2000, lift=0.3))
    return experiments.get_experiment(ws, LOCAL, experiment.id)


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


def views(ws: Workspace) -> list[tuple[int, int]]:
    with ws.db.read() as cursor:
        return cursor.execute("SELECT no, views FROM looks ORDER BY no").fetchall()


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


def test_the_course_by_day_ends_at_the_scorecard(ws: Workspace, running: Experiment):
    points = inspecting.series(ws, LOCAL, running.id, "converted")["B"]
    assert len(points) == 10
    assert [p.control_n for p in points] == sorted(p.control_n for p in points)
    result = analyses.look(ws, LOCAL, running.id).result
    contrast = result.metric("converted").arm("B").contrast
    assert points[-1].relative_lift == contrast.relative_lift
    assert (points[-1].relative_lift_ci_lower, points[-1].always_valid_upper) == pytest.approx(
        (contrast.relative_lift_ci_lower, contrast.sequential.relative_lift_ci_upper)
    )
    mean = inspecting.series(ws, LOCAL, running.id, "revenue")["B"][-1]
    told = result.metric("revenue").arm("B").contrast
    assert mean.difference == pytest.approx(told.difference, rel=1e-9)
    assert mean.difference_ci_upper == pytest.approx(told.difference_ci_upper, rel=1e-9)


def test_each_point_is_what_a_look_at_the_end_of_its_day_would_have_shown(
    ws: Workspace, clock: Clock
):
    clock.now = START + timedelta(days=11)
    lines = rows(2000, lift=0.3)
    whole = make(ws)
    upload(ws, whole, lines)
    third = inspecting.series(ws, LOCAL, whole.id, "converted")["B"][2]
    part = make(ws, metrics=(replace(METRICS[0]), METRICS[1]))
    upload(ws, part, [line for line in lines if line.split(",")[2] < "2026-05-04"])
    result = analyses.look(ws, LOCAL, part.id).result
    contrast = result.metric("converted").arm("B").contrast
    assert third.relative_lift == contrast.relative_lift
    assert third.difference_ci_lower == pytest.approx(contrast.difference_ci_lower)


def test_segments_count_the_blank_value_and_are_corrected(ws: Workspace, running: Experiment):
    assert inspecting.segment_columns(ws, LOCAL, running.id) == ("country",)
    found = inspecting.segments(ws, LOCAL, running.id, "converted", "country")
    assert {one.value for one in found} == {"DE", "FR", "(blank)"}
    assert sum(arm.n for one in found for arm in one.arms) == 2000
    contrast = found[0].arms[1].contrast
    assert contrast.p_value_adjusted >= contrast.p_value
    view = analyses.look(ws, LOCAL, running.id)
    told = inspecting.explained_segment(
        ws, LOCAL, view, "converted", "country", value=found[0].value, variant="B"
    )
    assert told is not None
    assert told.moments[0]["n"] == found[0].arms[0].n
    with pytest.raises(NotFoundError, match="no segment column “city”"):
        inspecting.segments(ws, LOCAL, running.id, "converted", "city")
    with pytest.raises(NotFoundError, match="no metric “clicks”"):
        inspecting.segments(ws, LOCAL, running.id, "clicks", "country")


def test_a_number_is_explained_by_formula_moments_and_query(ws: Workspace, running: Experiment):
    told = inspecting.explain(ws, LOCAL, running.id, "converted", "B")
    assert "p_t = " in told.numbers
    assert told.moments[1]["conversions"] is not None
    assert told.sql.startswith("SELECT")
    assert "FROM units_" in told.sql
    with pytest.raises(NotFoundError, match="no metric “clicks”"):
        inspecting.explain(ws, LOCAL, running.id, "clicks", "B")
    with pytest.raises(NotFoundError, match="not compared"):
        inspecting.explain(ws, LOCAL, running.id, "converted", "control")


def test_without_data_nothing_is_stored_and_nothing_breaks(ws: Workspace):
    experiment = make(ws)
    view = analyses.look(ws, LOCAL, experiment.id)
    assert (view.result.verdict.code, view.result.look) == ("no_data", None)
    assert view.moments == ()
    assert inspecting.series(ws, LOCAL, experiment.id, "converted") == {"B": ()}
    assert inspecting.segment_columns(ws, LOCAL, experiment.id) == ()
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
    assert inspecting.series(ws, LOCAL, experiment.id, "refund") == {"B": ()}


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
    assert inspecting.segment_columns(ws, LOCAL, made.id) == ()
    assert inspecting.series(ws, LOCAL, made.id, "conversions") == {"B": ()}
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


def test_every_slice_that_is_opened_is_counted_once(ws: Workspace, running: Experiment):
    assert inspecting.opened_slices(ws, LOCAL, running.id) == ()
    for metric in ("converted", "revenue", "converted"):
        inspecting.segments(ws, LOCAL, running.id, metric, "country")
    opened = inspecting.opened_slices(ws, LOCAL, running.id)
    assert [(one.metric, one.column, one.segments) for one in opened] == [
        ("converted", "country", 3),
        ("revenue", "country", 3),
    ]


def test_a_ratio_is_adjusted_by_its_past_in_look_course_and_segments(
    ws: Workspace, clock: Clock
):
    clock.now = START + timedelta(days=11)
    metric = Ratio(
        "clicks", "views", covariate="clicks_before", covariate_denominator="views_before"
    )
    experiment = make(ws, metrics=(metric,))
    head = "user_id,variant,first_seen,clicks,views,clicks_before,views_before,country"
    lines = [head]
    for i in range(400):
        arm, taste = ("control", "B")[i % 2], (i * 7919) % 101
        moment = START + timedelta(minutes=30 * i)
        views, past = 4 + i % 5, 3 + (i // 3) % 7
        before = f"{past * taste},{past}" if i % 9 else ","
        mine = views * taste + 3 * (i % 4)
        place = ("DE", "FR")[i // 2 % 2]
        lines.append(f"u{i},{arm},{moment:%F %T},{mine},{views},{before},{place}")
    draft = ingestion.receive(
        ws, LOCAL, io.BytesIO("\n".join(lines).encode()), "x.csv", experiment_id=experiment.id
    )
    mapping = replace(draft.detection.proposal, control="control", finished=False)
    ingestion.check(ws, LOCAL, draft.import_id, mapping)
    ingestion.commit(ws, LOCAL, draft.import_id)
    view = analyses.look(ws, LOCAL, experiment.id)
    arm = view.result.metric("clicks").arm("B")
    told = arm.contrast
    assert told.adjustment.covariate == "clicks_before / views_before"
    assert told.adjustment.variance_saved > 0.5
    assert arm.covariate_filled == pytest.approx(1 / 9, abs=0.01)
    last = inspecting.series(ws, LOCAL, experiment.id, "clicks")["B"][-1]
    assert last.difference == pytest.approx(told.difference, rel=1e-9)
    for part in inspecting.segments(ws, LOCAL, experiment.id, "clicks", "country"):
        own = part.arms[1].contrast
        assert own.adjustment.variance_saved > 0.5
        raw, after = own.unadjusted, own.difference_ci_upper - own.difference_ci_lower
        assert raw.difference_ci_upper - raw.difference_ci_lower > after


def test_a_quantile_has_a_course_and_a_slice_of_all_small_segments(ws: Workspace, clock: Clock):
    clock.now = START + timedelta(days=21)
    experiment = make(ws, metrics=(Quantile("wait", 0.9),))
    lines, known = ["user_id,variant,first_seen,wait,city"], []
    for i in range(7200):
        arm, wait = ("control", "B")[i % 2], (i * 7919) % 4001 + 1
        city = "c00" if i % 5 == 0 else f"c{i // 2 % 24:02}"
        moment = START + timedelta(days=20) * i / 7200
        lines.append(f"u{i},{arm},{moment:%F %T},{wait},{city}")
        known.append((arm, city, moment.date(), wait))
    draft = ingestion.receive(
        ws, LOCAL, io.BytesIO("\n".join(lines).encode()), "x.csv", experiment_id=experiment.id
    )
    mapping = replace(draft.detection.proposal, control="control", finished=False)
    ingestion.check(ws, LOCAL, draft.import_id, mapping)
    ingestion.commit(ws, LOCAL, draft.import_id)
    view = analyses.look(ws, LOCAL, experiment.id)
    told = view.result.metric("wait").arm("B").contrast
    points = inspecting.series(ws, LOCAL, experiment.id, "wait")["B"]
    assert len(points) == 14
    assert points[-1].difference == told.difference
    assert points[-1].difference_ci_lower == pytest.approx(told.difference_ci_lower)
    middle = points[6]
    control, treatment = (
        [wait for arm, _, day, wait in known if arm == wanted and day <= middle.day]
        for wanted in ("control", "B")
    )
    assert middle.control_n == len(control)
    difference = np.quantile(treatment, 0.9) - np.quantile(control, 0.9)
    assert middle.difference == pytest.approx(difference)
    parts = inspecting.segments(ws, LOCAL, experiment.id, "wait", "city")
    assert [len(parts), parts[-1].value] == [21, "(other)"]
    own = {part.value for part in parts}
    rest = [wait for arm, city, _, wait in known if arm == "B" and city not in own]
    other = parts[-1].arms[1]
    assert (other.n, other.value) == (len(rest), pytest.approx(np.quantile(rest, 0.9)))
    assert isinstance(other.contrast.p_value, float)


def test_a_course_of_a_few_days_ends_with_the_last_one_at_even_distances():
    first = date(2026, 5, 1)
    found = some_days(first, date(2026, 5, 28), 4)
    assert [one.day for one in found] == [7, 14, 21, 28]
    assert [one.day for one in some_days(first, date(2026, 5, 3), 14)] == [1, 2, 3]
