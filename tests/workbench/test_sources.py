"""What can be handed over: paths, tables, totals, numbers typed in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

import experiments_core as ec
from experiments_core.errors import InvalidInputError
from tests.workbench.conftest import BOTH, RATE, analyse, frame


def numbers(report: Any) -> list[float]:
    return [v for one in report for v in (one.n, one.value, one.difference, one.p_value)]


def test_a_path_a_frame_and_every_arrow_speaking_table_give_the_same_numbers(csv: Path):
    rows = frame()
    expected = numbers(analyse(csv))
    table = pa.Table.from_pandas(rows)
    relation = duckdb.connect().from_arrow(table)

    class Speaking:
        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            return table.__arrow_c_stream__(requested_schema)

    class Lazy:
        def to_arrow(self) -> pa.Table:
            return table

    columns = {name: rows[name].tolist() for name in rows if name != "country"}
    for data in (str(csv), rows, table, relation, Speaking(), Lazy(), columns):
        assert numbers(analyse(data)) == pytest.approx(expected, rel=1e-12)


def test_counts_typed_in_are_the_same_test_as_their_rows():
    rows = frame()
    counts = rows.groupby("group")["converted"].agg(["size", "sum"])
    typed = {
        arm: {"n": int(row["size"]), "converted": int(row["sum"])}
        for arm, row in counts.iterrows()
    }
    one = ec.analyze(typed, metrics=RATE)
    other = analyse(rows, metrics=RATE)
    assert one["converted"].p_value == other["converted"].p_value
    assert (one.verdict.basis, other.verdict.basis) == ("totals", "units")


def test_moments_typed_in_need_n_mean_and_spread():
    typed = {
        "control": {"n": 20_230, "revenue": {"mean": 5.24, "standard_deviation": 14.1}},
        "B": {"n": 19_770, "revenue": {"mean": 5.73, "variance": 15.2**2}},
    }
    report = ec.analyze(typed, metrics=[ec.Mean("revenue")])
    assert report["revenue"].p_value == pytest.approx(0.00084, abs=5e-6)
    assert report["revenue"].relative_lift == pytest.approx(0.0935, abs=5e-5)
    assert report.verdict.basis == "moments"
    flat = {
        "control": {"n": 20_230, "mean": 5.24, "sd": 14.1},
        "B": {"n": 19_770, "mean": 5.73, "sd": 15.2},
    }
    again = ec.analyze(flat, metrics=[ec.Mean("revenue")])
    assert again["revenue"].p_value == report["revenue"].p_value


def test_totals_are_read_by_the_column_that_counts_units(tmp_path: Path):
    path = tmp_path / "totals.csv"
    path.write_text(
        "group;visitors;conversions;orders\n"
        "control;14.523;1.201;600\nB;14.600;1.299;700\nTotal;29.123;2.500;1300\n"
    )
    metrics = [
        ec.Proportion("conversions", of="visitors"),
        ec.Proportion("orders", of="conversions", role="secondary"),
    ]
    report = analyse(path, metrics=metrics, decimal=",")
    assert report["conversions"].p_value == pytest.approx(0.055914, abs=5e-7)
    assert (report["orders"].n, report["orders"].conversions) == (1299, 700)
    assert report.health[0].facts["observed"] == {"control": 14_523, "B": 14_600}
    again = analyse(pd.DataFrame({
        "group": ["control", "control", "B"], "visitors": [14_000, 523, 14_600],
        "conversions": [1200, 1, 1299.0], "orders": [600, 0, 700],
    }), metrics=metrics)  # fmt: skip
    assert again["conversions"].p_value == report["conversions"].p_value


def test_what_was_done_with_rows_and_spellings_is_told(tmp_path: Path):
    rows = frame().replace({"group": {"B": "b "}})
    rows.loc[1, "group"] = "B"
    twice = pd.concat([rows, rows.head(10).assign(revenue=1.0)])
    text = repr(analyse(twice, unit="user", repeats="first"))
    assert "“B” was read as the variant “b”." in text
    assert "10 units had several rows; the first row counts." in text
    priced = frame().assign(revenue=[f"$ {value:.2f}" for value in frame()["revenue"]])
    path = tmp_path / "priced.csv"
    priced.to_csv(path, index=False)
    report = analyse(path)
    assert report["revenue"].value == analyse(frame())["revenue"].value
    assert "Currency signs were taken off “revenue”." in repr(report)


def test_without_an_identifier_nobody_can_say_who_was_in_both_arms():
    assert "crossed_units" not in {card.check for card in analyse(frame()).health}
    named = analyse(frame().rename(columns={"user": "customer_id"}), unit="customer_id")
    assert "crossed_units" in {card.check for card in named.health}
    assert named.design.unit == "customer"


def test_blanks_are_left_out_unless_the_metric_counts_them_as_zero():
    rows = frame()
    rows.loc[::10, "revenue"] = None
    out = analyse(rows)["revenue"]
    zero = analyse(rows, metrics=[ec.Mean("revenue", missing="zero")])["revenue"]
    assert (out.n, zero.n) == (500, 500)
    control = analyse(rows)["revenue", "control"]
    assert control.n == 400


def test_every_row_is_a_unit_when_nothing_identifies_one():
    rows = pd.concat([frame(), frame()])
    assert analyse(rows)["converted"].n == 1000
    with pytest.raises(InvalidInputError, match="980 units of “user” have several rows"):
        analyse(pd.concat([frame(), frame().assign(revenue=1.0)]), unit="user")
    first = analyse(pd.concat([frame(), frame().assign(revenue=1.0)]), unit="user",
                    repeats="first")  # fmt: skip
    assert numbers(first) == pytest.approx(numbers(analyse(frame())), rel=1e-12)


def test_units_in_two_arms_are_left_out_counted_and_told():
    rows = frame()
    crossed = rows.head(20).assign(group=["B", "control"] * 10)
    report = analyse(pd.concat([rows, crossed]), unit="user")
    card = next(c for c in report.health if c.check == "crossed_units")
    assert card.facts["units"] == 20
    assert sum(report["converted", arm].n for arm in ("control", "B")) == 980


def test_bad_rows_may_be_left_out_by_choice(tmp_path: Path):
    path = tmp_path / "file.csv"
    rows = [f"u{i},{'control' if i % 2 else 'B'},{i % 3 % 2},1" for i in range(300)]
    path.write_text("\n".join(["user,group,converted,revenue", *rows, "u999,B,maybe,1"]))
    report = analyse(path, metrics=RATE, leave_out_bad_rows=True)
    card = next(c for c in report.health if c.check == "left_out_rows")
    assert card.facts == {"rows_read": 301, "rows_left_out": 1, "rows_rejected": 1}


def test_read_data_shows_what_would_be_analysed_and_what_would_not(tmp_path: Path):
    path = tmp_path / "file.csv"
    frame(100).to_csv(path, index=False)
    with path.open("a") as file:
        file.write("u999,B,maybe,1.0,DE,1\n")
    found = ec.read_data(path, variant="group", unit="user", metrics=BOTH, segments=["country"])
    assert list(found.data.columns) == [
        "unit", "arm", "first_ts", "converted", "revenue", "country",
    ]  # fmt: skip
    assert len(found.data) == 100
    assert found.report.rows_left_out == 1
    assert list(found.rejects["line"]) == [102]
    assert list(found.rejects["rule"]) == ["OUTCOME_WORD"]


def test_times_are_read_where_one_reading_fits():
    rows = frame(100).assign(seen="19/05/2026 10:00")
    told: dict[str, Any] = {"variant": "group", "metrics": RATE, "time": "seen"}
    assert str(ec.read_data(rows, **told).data["first_ts"][0]) == "2026-05-19 10:00:00"
    with pytest.raises(InvalidInputError, match="several ways"):
        ec.read_data(rows.assign(seen="05/06/2026 10:00"), **told)
    stamped = rows.assign(seen=pd.Timestamp("2026-05-19"))
    assert ec.read_data(stamped, **told).data["first_ts"].notna().all()


def test_a_number_that_can_be_read_in_two_ways_is_asked_for():
    rows = frame(100).assign(revenue="1,234")
    with pytest.raises(InvalidInputError, match="two ways") as caught:
        analyse(rows)
    assert "decimal=" in caught.value.hint
    comma = analyse(rows, decimal=",")["revenue"].value
    point = analyse(rows, decimal=".")["revenue"].value
    assert (comma, point) == pytest.approx((1.234, 1234.0))
