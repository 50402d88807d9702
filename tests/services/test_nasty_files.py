"""Files as spreadsheets and other tools write them: read rightly, asked about, or refused."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from experiments_core.domain.access import LOCAL
from experiments_core.errors import InvalidInputError
from experiments_core.services import ingestion
from experiments_core.services.import_choices import choices_from_document
from experiments_core.services.import_reading import read_draft
from experiments_core.services.import_report import ImportReport
from experiments_core.services.workspace import Workspace, open_workspace


@pytest.fixture(scope="module")
def ws() -> Iterator[Workspace]:
    with open_workspace(":memory:") as found:
        yield found


def rows(cell: Callable[[int], str], head: str = "extra", mark: str = ",") -> str:
    """40 units in two arms with one more column."""
    lines = [mark.join(("user_id", "variant", "converted", head))]
    lines += [
        mark.join((f"u{n}", ("control", "treatment")[n % 2], str(int(n % 3 == 0)), cell(n)))
        for n in range(40)
    ]
    return "\n".join([*lines, ""])


def read(ws: Workspace, text: str, **said: Any) -> ImportReport:
    draft = ingestion.receive(ws, LOCAL, io.BytesIO(text.encode()), "file.csv")
    choices = choices_from_document({"finished": True, "accept_defaults": True, **said})
    return read_draft(ws, LOCAL, draft, choices)[2]


def codes(report: ImportReport) -> set[str]:
    return {one.code for one in report.warnings}


def rules(report: ImportReport) -> dict[str, tuple[int, ...]]:
    return {one.rule: one.lines for one in report.by_rule}


@pytest.mark.parametrize("count", ("99999999999999999999", "9223372036854775808", "1e30"))
def test_a_count_beyond_what_is_exact_is_named(ws: Workspace, count: str):
    text = f"variant,visitors,conversions\ncontrol,{count},5\ntreatment,1000,50\n"
    assert set(rules(read(ws, text))) <= {"COUNT_LARGE", "COUNT"}
    moments = f"variant,n,mean,sd\ncontrol,{count},5,1\ntreatment,1000,5,1\n"
    assert rules(read(ws, moments)) == {"COUNT_LARGE": (2,)}


def test_amounts_in_two_currencies_are_not_added(ws: Workspace):
    text = rows(lambda n: f"{'$€'[n % 2]}{n}.50", "revenue")
    with pytest.raises(InvalidInputError, match="2 currencies"):
        read(ws, text)
    assert read(ws, text, outcomes=["converted"]).rows_used == 40
    same = read(ws, rows(lambda n: f"{n}.50 {('USD', '')[n % 2]}", "revenue"))
    assert "CURRENCY_STRIPPED" in codes(same)


def test_a_sign_taken_off_and_zones_that_differ_are_told_of_clean_files_too(ws: Workspace):
    report = read(ws, rows(lambda n: f"1.23{n % 10},50 €", "revenue", ";"))
    assert report.preview[1][3][3] == 1233.5
    assert "CURRENCY_STRIPPED" in codes(report)
    mixed = rows(lambda n: f"2026-05-01T10:{n:02}:00{'Z' if n % 2 else ''}", "seen")
    assert "TIME_ZONE_MIXED" in codes(read(ws, mixed))


@pytest.mark.parametrize("head", ("revenue", "Umsatz", "gross_margin"))
def test_an_amount_per_variant_is_no_count_of_conversions(ws: Workspace, head: str):
    text = (
        f"variant,visitors,orders,{head}\ncontrol,1000,100,250.5\ntreatment,1000,120,310.25\n"
    )
    assert read(ws, text).preview[0] == ("variant", "visitors", "orders")


def test_a_mean_and_its_spread_under_the_name_of_a_metric_are_moments(ws: Workspace):
    text = "variant,users,revenue_mean,revenue_sd\na,1000,2.5,10\nb,1000,3.1,11\n"
    assert read(ws, text).preview[1] == (("a", 1000, 2.5), ("b", 1000, 3.1))


@pytest.mark.parametrize(
    ("written", "hour"),
    (
        (lambda n: f"5/{13 + n % 9}/2026 1:0{n % 9} PM", 13),
        (lambda n: f'"5/{13 + n % 9}/2026, 12:0{n % 9}:05 AM"', 0),
        (lambda n: f"{13 + n % 9}/05/2026 01:0{n % 9} pm", 13),
    ),
)
def test_twelve_hours_twice_a_day_are_read(
    ws: Workspace, written: Callable[[int], str], hour: int
):
    report = read(ws, rows(written, "seen"))
    first = report.preview[1][0][2]
    assert (first.month, first.day, first.hour) == (5, 13, hour)


def test_a_cell_of_more_than_64_kb_is_left_out_with_its_line(ws: Workspace):
    report = read(ws, rows(lambda n: "x" * 70_000 if n == 5 else "y", "city"))
    assert rules(report) == {"CELL_LENGTH": (7,)}
    assert report.rows_used == 39


def test_a_table_with_a_row_per_measure_is_turned_when_that_is_said(ws: Workspace):
    text = "metric,control,treatment\nusers,1000,1000\nconversion rate,10.0%,12.0%\n"
    draft = ingestion.receive(ws, LOCAL, io.BytesIO(text.encode()), "file.csv")
    assert [question.code for question in draft.questions] == ["RESHAPE"]
    report = read(ws, text)
    assert report.preview[1] == (("control", 1000, 100), ("treatment", 1000, 120))
    assert "RESHAPED" in codes(report)
    derived = next(one for one in report.warnings if one.code == "PERCENT_DERIVED")
    assert [one.value for one in derived.examples] == ["10.0% → 100", "12.0% → 120"]
    assert derived.lines == (1,)


def test_the_time_of_a_conversion_is_an_outcome_when_that_is_said(ws: Workspace):
    lines = ["user_id,variant,converted_at"]
    for n in range(40):
        when = f"2026-05-0{1 + n % 9} 10:00" if n % 4 == 0 else ""
        lines.append(f"u{n},{('control', 'treatment')[n % 2]},{when}")
    text = "\n".join([*lines, "u98,control,0000-00-00 00:00", "u99,control,#N/A"])
    open_ = read(ws, text)
    assert [question.code for question in open_.questions] == ["OUTCOME_TIMES"]
    report = read(ws, text, answers={"OUTCOME_TIMES": "filled"})
    assert report.questions == ()
    assert [row[2] for row in report.preview[1][:5]] == [1, 0, 0, 0, 1]
    assert rules(report) == {"OUTCOME_WORD": (42,), "SPREADSHEET_ERROR": (43,)}
