"""The results page on data that came through the door, without a stand-in."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

from streamlit.testing.v1 import AppTest

from experiments_core.domain.access import LOCAL
from experiments_core.services import ingestion
from experiments_core.services.workspace import Workspace
from tests.charts.figures import plain
from tests.pages.words import said, tables

Open = Callable[..., AppTest]

TOTALS = "variant,visitors,conversions\ncontrol,14523,1201\nB,14600,1399\n"


def imported(ws: Workspace, text: str, name: str) -> str:
    draft = ingestion.receive(ws, LOCAL, io.BytesIO(text.encode()), f"{name}.csv")
    mapping = replace(draft.detection.proposal, control="control", finished=True)
    ingestion.check(ws, LOCAL, draft.import_id, mapping)
    made = ingestion.create_from_import(ws, LOCAL, draft.import_id, mapping, name=name)
    ingestion.commit(ws, LOCAL, draft.import_id)
    return made.slug


def units() -> str:
    lines = ["user_id,variant,first_seen,converted,device"]
    for number in range(4000):
        arm = "B" if number % 2 else "control"
        hit = number % 20 in {0, 1, 3}
        device = "mobile" if number % 3 else "desktop"
        day = 1 + number // 300
        lines.append(f"u{number},{arm},2026-05-{day:02d} 10:00:00,{int(hit)},{device}")
    return "\n".join(lines) + "\n"


def written(app: AppTest) -> str:
    return plain(said(app))


def switch(app: AppTest, key: str) -> None:
    next(one for one in app.toggle if one.key.startswith(key)).set_value(True).run()


def test_totals_become_a_verdict_and_say_what_they_cannot_show(ws: Workspace, open_page: Open):
    slug = imported(ws, TOTALS, "Totals")
    app = open_page("results", exp=slug)
    assert not app.exception
    assert "B is better" in written(app)
    row = tables(app)[0].iloc[1]
    assert plain(row["Value"]).replace("\\", "") == "9.58 %"
    assert "the data have no time column" in written(app)
    app = open_page("results", exp=slug, tab="segments")
    assert "The data have no segment column" in written(app)
    app = open_page("results", exp=slug, tab="robustness")
    assert not app.exception
    assert "Other analyses need one row per unit" in written(app) + "".join(
        str(one.value) for one in app.error
    )


def test_rows_per_user_open_in_every_tab(ws: Workspace, open_page: Open):
    slug = imported(ws, units(), "Units")
    for tab, found in (
        ("time", "lift"),
        ("segments", "segments"),
        ("robustness", "holds in"),
        ("raw", "The moments the query returned"),
    ):
        app = open_page("results", exp=slug, tab=tab)
        assert not app.exception
        assert found in written(app)
        if tab == "robustness":
            switch(app, "explain-robustness")
            assert "planned: better, so it holds in" in app.code[-1].value
    row = tables(app)[0].iloc[1]
    assert plain(row["Value"]).replace("\\", "") == "20.00 %"
    assert "SELECT" in app.code[-1].value
    rows = app.dataframe[0].value
    assert rows["unit"].iloc[0] == "u0"
    assert list(rows.columns) == ["unit", "arm", "converted"]


def test_a_number_of_the_scorecard_opens_its_formula_and_its_rows(
    ws: Workspace, open_page: Open
):
    slug = imported(ws, units(), "Units")
    app = open_page("results", exp=slug, tab="looks")
    next(one for one in app.button if "How was a number" in one.label).click().run()
    assert not app.exception
    shown = [one.value for one in app.code]
    assert any("p_t = 400 / 2000" in one for one in shown)
    assert any("ORDER BY unit LIMIT 50" in one for one in shown)
    assert len(app.dataframe[-1].value) == 50


def test_the_files_to_take_along_hold_something(ws: Workspace, open_page: Open):
    slug = imported(ws, TOTALS, "Totals")
    app = open_page("results", exp=slug)
    labels = [button.proto.label for button in app.get("download_button")]
    assert labels == ["CSV", "JSON", "Notebook", "Report"]


def test_the_arms_are_shuffled_on_request_and_the_answer_stays(ws: Workspace, open_page: Open):
    slug = imported(ws, units(), "Units")
    app = open_page("results", exp=slug, tab="calibration")
    assert "every alarm is false" in written(app)
    button = next(one for one in app.button if "Shuffle" in one.label)
    app = button.click().run(timeout=60)
    assert not app.exception
    assert "planned method holds" in written(app)
    switch(app, "explain-calibration")
    assert any("1000 · 0.025 = 25 expected" in one.value for one in app.code)
