"""The page of the library: empty, listed, one metric, its editor, its preview."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from experiments_core.domain.access import LOCAL
from experiments_core.services import library, workspace
from experiments_core.services.workspace import Workspace
from tests.pages.running import run_page
from tests.pages.words import tables

BEACON = "![x](http://example.invalid/beacon) :red[B] $a$"


@pytest.fixture
def ws() -> Iterator[Workspace]:
    yield workspace.use(workspace.open_workspace(":memory:"))
    workspace.stop()


def opened(**params: str) -> AppTest:
    return run_page("metrics", **params)


def told(app: AppTest) -> str:
    blocks = (app.title, app.header, app.subheader, app.markdown)
    return "\n".join(element.value for block in blocks for element in block)


def button(app: AppTest, label: str) -> object:
    return next(one for one in app.button if one.label == label)


@pytest.mark.usefixtures("ws")
def test_an_empty_library_says_what_a_metric_is_and_where_to_begin():
    app = opened()
    assert "A metric is one number per user" in told(app)
    assert [one.label for one in app.button] == ["Define a metric", "Add the usual ones"]


def test_the_usual_ones_are_one_press_away(ws: Workspace):
    app = opened()
    button(app, "Add the usual ones").click().run()  # type: ignore[attr-defined]
    assert not app.exception
    assert len(library.list_metrics(ws, LOCAL)) == 8
    assert "rate: conversion · more is better · local" in told(app).replace("\\", "")


def test_a_metric_is_defined_on_the_page(ws: Workspace):
    app = opened(metric=":new")
    app.text_input(key="metric-new-name").input("Paid order").run()
    app.text_input(key="metric-new-column").input("paid").run()
    button(app, "Define it").click().run()  # type: ignore[attr-defined]
    assert not app.exception
    (made,) = library.list_metrics(ws, LOCAL)
    assert (made.key, made.meaning) == ("paid-order", {"kind": "proportion", "column": "paid"})
    assert "No test uses it yet" in told(app)


def test_what_is_missing_is_said_and_the_typed_text_stays(ws: Workspace):
    app = opened(metric=":new")
    app.text_input(key="metric-new-name").input("Paid order").run()
    button(app, "Define it").click().run()  # type: ignore[attr-defined]
    assert "The column is missing" in told(app)
    assert app.text_input(key="metric-new-name").value == "Paid order"
    assert library.list_metrics(ws, LOCAL) == []


def test_another_meaning_is_another_version_and_the_difference_is_shown(ws: Workspace):
    values = {"name": "Revenue", "kind": "mean", "column": "revenue"}
    library.define_metric(ws, LOCAL, values)
    app = opened(metric="revenue")
    app.text_input(key="metric-revenue-1-cap").input("99.9%").run()
    app.text_input(key="metric-revenue-1-covariate").input("revenue_before").run()
    button(app, "Save").click().run()  # type: ignore[attr-defined]
    assert not app.exception
    newest = library.get_metric(ws, LOCAL, "revenue")
    assert (newest.version, newest.meaning["cap"]) == (2, "99.9%")
    assert newest.meaning["covariate"] == "revenue_before"
    assert "Version 2" in told(app)
    (table,) = [one for one in tables(app) if "Before" in one.columns]
    rows = table.to_numpy().tolist()
    assert ["cap", "–", "99.9%"] in rows
    assert ["covariate", "–", "revenue_before"] in rows


def test_a_name_from_data_is_never_markup(ws: Workspace):
    values = {"name": BEACON, "kind": "mean", "column": BEACON, "unit": "![u](x)"}
    made = library.define_metric(ws, LOCAL, values | {"description": BEACON})
    for app in (opened(), opened(metric=made.key)):
        assert "![" not in told(app)
        assert ":red[" not in told(app)


def test_an_unknown_metric_in_the_address_leads_to_the_list(ws: Workspace):
    library.define_metric(ws, LOCAL, {"name": "R", "kind": "mean", "column": "revenue"})
    assert "There is no metric “gone”" in told(opened(metric="gone"))


def test_the_search_finds_by_name_and_says_when_nothing_fits(ws: Workspace):
    library.add_usual_ones(ws, LOCAL)
    app = opened()
    app.text_input[0].input("slowest").run()
    assert [one.label for one in app.button] == ["New metric", "**Page load\\, slowest 5 \\%**"]
    app.text_input[0].input("zebra").run()
    assert "No metric fits this search" in told(app)


def test_two_people_at_one_metric_see_theirs_and_mine(ws: Workspace):
    values = {"name": "Revenue", "kind": "mean", "column": "revenue"}
    library.define_metric(ws, LOCAL, values)
    app = opened(metric="revenue")
    app.text_input(key="metric-revenue-1-cap").input("99.9%").run()
    library.change_metric(ws, LOCAL, "revenue", {"owner": "Mira", "cap": "99%"})
    button(app, "Save").click().run()  # type: ignore[attr-defined]
    assert "Your text is kept." in told(app)
    assert app.text_input(key="metric-revenue-1-cap").value == "99.9%"
    shown = " ".join(table.to_string() for table in tables(app)).replace("\\", "")
    assert "99%" in shown
    button(app, "Save mine over it").click().run()  # type: ignore[attr-defined]
    assert not app.exception
    newest = library.get_metric(ws, LOCAL, "revenue")
    assert (newest.meaning["cap"], newest.owner) == ("99.9%", "Mira")
    assert "Your text is kept." not in told(app)
