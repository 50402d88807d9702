"""Dates that a spreadsheet wrote as numbers: offered as dates, and asked about."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.domain.source import Role
from experiments_core.services import ingestion
from experiments_core.services.workspace import Workspace
from experiments_core.tabular import times


def table(header: str, *days: str) -> io.BytesIO:
    rows = "".join(
        f"u{n};{'AB'[n % 2]};{n % 3 == 0:d};{days[n % len(days)]}\n" for n in range(20)
    )
    return io.BytesIO(f"user_id;variant;converted;{header}\n{rows}".encode())


@pytest.mark.parametrize(
    ("how", "first"), (("excel", "2023-07-16 12:00:00"), ("excel_1904", "2027-07-17 12:00:00"))
)
@pytest.mark.parametrize("half", ("45123.5", "45123,5"))
def test_the_days_of_a_spreadsheet_are_offered_as_dates(
    ws: Workspace, how: str, first: str, half: str
):
    draft = ingestion.receive(ws, LOCAL, table("signup_date", half, "45124"), "x.csv")
    (question,) = [one for one in draft.questions if one.code == "SPREADSHEET_DATES"]
    assert question.choices[0].label.startswith("16 July 2023 12:00")
    mapping = ingestion.answer(draft.detection.proposal, question, how)
    mapping = replace(mapping, control="A", finished=True)
    report = ingestion.check(ws, LOCAL, draft.import_id, mapping)
    assert (report.rows_used, report.questions) == (20, ())
    assert str(report.preview[1][0][2]) == first


def test_a_cell_that_is_no_date_is_refused_by_line(ws: Workspace):
    draft = ingestion.receive(ws, LOCAL, table("date", *["45123"] * 19, "451230"), "x.csv")
    (question,) = [one for one in draft.questions if one.code == "SPREADSHEET_DATES"]
    mapping = ingestion.answer(draft.detection.proposal, question, "excel")
    report = ingestion.check(ws, LOCAL, draft.import_id, mapping)
    assert [(one.rule, one.lines) for one in report.blocking] == [("TIME", (21,))]


@pytest.mark.parametrize("header", ("lifetime_value", "revenue", "postcode"))
def test_other_numbers_of_that_size_are_no_dates(ws: Workspace, header: str):
    draft = ingestion.receive(ws, LOCAL, table(header, "45123", "39221"), "x.csv")
    assert draft.detection.proposal.columns[3].role is not Role.TIME
    assert not [one for one in draft.questions if one.code == "SPREADSHEET_DATES"]


def test_numbers_of_times_are_read_as_the_format_says():
    assert times.read("1700000000", "epoch_s") == 1_700_000_000
    assert times.read("1700000000500", "epoch_ms") == 1_700_000_000.5
    assert times.read("25569", "excel") == 0
    assert times.read("24107.5", "excel_1904") == 43_200
    assert times.read("125569", "excel") is None
