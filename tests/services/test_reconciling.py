"""Two sources of one experiment: every difference has one reason, and the counts add up."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import experiments_core as ec
from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Experiment
from experiments_core.errors import InvalidInputError
from experiments_core.services import ingestion
from experiments_core.services.reconciliation import Reconciliation
from experiments_core.services.workspace import Workspace
from tests.services.test_import_quality import report_of, rows

PAID = [ec.Proportion("paid")]


def frame(count: int = 200, **changes: Any) -> pd.DataFrame:
    moments = pd.Timestamp("2026-05-04 12:00") + pd.to_timedelta(range(count), unit="h")
    made = pd.DataFrame({
        "id": [f"user_{n:05d}" for n in range(count)],
        "arm": [("control", "treatment")[n % 2] for n in range(count)],
        "paid": [int(n % 3 == 0) for n in range(count)],
        "seen": moments,
    })  # fmt: skip
    return made.assign(**changes)


def compare(a: Any, b: Any, **more: Any) -> Any:
    told = {"variant": "arm", "unit": "id", "metrics": PAID, **more}
    return ec.reconcile(a, b, **told)


def whys(found: Any) -> dict[tuple[str, str, str], int]:
    return {(one.code, one.side, one.detail): one.units for one in found.found.reasons}


def test_two_equal_sources_agree_whatever_their_order() -> None:
    found = compare(frame(), frame().sample(frac=1, random_state=1))
    assert found.agree
    assert (found.found.both, found.reasons) == (200, {})
    assert repr(found).startswith("A: 200 units, B: 200 units, 200 in both; they agree.")


def test_units_on_one_side_other_arms_and_other_outcomes_are_told_apart() -> None:
    b = frame().iloc[5:].copy()
    b.loc[b["id"] == "user_00010", "arm"] = "treatment"
    b.loc[b["id"].isin(["user_00020", "user_00021"]), "paid"] = [1, 0]
    b = pd.concat([b, frame(3).assign(id=["x1", "y1", "z1"])])
    found = compare(frame(), b)
    assert whys(found) == {
        ("ONLY_IN_A", "a", ""): 5,
        ("ONLY_IN_B", "b", ""): 3,
        ("OTHER_VARIANT", "", ""): 1,
        ("OTHER_OUTCOME", "", "paid"): 2,
    }
    moved = next(one for one in found.found.reasons if one.code == "OTHER_VARIANT")
    assert [(one.unit, one.a, one.b) for one in moved.cases] == [
        ("user_00010", "control", "treatment")
    ]
    assert found.found.arms == {"control": (100, 98), "treatment": (100, 100)}


def test_identifiers_written_in_another_way_are_paired() -> None:
    b = frame().assign(id=[f"{n}.0" for n in range(200)])
    found = compare(frame(), b)
    assert whys(found) == {("ID_FORMAT", "", ""): 199, ("ONLY_IN_A", "a", ""): 1,
                           ("ONLY_IN_B", "b", ""): 1}  # fmt: skip
    upper = compare(frame(), frame().assign(id=frame()["id"].str.upper()))
    assert whys(upper) == {("ID_FORMAT", "", ""): 200}


def test_identifiers_that_could_be_two_units_are_not_paired() -> None:
    a = frame(4).assign(id=["1", "01", "x7", "9"])
    b = frame(4).assign(id=["1", "001", "7", "y7"])
    found = compare(a, b)
    assert whys(found) == {("ID_FORMAT", "", ""): 1, ("ONLY_IN_A", "a", ""): 2,
                           ("ONLY_IN_B", "b", ""): 2}  # fmt: skip


def test_identifiers_with_different_words_are_different_units() -> None:
    found = compare(frame(), frame().assign(id=[f"order_{n:05d}" for n in range(200)]))
    assert whys(found) == {("ONLY_IN_A", "a", ""): 200, ("ONLY_IN_B", "b", ""): 200}


def test_a_shift_of_the_time_zone_is_found_with_the_units_it_moves_out_of_the_window() -> None:
    a = frame()
    b = frame().assign(seen=frame()["seen"] + pd.Timedelta(hours=2))
    found = compare(a, b, time="seen")
    assert whys(found) == {("ZONE_SHIFT", "", "120"): 200}
    assert "2 h ahead of" in repr(found)
    cut = b[b["seen"] < pd.Timestamp("2026-05-10")]
    found = compare(a, cut, time="seen")
    late = {code: n for (code, side, _), n in whys(found).items() if side == "a"}
    assert late == {"LATE": 200 - len(cut) - 2, "ZONE_SHIFT": 2}


def test_rows_outside_the_window_of_the_other_source_are_early_or_late() -> None:
    found = compare(frame(), frame().iloc[10:150], time="seen")
    assert whys(found) == {("OUTSIDE_WINDOW", "a", ""): 10, ("LATE", "a", ""): 50}


def test_units_that_the_other_side_left_out_say_by_which_rule() -> None:
    again = frame(2).assign(arm=["treatment", "control"])
    found = compare(frame(), pd.concat([frame(), again, frame(200).iloc[50:60]]))
    assert whys(found) == {
        ("FILTERED", "a", "UNIT_IN_TWO_ARMS"): 2,
        ("DUPLICATES", "", "B"): 10,
    }


def test_arms_with_other_names_are_matched_by_their_units() -> None:
    renamed = frame()["arm"].map({"control": "0", "treatment": "1"})
    found = compare(frame(), frame().assign(arm=renamed))
    assert found.found.arms == {"control": (100, 100), "treatment": (100, 100)}
    assert {one.detail for one in found.found.reasons} == {"0", "1"}


def test_rows_against_another_tool_s_totals() -> None:
    totals = pd.DataFrame({"arm": ["control", "Treatment"], "n": [100, 104], "x": [34, 33]})
    theirs = {"metrics": [ec.Proportion("x", of="n")], "unit": None}
    found = compare(frame(), totals, theirs=theirs, names=("our export", "the tool"))
    assert (found.found.basis, found.found.both) == ("totals", None)
    assert found.found.arms == {"control": (100, 100), "treatment": (100, 104)}
    assert found.found.sums["paid"] == {"control": (34, 34), "treatment": (33, 33)}
    assert [one.code for one in found.found.reasons] == ["UNEXPLAINED"]
    doubled = pd.concat([frame(), frame(4)])
    found = compare(doubled, totals, theirs=theirs)
    assert found.reasons == {"DUPLICATES": 4}


def test_what_is_no_option_is_refused_by_name() -> None:
    with pytest.raises(InvalidInputError, match="no option “varaint”"):
        compare(frame(), frame(), theirs={"varaint": "x"})


def test_differences_can_be_taken_along(tmp_path: Path) -> None:
    path = tmp_path / "b.csv"
    frame().iloc[1:].assign(id=lambda f: f["id"].replace("user_00001", "=cmd")).to_csv(path)
    found = compare(frame(), path, names=("A", "B"))
    told = list(csv.DictReader(io.StringIO(found.to_csv().decode("utf-8-sig"))))
    assert {(row["reason"], row["unit"]) for row in told} == {
        ("ONLY_IN_A", "user_00000"), ("ONLY_IN_A", "user_00001"), ("ONLY_IN_B", "'=cmd"),
    }  # fmt: skip
    assert found.to_dict()["units"] == (200, 199)


unit = st.tuples(
    st.sampled_from([f"{prefix}{n}" for prefix in ("", "u", "0", "U-") for n in range(12)]),
    st.sampled_from(["a", "b"]),
    st.integers(0, 1),
    st.integers(0, 400),
)
side = st.lists(unit, min_size=4, max_size=30, unique_by=lambda one: one[0])


@settings(max_examples=25, deadline=None)
@given(side, side)
def test_every_unit_is_in_exactly_one_place(a: Any, b: Any) -> None:
    def table(units: Any) -> pd.DataFrame:
        made = pd.DataFrame(units, columns=["id", "arm", "paid", "hour"])
        start = pd.Timestamp("2026-05-04")
        return made.assign(seen=start + pd.to_timedelta(made["hour"], unit="h"))

    found = compare(table(a), table(b), time="seen").found
    alone = {"a": 0, "b": 0}
    for one in found.reasons:
        if one.side:
            alone[one.side] += one.units
    assert (found.both + alone["a"], found.both + alone["b"]) == (len(a), len(b))
    ours, theirs = ({one[0]: one for one in units} for units in (a, b))
    same = set(ours) & set(theirs)
    assert found.both >= len(same)
    if found.both == len(same):  # nothing was paired by another spelling
        changed = sum(ours[key][2] != theirs[key][2] for key in same)
        told = sum(one.units for one in found.reasons if one.code == "OTHER_OUTCOME")
        assert told == changed


def bring(ws: Workspace, text: str) -> Experiment:
    _, mapping, import_id = report_of(ws, text)
    record = ingestion.commit_as_new(ws, LOCAL, import_id, mapping, name="Banner")
    from experiments_core.services.experiments import get_experiment  # noqa: PLC0415

    return get_experiment(ws, LOCAL, record.experiment_id or "")


def difference(ws: Workspace, text: str, experiment: Experiment) -> Reconciliation:
    report, _, _ = report_of(ws, text, experiment=experiment)
    assert report.difference is not None
    return report.difference


def test_a_newer_export_shows_new_changed_and_gone_units(ws: Workspace) -> None:
    made = bring(ws, rows(60))
    newer = rows(70).replace("u3,treatment,1", "u3,treatment,0").replace("u5,treatment,0\n", "")
    found = difference(ws, newer, made)
    assert (found.new, found.gone, found.both) == (10, 1, 59)
    assert [(one.code, one.detail, one.units) for one in found.reasons] == [
        ("ONLY_IN_A", "", 1), ("ONLY_IN_B", "", 10), ("OTHER_OUTCOME", "converted", 1),
    ]  # fmt: skip
    assert [(one.unit, one.line, one.a, one.b) for one in found.reasons[2].cases] == [
        ("u3", 5, "1", "0")
    ]
    assert found.reasons[1].message == "10 units are only in this file."


def test_another_tool_s_totals_are_held_against_the_data(ws: Workspace) -> None:
    made = bring(ws, rows(60))
    totals = "variant,visitors,converted\ncontrol,31,10\ntreatment,30,10\n"
    found = difference(ws, totals, made)
    assert (found.basis, found.arms["control"]) == ("totals", (30, 31))
    assert [one.code for one in found.reasons] == ["UNEXPLAINED"]
    assert found.sums["converted"] == {"control": (10.0, 10.0), "treatment": (10.0, 10.0)}


def test_the_difference_leaves_with_the_record_of_the_import(ws: Workspace) -> None:
    made = bring(ws, rows(60))
    _, _, import_id = report_of(ws, rows(70), experiment=made)
    record = ingestion.commit(ws, LOCAL, import_id)
    assert record.report["difference"]["units"] == [60, 70]
