"""Workbooks, several files, wide and long tables: asked about, then one table of rows."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.errors import InvalidInputError, TooLargeError
from experiments_core.services import ingestion, workbooks
from experiments_core.services.ingestion import Draft
from experiments_core.services.workspace import Workspace

ROWS = [(f"u{n}", ("control", "treatment")[n % 2], n % 3 == 0, n / 4) for n in range(40)]
TEN = datetime(2026, 5, 1, 10)  # noqa: DTZ001  a workbook knows no zones
HEADER = ("user_id", "variant", "won", "revenue")


def book(**sheets: list[tuple[Any, ...]]) -> io.BytesIO:
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    made.save(out)
    out.seek(0)
    return out


def csv_of(header: str, *rows: str) -> io.BytesIO:
    return io.BytesIO("\n".join((header, *rows, "")).encode())


def text(ws: Workspace, draft: Draft) -> list[str]:
    return (ws.db.side / "uploads" / f"{draft.import_id}.txt").read_text().splitlines()


def choose(ws: Workspace, draft: Draft, **layout: str) -> Draft:
    dialect = replace(draft.detection.dialect, **layout)
    return ingestion.look_again(ws, LOCAL, draft.import_id, dialect=dialect)


def codes(draft: Draft) -> list[str]:
    return [question.code for question in draft.questions]


def test_a_workbook_with_one_sheet_is_read_like_a_csv(ws: Workspace):
    draft = ingestion.receive(ws, LOCAL, book(Data=[HEADER, *ROWS]), "x.xlsx")
    assert codes(draft) == ["FINISHED"]
    assert text(ws, draft)[:3] == ["user_id,variant,won,revenue", "u0,control,TRUE,0",
                                   "u1,treatment,FALSE,0.25"]  # fmt: skip
    report = ingestion.check(ws, LOCAL, draft.import_id, draft.detection.proposal)
    assert (report.rows_read, report.rows_left_out, report.arms) == (
        40, 0, {"control": 20, "treatment": 20},
    )  # fmt: skip


def test_lines_of_a_sheet_are_its_rows_and_dates_are_iso(ws: Workspace):
    data = [(None, *row, TEN + timedelta(minutes=n)) for n, row in enumerate(ROWS)]
    rows = [("Exported today",), (), (None, *HEADER, "seen"), *data]
    rows[5] = (None, "u9", "control", "perhaps", 1, None)
    draft = ingestion.receive(ws, LOCAL, book(Data=rows), "x.xlsx")
    assert draft.detection.dialect.header_line == 3
    assert text(ws, draft)[3] == "u0,control,TRUE,0,2026-05-01 10:00:00"
    report = ingestion.check(ws, LOCAL, draft.import_id, draft.detection.proposal)
    assert [(one.line, one.value) for one in report.first_rejects if one.rule == "OUTCOME_WORD"]
    assert "Line 6, won: “perhaps”" in report.by_rule[0].message


def test_which_sheet_is_asked_and_nothing_else_before(ws: Workspace):
    sheets = {"Notes": [("what", "why"), ("a", "b")], "Data": [HEADER, *ROWS]}
    draft = ingestion.receive(ws, LOCAL, book(**sheets), "x.xlsx")
    assert codes(draft) == ["SHEET"]
    assert [c.value for c in draft.questions[0].choices] == ["Notes", "Data"]
    report = ingestion.check(ws, LOCAL, draft.import_id, draft.detection.proposal)
    assert [one.code for one in report.questions] == ["SHEET"]
    assert report.rows_read == 0
    draft = choose(ws, draft, sheet="Data")
    assert codes(draft) == ["FINISHED"]
    assert len(text(ws, draft)) == 41
    with pytest.raises(InvalidInputError, match="no sheet “Date”"):
        choose(ws, draft, sheet="Date")
    assert len(text(ws, draft)) == 41


def test_a_sheet_for_each_arm_is_stacked_when_somebody_says_so(ws: Workspace):
    head = ("date", "visitors", "orders")
    sheets = {
        "Control": [head, *((f"2026-05-0{n}", 100, n) for n in range(1, 6))],
        "Test": [head, *((f"2026-05-0{n}", 110, n + 1) for n in range(1, 6))],
    }
    draft = choose(ws, ingestion.receive(ws, LOCAL, book(**sheets), "x.xlsx"), sheet="*")
    mapping = draft.detection.proposal
    report = ingestion.check(ws, LOCAL, draft.import_id, mapping)
    assert report.arms == {"Control": 500, "Test": 550}


def test_a_discarded_workbook_leaves_no_file(ws: Workspace):
    draft = ingestion.receive(ws, LOCAL, book(Data=[HEADER, *ROWS]), "x.xlsx")
    ingestion.discard(ws, LOCAL, draft.import_id)
    assert not list((ws.db.side / "uploads").iterdir())


@pytest.mark.parametrize(
    ("entries", "words"),
    (
        ({"notes.txt": b"hello"}, "a ZIP archive"),
        ({"xl/workbook.bin": b""}, "binary workbook"),
        ({"content.xml": b"<x/>"}, "OpenDocument"),
        ({"xl/workbook.xml": b"<x/>"}, "cannot be read"),
    ),
)
def test_other_archives_are_named(ws: Workspace, entries: dict[str, bytes], words: str):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    out.seek(0)
    with pytest.raises(InvalidInputError, match=words):
        ingestion.receive(ws, LOCAL, out, "x.csv")
    assert not list((ws.db.side / "uploads").iterdir())


def test_a_workbook_that_unpacks_too_far_is_stopped_by_its_list_of_contents(ws: Workspace):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b" " * 20_000_000)
    out.seek(0)
    with pytest.raises(TooLargeError, match="100 times its size"):
        ingestion.receive(ws, LOCAL, out, "x.xlsx")
    with pytest.raises(InvalidInputError, match="damaged or cut off"):
        ingestion.receive(ws, LOCAL, io.BytesIO(b"PK\x03\x04 and no more"), "x.xlsx")
    assert not list((ws.db.side / "uploads").iterdir())


def test_a_parser_that_runs_out_of_memory_is_a_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    child = tmp_path / "child.py"
    child.write_text(
        "import resource\nresource.setrlimit(resource.RLIMIT_AS, (2**28, 2**28))\n"
        "x = bytearray(2**30)\n"
    )
    path = tmp_path / "x.xlsx"
    path.write_bytes(book(Data=[HEADER, *ROWS]).getvalue())
    monkeypatch.setattr(workbooks, "CHILD", child)
    with pytest.raises(TooLargeError, match="more memory or time"):
        workbooks.sheets_of(path)


def test_files_of_one_arm_each_are_stacked_under_their_names(ws: Workspace):
    first = csv_of("user_id,won", *(f"a{n},{n % 2}" for n in range(10)))
    second = csv_of("won;user_id", *(f"{n % 3 == 0};b{n}" for n in range(12)))
    draft = ingestion.receive_files(
        ws, LOCAL, [(first, "q3_control.csv"), (second, "q3_new-button.csv")]
    )
    assert codes(draft) == ["COMBINE"]
    draft = choose(ws, draft, combine="arms")
    report = ingestion.check(ws, LOCAL, draft.import_id, draft.detection.proposal)
    assert report.arms == {"control": 10, "new button": 12}
    assert report.rows_read == 22


def test_a_fault_in_stacked_files_has_the_line_of_its_own_file(ws: Workspace):
    first = csv_of("user_id,won", *(f"a{n},1" for n in range(10)))
    second = csv_of("user_id,won", *(f"b{n},1" for n in range(10)), "b10,perhaps")
    draft = ingestion.receive_files(ws, LOCAL, [(first, "control.csv"), (second, "test.csv")])
    draft = choose(ws, draft, combine="arms")
    report = ingestion.check(ws, LOCAL, draft.import_id, draft.detection.proposal)
    assert [one.line for one in report.first_rejects] == [12]


def test_outcomes_join_their_assignments_and_units_of_one_side_are_counted(ws: Workspace):
    arms = csv_of("user_id,variant", *(f"u{n},{'ab'[n % 2]}" for n in range(20)))
    orders = csv_of("user_id,revenue", *(f"u{n},{n}.5" for n in range(15)), "u3,7", "u99,1")
    draft = ingestion.receive_files(ws, LOCAL, [(orders, "orders.csv"), (arms, "arms.csv")])
    assert codes(draft) == ["COMBINE"]
    draft = choose(ws, draft, combine="join")
    mapping = replace(draft.detection.proposal, control="a", repeats="sum")
    report = ingestion.check(ws, LOCAL, draft.import_id, mapping)
    # 16 orders of 15 units, 5 units without one, one order of a unit without an arm
    assert (report.rows_read, report.rows_left_out, report.units) == (22, 1, 20)
    assert [one.rule for one in report.by_rule] == ["VARIANT_BLANK"]
    assert "OUTCOME_BLANK" in [one.code for one in report.questions]


def test_the_likeliest_answer_changes_no_text_and_another_one_does(ws: Workspace):
    arms = csv_of("user_id,variant,seen", *(f"u{n},{'ab'[n % 2]},2026-05-01" for n in range(9)))
    orders = csv_of("user_id,revenue,bought", *(f"u{n},{n}.5,2026-05-02" for n in range(9)))
    draft = ingestion.receive_files(ws, LOCAL, [(arms, "arms.csv"), (orders, "orders.csv")])
    assert [(one.code, one.default) for one in draft.questions] == [("COMBINE", "join")]
    joined = ws.db.side / "uploads" / f"{draft.import_id}.txt"
    before = joined.stat().st_ino
    draft = choose(ws, draft, combine="join")
    assert "COMBINE" not in codes(draft)
    assert joined.stat().st_ino == before
    draft = choose(ws, draft, combine="events")
    assert draft.detection.proposal.shape == "events"
    assert joined.stat().st_ino != before


def test_a_join_that_would_multiply_rows_is_refused(ws: Workspace):
    arms = csv_of("user_id,variant", *(f"u{n % 8},{'ab'[n % 2]}" for n in range(20)))
    orders = csv_of("user_id,revenue", *(f"u{n % 9},{n}" for n in range(20)))
    with pytest.raises(InvalidInputError, match="would multiply rows") as caught:
        ingestion.receive_files(ws, LOCAL, [(arms, "arms.csv"), (orders, "orders.csv")])
    assert caught.value.code == "JOIN_MULTIPLIES"
    assert not list((ws.db.side / "uploads").iterdir())


def test_files_that_do_not_fit_together_say_their_columns(ws: Workspace):
    pair = [(csv_of("a,b", "1,2"), "one.csv"), (csv_of("c,d", "1,2"), "two.csv")]
    with pytest.raises(InvalidInputError, match="do not fit together") as caught:
        ingestion.receive_files(ws, LOCAL, pair)
    assert [one.field for one in caught.value.details] == ["one.csv", "two.csv"]
    broken = [(csv_of("a,b", "1,2"), "one.csv"), (csv_of("a,b", '"1,2'), "two.csv")]
    with pytest.raises(InvalidInputError, match="Line 2 opens a quote") as caught:
        ingestion.receive_files(ws, LOCAL, broken)
    assert str(caught.value).startswith("“two.csv”: ")


def test_side_by_side_totals_become_rows_when_somebody_says_so(ws: Workspace):
    wide = csv_of("date,visitors_a,visitors_b,orders_a,orders_b", "2026-05-01,100,110,10,12",
                  "2026-05-02,90,95,9,11")  # fmt: skip
    draft = ingestion.receive(ws, LOCAL, wide, "wide.csv")
    assert codes(draft) == ["RESHAPE"]
    draft = choose(ws, draft, reshape="arms")
    report = ingestion.check(ws, LOCAL, draft.import_id, draft.detection.proposal)
    assert report.arms == {"a": 190, "b": 205}


def test_a_broken_row_of_a_table_to_reshape_is_named_by_its_file(ws: Workspace):
    wide = csv_of("date,visitors_a,visitors_b,orders_a,orders_b", "2026-05-01,100,110,10,12",
                  "2026-05-02,90,95,9")  # fmt: skip
    draft = ingestion.receive(ws, LOCAL, wide, "wide.csv")
    with pytest.raises(InvalidInputError, match=r"Line 3 of “wide\.csv” has 4 fields; 5 are"):
        choose(ws, draft, reshape="arms")


def test_a_column_for_each_arm_becomes_rows(ws: Workspace):
    wide = csv_of("control,treatment", *(f"{n},{n + 1}" for n in range(30)), "7,")
    draft = choose(ws, ingestion.receive(ws, LOCAL, wide, "two.csv"), reshape="samples")
    report = ingestion.check(ws, LOCAL, draft.import_id, draft.detection.proposal)
    assert report.arms == {"control": 31, "treatment": 30}


def test_a_row_for_each_metric_becomes_a_row_for_each_unit(ws: Workspace):
    rows = [f"u{n},{'ab'[n % 2]},{m},{v}" for n in range(20)
            for m, v in (("revenue", n * 2), ("purchased", n % 2))]  # fmt: skip
    long = csv_of("user_id,variant,metric,value", *rows)
    draft = ingestion.receive(ws, LOCAL, long, "long.csv")
    assert codes(draft) == ["RESHAPE"]
    draft = choose(ws, draft, reshape="metrics")
    assert text(ws, draft)[0] == "user_id,variant,revenue,purchased"
    mapping = replace(draft.detection.proposal, control="a")
    report = ingestion.check(ws, LOCAL, draft.import_id, mapping)
    assert (report.rows_read, report.units) == (20, 20)
    twice = csv_of("user_id,variant,metric,value", *rows, "u3,b,revenue,1")
    draft = ingestion.receive(ws, LOCAL, twice, "long.csv")
    with pytest.raises(InvalidInputError, match="Line 42: the metric “revenue” stands twice"):
        choose(ws, draft, reshape="metrics")
    assert text(ws, draft)[0] == "user_id,variant,metric,value"
