"""A report in a terminal, in a notebook, as JSON and as a frame."""

from __future__ import annotations

import json

import pytest

import experiments_core as ec
from experiments_core.errors import NotFoundError
from tests.workbench.conftest import RATE, analyse, frame


def test_segments_stand_below_their_metric():
    text = repr(analyse(frame(), metrics=RATE, segments="country"))
    assert "  by country (do they differ? p" in text
    assert "\n    DE       B  " in text


def test_segments_stand_in_the_body_of_their_metric():
    body = analyse(frame(), segments=["country"]).to_dict()
    found = body["metrics"][0]["segments"]
    assert {one["value"] for one in found} == {"DE", "FR", "(blank)"}
    assert {one["column"] for one in found} == {"country"}
    assert "interaction_p_value" in found[0]


def test_the_report_speaks_in_a_terminal():
    text = repr(analyse(frame()))
    assert text.startswith("▲ B is better: +")
    assert "Converted (primary)  pooled z; Mee, Koopman\n" in text
    assert "✓ sample ratio" in text
    assert str(analyse(frame())) == text
    assert "p\u202f=\u202f" in repr(analyse(frame())["converted"])


def test_the_scorecard_escapes_every_name_and_draws_every_interval():
    rows = frame().rename(columns={"converted": "<img src=x>"})
    rows["group"] = rows["group"].replace("B", "<script>alert(1)</script>")
    report = analyse(rows, metrics=[ec.Proportion("<img src=x>"), ec.Mean("revenue")])
    html = report._repr_html_()
    assert "<script>" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html
    assert html.count("<svg") == 2
    assert "aria-label" in html
    assert "nan" not in html
    for colour in ("background:#", "color:#000", "color:#fff"):
        assert colour not in html


def test_a_scorecard_without_any_lift_says_why():
    rows = frame()
    rows["converted"] = (rows["group"] == "B").astype(int) * (rows.index % 4 == 1)
    html = analyse(rows, metrics=RATE)._repr_html_()
    assert "no relative lift exists" in html
    assert "<svg" not in html


def test_a_closed_gate_and_guardrails_are_shown_as_such():
    rail = ec.Mean("revenue", role="guardrail", preferred_direction="decrease",
                   non_inferiority_margin=0.5)  # fmt: skip
    good = analyse(frame(), metrics=[*RATE, rail])
    assert "inside limit" in repr(good)
    assert "stroke-dasharray" in good._repr_html_()
    closed = analyse(frame(), split={"control": 1, "B": 9})
    assert "not usable" in repr(closed)


def test_fields_are_found_by_their_names():
    one = analyse(frame())["converted"]
    assert one.relative_lift == one.arm.contrast.relative_lift
    assert one.variant == "B"
    assert "relative_lift" in dir(one)
    with pytest.raises(AttributeError, match="no field “uplift”"):
        _ = one.uplift


def test_a_number_is_explained():
    report = analyse(frame())
    told = report["converted"].explain()
    assert "Koopman" in told.formula
    assert told.sql.startswith("SELECT")
    with pytest.raises(NotFoundError, match="compared with itself"):
        report.explain("converted", "control")


def test_the_body_is_json_without_nan_and_the_frame_has_a_row_per_arm():
    report = analyse(frame())
    assert json.loads(report.to_json()) == report.to_dict()
    table = report.to_frame()
    assert list(table["variant"]) == ["control", "B", "control", "B"]
    assert table.loc[1, "relative_lift"] == report["converted"].relative_lift
