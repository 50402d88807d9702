"""The first page: doors, what needs a person, the list, the bin."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from streamlit.testing.v1 import AppTest

from experiments_core.charts.theme import LIGHT
from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Experiment, ExperimentDraft
from experiments_core.domain.metric_kinds import Proportion
from experiments_core.services import acting, experiments
from experiments_core.services.listing import ExperimentSummary
from experiments_core.services.workspace import Workspace
from pages.parts import experiments_attention as attention
from pages.parts import experiments_interval as interval
from pages.parts.experiments_rows import Row, as_csv, fitting, rows_of
from tests.pages.words import button, said

Open = Callable[..., AppTest]


def make(ws: Workspace, name: str, *verbs: str, **fields: object) -> Experiment:
    """An experiment that has gone through some verbs."""
    draft = ExperimentDraft(name, metrics=(Proportion("paid"),), **fields)  # type: ignore[arg-type]
    made = experiments.create_experiment(ws, LOCAL, draft)
    for verb in verbs:
        made = acting.transition(
            ws, LOCAL, made.id, verb, version=made.version, reason="because",
            conclusion="won" if verb == "complete" else None,
        )  # fmt: skip
    return made


def summary(verdict: str, lift: float = 0.075, **other: object) -> ExperimentSummary:
    """What a list shows."""
    values = {
        "verdict": verdict, "text": f"It is {verdict}.", "final": True, "variant": "treatment",
        "metric": "paid", "relative_lift": lift, "relative_lift_ci_lower": lift - 0.06,
        "relative_lift_ci_upper": lift + 0.07, "progress": 1.0, "days_left": None,
    }  # fmt: skip
    return ExperimentSummary(**values | other)  # type: ignore[arg-type]


def test_an_empty_workspace_shows_three_doors(open_page: Open) -> None:
    app = open_page("experiments")
    assert not app.exception
    assert "Nothing here yet." in said(app)
    assert {"Open the sample", "Drop a CSV", "Plan a test"} <= {one.label for one in app.button}
    assert not app.dataframe


def test_the_list_has_a_row_per_experiment(ws: Workspace, open_page: Open) -> None:
    make(ws, "Shorter checkout", "start")
    make(ws, "Referral reward")
    app = open_page("experiments")
    assert not app.exception
    table = app.dataframe[0].value
    assert list(table["Name"]) == ["Shorter checkout", "Referral reward"]
    assert list(table["Status"]) == ["running", "draft"]
    assert list(table["Split"]) == ["50 / 50", "50 / 50"]
    assert "Timeline: one running" in said(app)


def test_a_link_filters_and_a_search_that_fits_nothing_says_so(
    ws: Workspace, open_page: Open
) -> None:
    make(ws, "Shorter checkout", "start")
    make(ws, "Referral reward")
    app = open_page("experiments", show="draft")
    assert list(app.dataframe[0].value["Name"]) == ["Referral reward"]
    app.text_input[0].set_value("zebra").run()
    assert "No experiment fits these filters." in said(app)
    button(app, "Clear them").click().run()
    assert len(app.dataframe[0].value) == 2


def test_a_deleted_experiment_comes_back_from_the_bin(ws: Workspace, open_page: Open) -> None:
    gone = make(ws, "Gone", "delete")
    app = open_page("experiments")
    button(app, "Restore").click().run()
    assert not app.exception
    assert experiments.get_experiment(ws, LOCAL, gone.id).deleted_at is None
    assert list(app.dataframe[0].value["Name"]) == ["Gone"]


def test_samples_are_marked_and_go_with_one_click(ws: Workspace, open_page: Open) -> None:
    make(ws, "Guest checkout", "start", sample=True)
    make(ws, "Mine")
    app = open_page("experiments")
    assert "Guest checkout (sample)" in list(app.dataframe[0].value["Name"])
    button(app, "Remove the samples").click().run()
    assert [one.name for one in experiments.list_experiments(ws, LOCAL)] == ["Mine"]


@pytest.fixture
def rows(ws: Workspace) -> list[Row]:
    """Five experiments in five states."""
    made = {
        "off": (make(ws, "Off", "start"), summary("cannot_say")),
        "reached": (make(ws, "Reached", "start", "stop"), summary("better")),
        "paused": (make(ws, "Paused", "start", "pause"), summary("interim", progress=0.4)),
        "done": (make(ws, "Done", "start", "complete"), summary("worse", -0.1)),
        "draft": (make(ws, "=SUM(A1)", tags=("growth",)), None),
    }
    found = {one.id: found for one, found in made.values() if found is not None}
    return rows_of([one for one, _ in made.values()], found)


def test_what_waits_for_a_person_stands_first(rows: list[Row]) -> None:
    assert [row.group for row in rows] == ["decide", "running", "paused", "completed", "draft"]


def test_only_what_needs_a_person_gets_a_card(rows: list[Row]) -> None:
    cards = attention.cards(rows, datetime.now(UTC) + timedelta(days=12))
    assert [(card.row.name, card.badge[1]) for card in cards] == [
        ("Off", "Cannot say"), ("Reached", "Plan reached"), ("Paused", "Paused"),
    ]  # fmt: skip
    assert cards[2].text == "Paused for 12 days at 40\u202f% of its plan. Nobody new enters."


def test_a_ramp_that_stopped_by_itself_needs_a_person(rows: list[Row]) -> None:
    ids = {row.name: row.experiment.id for row in rows}
    why = {ids["Off"]: "Refunds are harmed.", ids["Done"]: "It is over."}
    cards = attention.cards(rows, datetime.now(UTC), why)
    stopped = [card for card in cards if card.badge[1] == "Ramp stopped"]
    assert [(one.row.name, one.text, one.page) for one in stopped] == [
        ("Off", "Refunds are harmed.", "pages/traffic.py")
    ]


def test_a_lift_that_may_not_be_read_is_not_shown(rows: list[Row]) -> None:
    shown = {row.name: (row.verdict, row.lift, row.interval) for row in rows}
    assert shown["Off"] == ("✕ cannot say", "", "")
    assert shown["Reached"] == ("▲ better", "+7.5\u202f%", "1.5 to 14.5\u202f%")
    assert shown["=SUM(A1)"] == ("", "", "")


def test_the_picture_holds_numbers_only_and_stays_inside(rows: list[Row]) -> None:
    axis = interval.axis_of(rows)
    assert interval.caption(axis).startswith("Lift, \u2212")
    for row in rows:
        assert interval.picture(row, axis, LIGHT).startswith("data:image/svg+xml;base64,")


def test_the_search_looks_into_names_tags_and_owners(rows: list[Row]) -> None:
    assert [row.name for row in fitting(rows, "all", "GROWTH")] == ["=SUM(A1)"]
    assert not fitting(rows, "running", "growth")


def test_the_csv_cannot_run_a_cell_in_a_spreadsheet(rows: list[Row]) -> None:
    text = as_csv(rows).decode("utf-8-sig")
    assert "'=SUM(A1)" in text
    assert len(text.splitlines()) == len(rows) + 1
    assert ",better,0.075," in text
