"""One call from data to a verdict, as a notebook makes it."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

import experiments_core as ec
from experiments_core.domain.access import LOCAL
from experiments_core.errors import InvalidInputError, NotFoundError
from experiments_core.services import samples
from experiments_core.services.workspace import open_workspace
from experiments_core.stats.estimate import Undefined

RATE = [ec.Proportion("converted")]
BOTH = [ec.Proportion("converted"), ec.Mean("revenue", role="secondary", unit="USD")]


def frame(count: int = 1000, arms: tuple[str, ...] = ("control", "B")) -> pd.DataFrame:
    rows = range(count)
    return pd.DataFrame({
        "user": [f"u{i}" for i in rows],
        "group": [arms[i % len(arms)] for i in rows],
        "converted": [int((i * 37) % 100 < 20 + 8 * (i % len(arms))) for i in rows],
        "revenue": [float((i * 13) % 50) for i in rows],
        "country": [("DE", "FR", None)[i % 3] for i in rows],
        "phase": [1 + (i >= count // 2) for i in rows],
    })  # fmt: skip


def analyse(data: Any, **told: Any) -> Any:
    return ec.analyze(data, **{"variant": "group", "metrics": BOTH} | told)


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "checkout.csv"
    frame().to_csv(path, index=False)
    return path


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


def test_three_arms_are_asked_for_by_name():
    report = analyse(frame(900, ("control", "B", "C")), metrics=RATE)
    assert report["converted", "C"].variant == "C"
    assert [one.variant for one in report] == ["B", "C"]
    with pytest.raises(NotFoundError, match="several treatments: B, C"):
        report["converted"]
    with pytest.raises(NotFoundError, match="no variant “D”"):
        report["converted", "D"]
    with pytest.raises(NotFoundError, match="no metric “clicks”"):
        report["clicks"]


def test_the_split_may_be_a_ratio_and_orders_the_arms():
    rows = frame(900, ("control", "B", "C"))
    report = analyse(rows, split={"C": 1, "control": 1, "B": 1.0})
    assert report.design.arms == ("control", "C", "B")
    assert report.health[0].p_value == 1.0
    off = analyse(rows, split={"C": 1, "control": 9, "B": 1})
    assert off.verdict.code == "cannot_say"


@pytest.mark.parametrize(
    ("split", "sentence"),
    (
        ({"control": 50, "B": 40}, "adds up to 90. It must be exactly 100: 10 is missing"),
        ({"control": 0.6, "B": 0.5}, "adds up to 1.1. It must be exactly 1: 0.1 is too much"),
        ("50/50", "The split is '50/50'; it is a share for each variant"),
    ),
)
def test_a_split_that_does_not_add_up_is_refused(split: object, sentence: str):
    with pytest.raises(InvalidInputError, match=re.escape(sentence)):
        analyse(frame(), split=split)


def test_a_folder_and_a_table_without_columns_are_no_data(tmp_path: Path):
    with pytest.raises(InvalidInputError, match="is a folder"):
        analyse(tmp_path)
    with pytest.raises(InvalidInputError, match="has no columns"):
        analyse(pd.DataFrame())


def test_segments_stand_below_their_metric():
    text = repr(analyse(frame(), metrics=RATE, segments="country"))
    assert "  by country (do they differ? p" in text
    assert "\n    DE       B  " in text


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


def test_control_is_the_arm_that_is_called_so():
    assert analyse(frame()).result.reference == "control"
    assert analyse(frame(), control="B").result.reference == "B"
    assert analyse(frame(), control=" Control ").result.reference == "control"


def test_one_sided_uncorrected_and_sequential_are_a_word_each():
    rows = frame()
    upper = analyse(rows, alternative="greater")["converted"].difference_ci_upper
    assert upper == Undefined("unbounded")
    more = [ec.Proportion("converted"), ec.Mean("revenue")]
    plain = analyse(rows, metrics=more, correction="none")["revenue"]
    assert plain.p_value_adjusted == plain.p_value
    running = analyse(rows, sequential="always_valid", planned_units=5000)
    assert running.verdict.code == "interim"
    assert running["converted"].sequential.decides
    assert running.to_dict()["metrics"][0]["arms"][1]["sequential"]["method"] == "always_valid"


def test_a_group_sequential_test_counts_the_looks_before_this_one():
    rows = frame()
    planned = {"sequential": "group_sequential", "planned_units": 4 * len(rows)}
    first = analyse(rows, **planned)["converted"].sequential
    later = analyse(rows, looks=[len(rows) // 2], **planned)["converted"].sequential
    assert (first.method, first.information) == ("group_sequential", 0.25)
    assert first.bound < later.bound
    assert "needs to know how many" in refused({"sequential": "group_sequential"})
    assert "do not" not in refused(planned | {"looks": [500, 400]})
    assert "looks" in refused({"sequential": "always_valid", "looks": [500]})


def refused(told: dict[str, object]) -> str:
    with pytest.raises(InvalidInputError) as caught:
        analyse(frame(), **told)
    return f"{caught.value} {caught.value.hint}"


def test_segments_stand_in_the_body_of_their_metric():
    body = analyse(frame(), segments=["country"]).to_dict()
    found = body["metrics"][0]["segments"]
    assert {one["value"] for one in found} == {"DE", "FR", "(blank)"}
    assert {one["column"] for one in found} == {"country"}
    assert "interaction_p_value" in found[0]


def test_phases_are_combined_and_may_have_a_split_each():
    report = analyse(frame(), phases="phase")
    assert report.result.phases == 2
    assert report["converted"].test_method == "stratified_score"
    split = {"1": {"control": 50, "B": 50}, "2": {"control": 1, "B": 1}}
    assert analyse(frame(), phases="phase", split=split).health[0].p_value == 1.0
    with pytest.raises(InvalidInputError, match="nothing about phase “2”"):
        analyse(frame(), phases="phase", split={"1": {"control": 50, "B": 50}})


def test_segments_are_compared_inside_the_phases():
    """The vector of a changed split: the totals say −15 %, each phase says +5 %."""
    counts = {("control", 1): (500, 5000), ("B", 1): (525, 5000),
              ("control", 2): (100, 2000), ("B", 2): (420, 8000)}  # fmt: skip
    rows = pd.DataFrame([
        {"group": arm, "phase": f"week {phase}", "converted": int(i < hits), "country": country}
        for (arm, phase), (hits, units) in counts.items()
        for country in ("DE", "FR")
        for i in range(units)
    ])  # fmt: skip
    metrics = [ec.Proportion("converted")]
    found = analyse(rows, metrics=metrics, phases="phase", segments=["country"])
    for segment in found.result.metrics[0].segments:
        alone = analyse(rows[rows.country == segment.value], metrics=metrics, phases="phase")
        (contrast,) = (arm.contrast for arm in segment.arms if arm.contrast is not None)
        assert contrast.difference == pytest.approx(0.00402, abs=1e-5)
        assert contrast.difference == pytest.approx(alone["converted"].difference, rel=1e-12)
        assert contrast.p_value == pytest.approx(0.348, abs=5e-4)


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


WRONG = {
    "no such column": ({"variant": "grup"}, "no column “grup”", "Did you mean “group”?"),
    "no such metric": (
        {"metrics": [ec.Proportion("convertd")]}, "no column “convertd”", "“converted”",
    ),
    "no such unit": ({"unit": "user_id"}, "no column “user_id”", "There are: "),
    "no such control": ({"control": "C"}, "no variant “C”", "There are: "),
    "variant left out": ({"variant": None}, "which column is the variant", "variant="),
    "no metric": ({"metrics": []}, "no metric", "Proportion"),
    "same metric twice": ({"metrics": [*RATE, *RATE]}, "key “converted”", "key="),
    "not a metric": ({"metrics": ["converted"]}, "is no metric", "Proportion"),
    "no primary": ({"metrics": [ec.Mean("revenue", role="secondary")]}, "primary", "role"),
    "unknown arm in split": ({"split": {"control": 1, "C": 1}}, "names “C”", "There are: "),
    "arm not in split": ({"split": {"control": 1}}, "nothing about “B”", "every variant"),
    "share of zero": ({"split": {"control": 1, "B": 0}}, "is 0", "above 0"),
    "share in words": ({"split": {"control": 1, "B": "half"}}, "'half'", "above 0"),
    "alpha in per cent": ({"alpha": 5}, "alpha is 5", "0.05"),
    "alternative": ({"alternative": "larger"}, "“larger”", "greater"),
    "correction": ({"correction": "sidak"}, "“sidak”", "holm"),
    "sequential": ({"sequential": "yes"}, "“yes”", "always_valid"),
    "repeats": ({"repeats": "newest"}, "“newest”", "first"),
    "text as a number": ({"metrics": [ec.Mean("country")]}, "not a number", "leave_out_bad"),
    "numbers as an outcome": ({"metrics": [ec.Proportion("revenue")]}, "not 0 or 1", "of="),
    "text as an outcome": ({"metrics": [ec.Proportion("user")]}, "no yes or no", "Correct"),
    "a column named twice": ({"unit": "group"}, "named twice", "second column"),
    "totals and rows": (
        {"metrics": [*RATE, ec.Proportion("revenue", of="phase", key="x")]},
        "totals", "two calls",
    ),
    "totals with units": (
        {"metrics": [ec.Proportion("converted", of="phase")], "unit": "user"},
        "no rows per unit", "Leave unit",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("told", "message", "hint"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_meant_is_refused_by_name_with_what_to_do(
    told: dict[str, Any], message: str, hint: str
):
    with pytest.raises(InvalidInputError) as caught:
        analyse(frame(), **told)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.details[0].rule


FILES = {
    "empty": ("", "empty"),
    "a header alone": ("user,group,converted,revenue\n", "no rows below it"),
    "one arm": (
        "user,group,converted,revenue\nu1,control,1,2\nu2,control,0,1\n", "two variants",
    ),
    "control not there": ("user,group,converted,revenue\nu1,A,1,2\nu2,C,0,1\n", "is control"),
    "a bad outcome": (
        "user,group,converted,revenue\nu1,control,1,2\nu2,B,maybe,1\nu3,B,0,1\n", "line 3",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), FILES.values(), ids=FILES.keys())
def test_a_file_that_is_no_test_is_refused_in_words(tmp_path: Path, text: str, message: str):
    path = tmp_path / "file.csv"
    path.write_text(text)
    with pytest.raises(InvalidInputError) as caught:
        analyse(path)
    assert message in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(InvalidInputError, match="There is no file"):
        analyse(tmp_path / "nowhere.csv")


def test_something_that_is_no_table_is_named():
    with pytest.raises(InvalidInputError, match="int cannot be read"):
        analyse(5)
    with pytest.raises(InvalidInputError, match="dict cannot be read"):
        analyse({"group": ["control", "B"], "converted": [1, "x"]})


TYPED = {
    "no n": ({"control": {"x": 1}, "B": {"n": 2, "x": 1}}, "“control” has no “n”"),
    "no count": ({"control": {"n": 1}, "B": {"n": 2, "x": 1}}, "“control” has no “x”"),
    "too many": ({"control": {"n": 1, "x": 2}, "B": {"n": 2, "x": 1}}, "among 1 units"),
    "half a unit": ({"control": {"n": 1.5, "x": 1}, "B": {"n": 2, "x": 1}}, "is 1.5"),
    "true": ({"control": {"n": True, "x": 1}, "B": {"n": 2, "x": 1}}, "is True"),
    "nan": ({"control": {"n": float("nan"), "x": 1}, "B": {"n": 2, "x": 1}}, "is nan"),
    "one arm": ({"control": {"n": 3, "x": 1}}, "two variants"),
}


@pytest.mark.parametrize(("data", "message"), TYPED.values(), ids=TYPED.keys())
def test_numbers_typed_in_are_checked(data: dict[str, Any], message: str):
    with pytest.raises(InvalidInputError) as caught:
        ec.analyze(data, metrics=[ec.Proportion("x")])
    assert message in caught.value.message


def test_moments_typed_in_are_checked():
    for row, message in (
        ({"n": 10, "mean": 1.0}, "no “variance”"),
        ({"n": 10, "mean": 1.0, "variance": -1.0}, "below 0"),
        ({"n": 10, "mean": float("inf"), "sd": 1.0}, "is inf"),
    ):
        with pytest.raises(InvalidInputError) as caught:
            ec.analyze({"control": row, "B": row}, metrics=[ec.Mean("time")])
        assert message in caught.value.message


def test_bad_rows_may_be_left_out_by_choice(tmp_path: Path):
    path = tmp_path / "file.csv"
    rows = [f"u{i},{'control' if i % 2 else 'B'},{i % 3 % 2},1" for i in range(300)]
    path.write_text("\n".join(["user,group,converted,revenue", *rows, "u999,B,maybe,1"]))
    report = analyse(path, metrics=RATE, leave_out_bad_rows=True)
    card = next(c for c in report.health if c.check == "left_out_rows")
    assert card.facts == {"rows_read": 301, "rows_left_out": 1, "rows_rejected": 1}


def test_the_report_speaks_in_a_terminal():
    text = repr(analyse(frame()))
    assert text.startswith("▲ B is better: +")
    assert "Converted (primary)" in text
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


def test_planning_answers_for_rates_and_means():
    plan = ec.sample_size(
        baseline=0.20, minimum_detectable_effect=0.05, relative=False, power=0.8, alpha=0.05
    )
    assert (plan.control, plan.treatment, plan.total) == (1094, 1094, 2188)
    assert plan.assumptions["test_method"] == "pooled_z"
    mean = ec.sample_size(minimum_detectable_effect=1.0, standard_deviation=10.0)
    assert mean.control == pytest.approx(1571, abs=2)
    seen = ec.minimum_detectable_effect(baseline=0.10, control=20_000, treatment=20_000)
    assert seen.relative_lift == pytest.approx(0.0858, abs=1e-3)
    spread = ec.minimum_detectable_effect(control=1571, treatment=1571, standard_deviation=10.0)
    assert spread.difference == pytest.approx(1.0, abs=1e-3)


def test_planning_refuses_in_words():
    with pytest.raises(InvalidInputError, match="baseline is missing"):
        ec.sample_size(minimum_detectable_effect=0.05)
    with pytest.raises(InvalidInputError, match="alpha"):
        ec.sample_size(baseline=0.2, minimum_detectable_effect=0.05, alpha=5)
    with pytest.raises(InvalidInputError, match="alternative"):
        ec.minimum_detectable_effect(
            baseline=0.2, control=10, treatment=10, alternative="larger"
        )


@pytest.mark.slow
def test_a_copied_workspace_is_read_without_the_app(tmp_path: Path):
    path = tmp_path / "copy.duckdb"
    with open_workspace(path) as ws:
        samples.load_samples(ws, LOCAL)
    with ec.open_workspace(path) as ws:
        assert "shorter-checkout" in ws.experiments()
        report = ws.look("shorter-checkout")
        assert report.verdict.code == "better"
        assert ws.look("shorter-checkout", 1).result == report.result
        assert "w = " in report["paid_order"].explain().numbers


def test_every_public_name_resolves_and_is_documented():
    assert ec.__version__
    for name in ec.__all__:
        assert inspect.getdoc(getattr(ec, name))
        assert name in dir(ec)
    with pytest.raises(AttributeError, match="no attribute 'analyse'"):
        _ = ec.analyse


def test_importing_the_package_loads_nothing_heavy():
    code = (
        "import sys, experiments_core; experiments_core.Proportion; "
        "print([m for m in ('duckdb', 'pandas', 'scipy', 'pyarrow') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_bayesian_view_is_asked_for_with_its_prior():
    told = analyse(frame(), bayes=True)
    assert told["converted"].bayes.prior == "Beta(1, 1) for each rate"
    other = analyse(frame(), bayes={"lift_deviation": 0.1})["revenue"].bayes
    assert other.prior.endswith("standard deviation 0.1")
    assert analyse(frame())["converted"].bayes is None
    assert "lift_deviation" in refused({"bayes": {"mean": 1}})


def test_a_method_is_asked_for_by_name():
    one = analyse(frame(), method=["newcombe", "fisher"])["converted"]
    assert (one.difference_interval_method, one.test_method) == ("newcombe", "fisher")
    assert "newcombe" in refused({"method": "wald"})


def test_a_plan_may_be_read_at_several_looks_and_a_guardrail_be_planned():
    asked = {"baseline": 0.10, "minimum_detectable_effect": 0.01}
    fixed, looked = ec.sample_size(**asked), ec.sample_size(**asked, looks=5)
    assert looked.total / fixed.total == pytest.approx(1.023, abs=2e-3)
    assert looked.assumptions["looks"] == 5
    with pytest.raises(InvalidInputError, match="looks"):
        ec.sample_size(**asked, looks=5, alternative="greater")
    # Chow, Shao & Wang 2008, chapter 4; the method book's worked example
    assert ec.non_inferiority_size(baseline=0.10, margin=0.01).control == 14_128
    wide = ec.non_inferiority_size(baseline=0.10, margin=0.05, relative=True)
    assert (wide.control, wide.treatment, wide.total) == (56_512, 56_512, 113_024)
    shown = ec.non_inferiority_margin(baseline=0.10, control=14_128, treatment=14_128)
    assert shown == pytest.approx(0.01, rel=1e-4)
    found = ec.power(baseline=0.10, effect=0.01, control=14_751, treatment=14_751)
    assert found == pytest.approx(0.8, abs=1e-4)
