"""Quantiles of several rows per unit, from an upload to every place that shows them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import experiments_core as ec
from experiments_core.domain.access import LOCAL
from experiments_core.domain.metric_kinds import Mean, Quantile
from experiments_core.domain.source import Role
from experiments_core.errors import ConflictError
from experiments_core.services import (
    analyses,
    courses,
    experiments,
    explaining,
    ingestion,
    segmenting,
)
from experiments_core.services.calibration import calibration
from experiments_core.services.rows_behind import rows_behind
from experiments_core.services.viewing import LookView
from experiments_core.services.workspace import Workspace, open_workspace
from experiments_core.stats.contrasts import compare
from experiments_core.stats.moments import Located
from experiments_core.stats.quantiles import limiting_shares, quantile_pair
from tests.stats.simulation import moments

UNITS = 400
P90 = Quantile("cost", 0.9, key="p90", role="secondary")
MEAN = Mean("cost", key="cost", role="primary")


@pytest.fixture(scope="module")
def sessions() -> pd.DataFrame:
    """Sessions of users who are alike; some cost nothing that anybody knows."""
    draw = np.random.default_rng(8)
    rows = []
    for number in range(UNITS):
        own, day = draw.normal(0, 0.6), 1 + number % 10
        for _ in range(draw.integers(1, 9)):
            cost = "" if draw.random() < 0.05 else f"{np.exp(own + draw.normal(0, 0.4)):.2f}"
            seen = f"2026-05-{day:02d} 10:00:00"
            rows.append(
                (f"u{number:03d}", "ab"[number % 2], seen, cost, "DE FR"[number % 3 :][:2])
            )
    return pd.DataFrame(rows, columns=["user_id", "variant", "seen_at", "cost", "country"])


@pytest.fixture(scope="module")
def ws() -> Iterator[Workspace]:
    with open_workspace(":memory:") as found:
        yield found


def imported(ws: Workspace, table: pd.DataFrame, rule: str, into: str = "") -> str:
    text = table.to_csv(index=False)
    draft = ingestion.receive(
        ws, LOCAL, io.BytesIO(text.encode()), f"{rule}{len(table)}.csv",
        experiment_id=into or None,
    )  # fmt: skip
    proposal = draft.detection.proposal
    columns = tuple(
        replace(one, role=Role.VALUE, repeats=rule, blank="exclude")
        if one.name == "cost"
        else one
        for one in proposal.columns
    )
    mapping = replace(proposal, control="a", finished=True, columns=columns, repeats="first")
    ingestion.check(ws, LOCAL, draft.import_id, mapping)
    if into:
        ingestion.commit(ws, LOCAL, draft.import_id)
        return into
    made = ingestion.create_from_import(ws, LOCAL, draft.import_id, mapping, name=rule)
    ingestion.commit(ws, LOCAL, draft.import_id)
    return measured(ws, made.id)


def measured(ws: Workspace, key: str) -> str:
    """With the p90 beside what the file brought."""
    there = experiments.get_experiment(ws, LOCAL, key)
    changes = {"metrics": [*there.metrics, P90]}
    return experiments.edit_experiment(ws, LOCAL, key, changes, version=there.version).slug


@pytest.fixture(scope="module")
def view(ws: Workspace, sessions: pd.DataFrame) -> LookView:
    return analyses.look(ws, LOCAL, imported(ws, sessions, "rows"))


def by_hand(sessions: pd.DataFrame, q: float) -> list[Located]:
    """Both arms with numpy: type 7, the share's error over units."""
    known = sessions.assign(cost=pd.to_numeric(sessions["cost"])).dropna(subset=["cost"])
    found = []
    for arm in "ab":
        part = known[known["variant"] == arm]
        value = float(np.quantile(part["cost"], q))
        per_unit = part.groupby("user_id")["cost"]
        below = per_unit.agg(lambda one, at=value: int((one <= at).sum()))
        shares = limiting_shares(q, moments(below.tolist(), per_unit.size().tolist()))
        low, high = np.quantile(part["cost"], shares)
        found.append(Located(len(below), len(part), value, float(low), float(high)))
    return found


def test_the_interval_of_an_upload_respects_the_unit(view: LookView, sessions: pd.DataFrame):
    control, treatment = by_hand(sessions, 0.9)
    expected = compare(quantile_pair([(control, treatment)]), 0.05, "two-sided")
    metric = view.result.metric("p90")
    found = metric.arm("b").contrast
    assert metric.arm("a").value == pytest.approx(control.value, rel=1e-12)
    assert found.p_value == pytest.approx(expected.test.p_value, rel=1e-9)
    assert found.difference_ci_lower == pytest.approx(expected.difference.ci_lower, rel=1e-9)
    told = explaining.explained(view, "p90", "b").numbers
    assert f"n_c = {control.n}, rows = {control.rows}" in told


def test_the_notebook_says_the_same_by_a_rule_of_the_column(
    view: LookView, sessions: pd.DataFrame
):
    table = sessions.assign(cost=pd.to_numeric(sessions["cost"]))
    report = ec.analyze(
        table, variant="variant", unit="user_id", control="a",
        metrics=[MEAN, P90], repeats={"*": "first", "cost": "rows"},
    )  # fmt: skip
    for key in ("cost", "p90"):
        ours, theirs = view.result.metric(key).arm("b").contrast, report[key].arm.contrast
        assert ours.p_value == pytest.approx(theirs.p_value, rel=1e-9)
        assert ours.relative_lift == pytest.approx(theirs.relative_lift, rel=1e-9)


def test_a_mean_of_the_same_column_adds_the_rows_up(view: LookView, sessions: pd.DataFrame):
    known = sessions.assign(cost=pd.to_numeric(sessions["cost"]))
    sums = known.groupby(["variant", "user_id"])["cost"].sum(min_count=1).groupby("variant")
    assert view.result.metric("cost").arm("a").value == pytest.approx(sums.mean()["a"])


def test_course_segments_and_rows_show_it_too(ws: Workspace, view: LookView):
    key = view.experiment.id
    points = courses.series(ws, LOCAL, key, "p90", shown=view)["b"]
    last = view.result.metric("p90").arm("b").contrast
    assert points[-1].difference == pytest.approx(last.difference)
    cut = segmenting.segments(ws, LOCAL, key, "p90", "country", shown=view)
    assert sum(arm.n for one in cut for arm in one.arms) <= UNITS
    found = rows_behind(ws, LOCAL, view, "p90", "b")
    assert found is not None
    assert found.columns[-1] == "cost"
    assert len(found.rows[0][-1]) > 1


def test_shuffled_units_keep_their_rows_together(ws: Workspace, view: LookView):
    found = calibration(ws, LOCAL, view.experiment.id, "p90", "b", shuffles=300)
    assert found.units <= UNITS
    assert found.planned.holds  # rows taken as independent are wrong three times as often


def test_rows_cannot_be_added_to_data_that_kept_sums(ws: Workspace, sessions: pd.DataFrame):
    slug = imported(ws, sessions[sessions["user_id"] < "u200"], "sum")
    with pytest.raises(ConflictError, match="every row"):
        imported(ws, sessions[sessions["user_id"] >= "u200"], "rows", slug)


def test_events_of_a_file_keep_their_values(ws: Workspace, sessions: pd.DataFrame):
    exposed = sessions.drop_duplicates("user_id").assign(event="exposure", cost="")
    later = sessions.assign(event="session", seen_at="2026-05-20 10:00:00")
    log = pd.concat([exposed, later[later["cost"] != ""]])[
        ["user_id", "variant", "seen_at", "event", "cost"]
    ]
    draft = ingestion.receive(
        ws, LOCAL, io.BytesIO(log.to_csv(index=False).encode()), "log.csv"
    )
    proposal = draft.detection.proposal
    columns = tuple(
        replace(one, role=Role.VALUE, repeats="rows", blank="exclude")
        if one.name == "cost"
        else one
        for one in proposal.columns
    )
    mapping = replace(
        proposal, control="a", finished=True, columns=columns, exposure_event="exposure",
        conversion_events=("session",), window="all",
    )  # fmt: skip
    ingestion.check(ws, LOCAL, draft.import_id, mapping)
    made = ingestion.create_from_import(ws, LOCAL, draft.import_id, mapping, name="log")
    ingestion.commit(ws, LOCAL, draft.import_id)
    result = analyses.look(ws, LOCAL, measured(ws, made.id)).result
    control, treatment = by_hand(sessions, 0.9)
    assert result.metric("p90").arm("a").value == pytest.approx(control.value)
    assert result.metric("p90").arm("b").value == pytest.approx(treatment.value)
