"""Looks on Results: listed with what they cost, opened as they were, drawn on the time axis."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Plan
from experiments_core.services import analyses, workspace
from experiments_core.stats.sequential import spent
from tests.charts.figures import plain
from tests.pages.running import run_page
from tests.pages.words import said, tables
from tests.services.checkout import START, make, rows, upload
from tests.services.conftest import Clock

UNITS, PLANNED = 2400, 3000
SIZES = (800, 1600, UNITS)


@pytest.fixture(scope="module")
def slug() -> Iterator[str]:
    """A group-sequential test after three looks; the second was opened twice."""
    clock = Clock()
    ws = workspace.use(workspace.open_workspace(":memory:", clock=clock))
    clock.now = START + timedelta(days=1)
    made = make(ws, plan=Plan(method="sequential", planned_units=PLANNED, min_runtime_days=1))
    lines = rows(UNITS, days=12, lift=0.5)
    before = 0
    for size in SIZES:
        upload(ws, made, lines[before:size])
        clock.now = START + timedelta(days=12 * size / UNITS, hours=1)
        analyses.look(ws, LOCAL, made.id)
        before = size
        if size == SIZES[1]:
            clock.wait(hours=2)
            analyses.look(ws, LOCAL, made.id)
    yield made.slug
    workspace.stop()


def opened(slug: str, **params: str) -> AppTest:
    return run_page("results", exp=slug, **params)


def told(app: AppTest) -> str:
    return plain(said(app))


def test_every_look_is_listed_with_what_it_spent(slug: str):
    app = opened(slug, tab="looks")
    table = tables(app)[1].map(lambda cell: plain(str(cell)).replace("\\", ""))
    assert list(table["Look"]) == ["3", "2", "1"]
    assert list(table["Users"]) == ["2 400", "1 600", "800"]
    assert list(table["Opened"])[1:] == ["2 times", "1 time"]
    assert set(table["By"]) == {"local"}
    shown = [f"{spent(size / PLANNED, 0.05):.4f}" for size in SIZES[:0:-1]]
    assert spent(SIZES[0] / PLANNED, 0.05) < 0.0001
    assert list(table["Alpha spent so far"]) == [*shown, "< 0.0001"]
    assert "3 looks, opened" in told(app)
    assert "group-sequential" in told(app)
    assert "Decided at look" in told(app)


def test_a_past_look_opens_as_it_was(slug: str):
    app = opened(slug, tab="looks")
    box = next(one for one in app.selectbox if one.label == "Past look")
    box.select("1").run()
    button = next(one for one in app.button if one.label == "Open it as it was")
    app = button.click().run()
    assert app.query_params["look"] in ("1", ["1"])
    assert "Look 1, as it was" in told(app)
    counts = tables(app)[0]["n"]
    assert [plain(one) for one in counts[:2]] == ["400", "400"]
    assert "Record a decision" not in told(app)
    back = next(one for one in app.button if one.label == "Open the newest")
    app = back.click().run()
    assert "as it was" not in told(app)


def test_a_past_look_has_the_course_up_to_its_own_end(slug: str):
    app = opened(slug, look="1", tab="time")
    days = [plain(str(day)) for day in tables(app)[1]["Day"]]
    assert (days[0], days[-1]) == ("1 May 2026", "4 May 2026")


def test_a_look_that_never_was_says_so(slug: str):
    assert "There is no look 9" in told(opened(slug, look="9"))


def test_looks_are_triangles_on_the_time_axis(slug: str):
    app = opened(slug, tab="time")
    course = json.loads(app.get("plotly_chart")[1].proto.spec)
    marks = [one for one in course["data"] if one.get("marker", {}).get("symbol")]
    assert len(marks) == 3
    spec = app.get("plotly_chart")[1].proto.spec
    assert all(f"look {number}<" in spec or f'"look {number}"' in spec for number in (1, 2, 3))
