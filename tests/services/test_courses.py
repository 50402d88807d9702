"""The course of a look by day."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.metric_kinds import Quantile, Ratio
from experiments_core.services import analyses, courses, ingestion, segmenting
from experiments_core.services.quantile_days import some_days
from experiments_core.services.workspace import Workspace
from tests.services.checkout import METRICS, START, make, rows, upload
from tests.services.conftest import Clock


def test_the_course_by_day_ends_at_the_scorecard(ws: Workspace, running: Experiment):
    points = courses.series(ws, LOCAL, running.id, "converted")["B"]
    assert len(points) == 10
    assert [p.control_n for p in points] == sorted(p.control_n for p in points)
    result = analyses.look(ws, LOCAL, running.id).result
    contrast = result.metric("converted").arm("B").contrast
    assert points[-1].relative_lift == contrast.relative_lift
    assert (points[-1].relative_lift_ci_lower, points[-1].always_valid_upper) == pytest.approx(
        (contrast.relative_lift_ci_lower, contrast.sequential.relative_lift_ci_upper)
    )
    mean = courses.series(ws, LOCAL, running.id, "revenue")["B"][-1]
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
    third = courses.series(ws, LOCAL, whole.id, "converted")["B"][2]
    part = make(ws, metrics=(replace(METRICS[0]), METRICS[1]))
    upload(ws, part, [line for line in lines if line.split(",")[2] < "2026-05-04"])
    result = analyses.look(ws, LOCAL, part.id).result
    contrast = result.metric("converted").arm("B").contrast
    assert third.relative_lift == contrast.relative_lift
    assert third.difference_ci_lower == pytest.approx(contrast.difference_ci_lower)


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
    last = courses.series(ws, LOCAL, experiment.id, "clicks")["B"][-1]
    assert last.difference == pytest.approx(told.difference, rel=1e-9)
    for part in segmenting.segments(ws, LOCAL, experiment.id, "clicks", "country"):
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
    points = courses.series(ws, LOCAL, experiment.id, "wait")["B"]
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
    parts = segmenting.segments(ws, LOCAL, experiment.id, "wait", "city")
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
