from itertools import product
from math import isnan

import pytest

from experiments_core.domain.source import Role
from experiments_core.query.literals import quoted
from experiments_core.store import conversion
from experiments_core.store.database import Database
from experiments_core.tabular.times import ISO, ISO_PATTERN


@pytest.fixture(scope="module")
def db():
    with Database.memory() as database:
        yield database


def value(db: Database, expression: str, cell: object) -> object:
    with db.read() as cursor:
        row = cursor.execute(f"SELECT {expression} FROM (SELECT ? AS f)", [cell]).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize(
    ("cell", "stored"),
    (
        ("1", 1), ("0", 0), (" Yes ", 1), ("N", 0), ("TRUE", 1), ("f", 0), ("1.0", 1),
        ("0,0", 0),
        ("", None), ("NA", None), ("-", None), (None, None),
        ("maybe", 2), ("-1", 2), ("3", 2), ("#N/A", 2), ("0.5", 2), ("0_1", 2), ("0x1", 2),
    ),
)  # fmt: skip
def test_outcomes_are_one_zero_blank_or_wrong(
    db: Database, cell: str | None, stored: int | None
):
    assert value(db, conversion.outcome("f", "VARCHAR"), cell) == stored


def test_blank_outcomes_are_zero_and_counts_converted_only_when_somebody_said_so(db: Database):
    said = conversion.outcome("f", "VARCHAR", blank="zero", converted="positive")
    assert [value(db, said, cell) for cell in ("", "3", "0.5", "-2")] == [0, 1, 2, 2]


@pytest.mark.parametrize(
    ("sql_type", "cell", "stored"),
    (("BOOLEAN", True, 1), ("BIGINT", 0, 0), ("BIGINT", 7, 2), ("DOUBLE", float("nan"), None)),
)
def test_outcomes_of_a_frame_keep_their_type(
    db: Database, sql_type: str, cell: object, stored: int | None
):
    field = f"CAST(f AS {sql_type})"
    assert value(db, conversion.outcome(field, sql_type), cell) == stored


@pytest.mark.parametrize(
    ("cell", "decimal", "thousands", "stored"),
    (
        ("18,50", ",", "", 18.5), ("1.234,56", ",", ".", 1234.56), ("1e5", ".", "", 1e5),
        ("10,500.00", ".", ",", 10500), ("$10.50", ".", "", 10.5), ("-3 €", ".", "", -3),
        (" 2 ", ".", "", 2), ("NA", ".", "", None),
    ),
)  # fmt: skip
def test_numbers_are_read_in_the_format_of_their_column(
    db: Database, cell: str, decimal: str, thousands: str, stored: float | None
):
    assert value(db, conversion.number("f", "VARCHAR", decimal, thousands), cell) == stored


@pytest.mark.parametrize(
    "cell", ("abc", "18,50", "5%", "1_000", "0x10", "inf", "#DIV/0!", "١", "1 000")
)
def test_what_is_no_number_becomes_nan_and_never_another_number(db: Database, cell: str):
    stored = value(db, conversion.number("f", "VARCHAR"), cell)
    assert isinstance(stored, float)
    assert isnan(stored)


@pytest.mark.parametrize(
    ("cell", "stored"),
    (
        ("2024-03-05", "2024-03-05 00:00:00"),
        ("2024-03-05T10:00", "2024-03-05 10:00:00"),
        ("2024-03-10T01:30:00-05:00", "2024-03-10 06:30:00"),
        ("2024-03-10 07:30:00.25+0530", "2024-03-10 02:00:00.25"),
        ("2024-03-10T06:30:00Z", "2024-03-10 06:30:00"),
        ("", None),
    ),
)  # fmt: skip
def test_iso_times_become_utc(db: Database, cell: str, stored: str | None):
    text = f"CAST({conversion.time('f', 'VARCHAR', 'iso')} AS VARCHAR)"
    assert value(db, text, cell) == stored


@pytest.mark.parametrize(
    ("cell", "time_format"),
    (
        ("2024-02-30", "iso"), ("infinity", "iso"), ("epoch", "iso"), ("24:00", "iso"),
        ("2024-03-10T02:30:00 America/New_York", "iso"), ("31/02/2024", "%d/%m/%Y"),
        ("2024-03-05", "%d/%m/%Y"), ("soon", "epoch_s"),
    ),
)  # fmt: skip
def test_what_is_no_time_is_wrong_and_no_day_rolls_over(
    db: Database, cell: str, time_format: str
):
    read = conversion.time("f", "VARCHAR", time_format)
    assert value(db, conversion.is_wrong(Role.TIME, read), cell) is True


@pytest.mark.parametrize(
    ("cell", "trimmed"),
    (
        ("a b", "a b"),
        (" a ", "a"),
        ("\ta\n", "a"),
        ("\u00a0é\u200b", "é"),
        ("", ""),
        (None, None),
    ),
)
def test_cells_are_trimmed_alike_whatever_their_characters(
    db: Database, cell: str | None, trimmed: str | None
):
    assert value(db, conversion.trimmed("f"), cell) == trimmed


@pytest.mark.parametrize(
    ("role", "cell", "rule"),
    (
        (Role.VALUE, "#####", "SPREADSHEET_ERROR"), (Role.VALUE, "1e400", "NOT_FINITE"),
        (Role.VALUE, "abc", "NUMBER"), (Role.OUTCOME, "-1", "OUTCOME_RANGE"),
        (Role.OUTCOME, "maybe", "OUTCOME_WORD"), (Role.TIME, "soon", "TIME"),
    ),
)  # fmt: skip
def test_each_wrong_cell_has_its_rule(db: Database, role: Role, cell: str, rule: str):
    assert value(db, conversion.rule_of(role, "f"), cell) == rule


def test_text_in_quotes_stays_text():
    assert conversion.quoted("it's") == "'it''s'"


DAYS = (
    "2026-05-01",
    "2024-02-29",
    "2026-02-29",
    "0001-01-01",
    "0000-01-01",
    "9999-12-31",
    "2026-5-1",
)
CLOCKS = (
    "00:00:00", "23:59:59", "24:00:00", "12:60:00", "12:00:60", "7:00:00", "00:00:00.1",
    "01:30:00.123456", "02:30:00.9999999", "10:30",
)  # fmt: skip
OFFSETS = (
    "", "Z", "z", " UTC", " Z", "+00:00", "-00:00", "+02:00", "-09:30", "+14:59", "+15:00",
    "-23:59", "+99:99", "+0200", "+02", "+2:00",
)  # fmt: skip


@pytest.mark.parametrize("zone", ("", "Europe/Berlin"))
def test_usual_times_are_read_as_if_they_were_taken_apart(db: Database, zone: str):
    """Both ways of reading agree on every mixture of parts, possible or not."""
    cells = [
        f"{day}{gap}{clock}{offset}"
        for day, gap, clock, offset in product(DAYS, ("T", " ", "  "), CLOCKS, OFFSETS)
    ]
    said = f"regexp_extract(f, {quoted(f'^{ISO_PATTERN}$')}, 3) <> ''"
    in_utc = conversion.iso("f")
    apart = f"CASE WHEN {said} THEN {in_utc} ELSE {conversion.local(in_utc, zone)} END"
    at_once = conversion.time("f", "VARCHAR", ISO, zone)
    with db.read() as cursor:
        read, other, told = cursor.execute(
            "SELECT count(*) FILTER (isfinite(a)), "
            "count(*) FILTER (coalesce(a, 'infinity') IS DISTINCT FROM b), "
            f"count(*) FILTER (({conversion.has_offset('f')}) IS DISTINCT FROM ({said})) "
            f"FROM (SELECT f, {apart} AS a, {at_once} AS b FROM (SELECT unnest(?) AS f))",
            [cells],
        ).fetchone()
    assert read > 1_000
    assert (other, told) == (0, 0)


@pytest.mark.parametrize(
    ("decimal", "thousands"), ((",", ""), (".", ""), (",", "."), (".", ","))
)
def test_plain_digits_are_read_as_python_reads_them(db: Database, decimal: str, thousands: str):
    cells = [
        f"{sign}{whole}{part}"
        for sign, whole, part in product(
            ("", "-"), ("0", "007", "12", "12345678901234567890"), ("", ".5", ",5", ".", ",25")
        )
    ]
    kept = [cell for cell in cells if (thousands or "|") not in cell]
    expected = [
        None if {".", ","} & {*cell} - {decimal} else float(cell.replace(decimal, "."))
        for cell in kept
    ]
    number = conversion.number("f", "VARCHAR", decimal, thousands)
    with db.read() as cursor:
        rows = cursor.execute(f"SELECT {number} FROM (SELECT unnest(?) AS f)", [kept])
        found = [one for (one,) in rows.fetchall()]
    assert [None if isnan(one) else one for one in found] == expected
