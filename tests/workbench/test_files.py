"""Files of any shape through the notebook's two calls."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

import experiments_core as ec
from experiments_core.errors import InvalidInputError

LOG = "user_id,variant,event,at\n" + "".join(
    f"u{n // 2},{('control', 'test')[n // 2 % 2]},{('view', 'buy')[n % 2]},"
    f"2026-05-01 10:{n // 60:02}:{n % 60:02}\n"
    for n in range(600)
    if n % 2 == 0 or n % 5 < 3
)
ANSWERS = {"EXPOSURE_EVENT": "view", "CONVERSION_EVENT": "buy", "CONVERSION_WINDOW": "all"}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.csv"
    path.write_text(LOG)
    return path


def test_what_a_file_leaves_open_is_raised_with_its_codes(log: Path):
    with pytest.raises(InvalidInputError, match="Which event is the conversion") as caught:
        ec.read_data(log)
    assert caught.value.code == "QUESTIONS_OPEN"
    assert {one.rule for one in caught.value.details} == set(ANSWERS)
    assert "answers=" in caught.value.hint


def test_an_event_log_is_read_and_judged(log: Path):
    found = ec.read_data(log, answers=ANSWERS)
    assert list(found.data.columns) == ["unit", "arm", "first_ts", "buy"]
    assert len(found.data) == 300
    assert found.report.rows_read == LOG.count("\n") - 1
    assert found.rejects.empty
    report = ec.analyze(found)
    by_hand = pd.read_csv(log).query("event == 'buy'").groupby("variant").user_id.nunique()
    arms = {arm.variant: arm for arm in report.result.metrics[0].arms}
    assert {name: arm.conversions for name, arm in arms.items()} == by_hand.to_dict()
    assert {arm.n for arm in arms.values()} == {150}
    direct = ec.analyze(log, answers=ANSWERS)
    assert direct.to_json() == report.to_json()
    sheet = direct.robustness("buy")
    assert sheet.planned.p_value == pytest.approx(report["buy"].p_value, rel=1e-12)
    shuffled = direct.calibrate("buy", shuffles=100)
    assert (shuffled.units, shuffled.shuffles) == (300, 100)


def test_rejects_of_a_file_are_a_frame(log: Path):
    log.write_text(LOG + ",control,view,2026-05-02\nu1,,wave,2026-05-02\n")
    found = ec.read_data(log, answers=ANSWERS)
    assert list(found.rejects["rule"]) == ["UNIT_BLANK", "EVENT_OTHER"]
    assert found.report.rows_left_out == 2


def test_a_sheet_for_each_arm_is_a_test(tmp_path: Path):
    book = openpyxl.Workbook()
    for number, name in enumerate(("Control", "New")):
        sheet = book.create_sheet(name, number)
        sheet.append(("day", "visitors", "orders"))
        for day in range(1, 15):
            sheet.append((f"2026-05-{day:02}", 500, 50 + 10 * number + day % 3))
    book.remove(book.worksheets[-1])
    path = tmp_path / "arms.xlsx"
    book.save(path)
    with pytest.raises(InvalidInputError, match="2 sheets"):
        ec.read_data(path)
    report = ec.analyze(path, answers={"SHEET": "*"})
    assert [arm.n for arm in report.result.metrics[0].arms] == [7000, 7000]
    with pytest.raises(InvalidInputError, match="2 sheets: Control, New"):
        ec.analyze(path, variant="x", metrics=[ec.Proportion("orders", of="visitors")])


def test_parquet_of_ones_own_disk_is_read_like_a_frame(tmp_path: Path):
    frame = pd.DataFrame({
        "variant": ["a", "b"] * 200, "won": [n % 3 == 0 for n in range(400)],
        "spent": [n / 7 for n in range(400)],
    })  # fmt: skip
    path = tmp_path / "rows.parquet"
    frame.to_parquet(path)
    told: dict[str, Any] = {
        "variant": "variant", "control": "a",
        "metrics": [ec.Proportion("won"), ec.Mean("spent")],
    }  # fmt: skip
    assert ec.analyze(path, **told).to_json() == ec.analyze(frame, **told).to_json()
    with pytest.raises(
        InvalidInputError, match="uploaded Parquet file cannot be opened safely"
    ):
        ec.read_data(path)
    path.write_bytes(b"PAR1 and nothing")
    with pytest.raises(InvalidInputError, match="no Parquet file that can be read"):
        ec.analyze(path, **told)


def test_published_moments_give_the_published_tests(acceptance_data: Path):
    real = acceptance_data / "data" / "real"
    reference = pd.read_csv(real / "asos_final_snapshot_part_a_reference.csv")
    for name in list(dict.fromkeys(reference.experiment_id))[:2]:
        rows = reference[reference.experiment_id == name]
        report = ec.analyze(
            real / "asos_digital_experiments_part_a.csv", control="control",
            answers={"EXPERIMENT": name},
        )  # fmt: skip
        for row in rows.itertuples():
            found = report[str(row.metric_id), str(row.variant_id)]
            assert found.n == row.count_t
            assert found.difference == pytest.approx(row.abs_lift, rel=1e-6)
            assert math.isclose(found.p_value, row.p_value, rel_tol=1e-4)
        assert len(rows) == sum(1 for _ in report)


def test_a_column_of_a_frame_may_be_named_by_a_number_or_be_the_index():
    plain = pd.DataFrame({"g": ["control", "B"] * 40, "c": [0, 1, 1, 1] * 20})
    wanted = ec.analyze(plain, variant="g", metrics=ec.Proportion("c")).to_dict()["metrics"]
    numbered = plain.rename(columns={"g": 0})
    for frame, variant in ((numbered, 0), (plain.set_index("g"), "g")):
        found = ec.analyze(frame, variant=variant, metrics=[ec.Proportion("c")])  # type: ignore[arg-type]
        assert found.to_dict()["metrics"] == wanted


def test_two_columns_of_a_frame_with_one_name_are_not_told_apart():
    frame = pd.DataFrame([["control", 0, 1], ["B", 1, 0]] * 9, columns=["g", "c", "c"])
    with pytest.raises(InvalidInputError, match="2 columns are called “c”"):
        ec.analyze(frame, variant="g", metrics=[ec.Proportion("c")])


@pytest.mark.parametrize(
    ("options", "told"),
    (
        ({"column": 3}, "the column is 3; write its header as text"),
        ({"column": "c", "role": "gard"}, "role is 'gard'; choose one of primary, secondary"),
        ({"column": "c", "preferred_direction": "up"}, "preferred_direction is 'up'; choose"),
    ),
)
def test_a_metric_that_cannot_be_says_what_is_wrong(options: dict[str, Any], told: str):
    with pytest.raises(ec.UpshotError, match=told) as caught:
        ec.Mean(**options)
    assert isinstance(caught.value, ValueError)
