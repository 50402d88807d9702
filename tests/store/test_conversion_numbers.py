from itertools import product
from math import isnan

import pytest

from experiments_core.store import (
    conversion_numbers,
)
from experiments_core.store.database import Database

from .conftest import value


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
    assert (
        value(db, conversion_numbers.number("f", "VARCHAR", decimal, thousands), cell) == stored
    )


@pytest.mark.parametrize(
    "cell", ("abc", "18,50", "5%", "1_000", "0x10", "inf", "#DIV/0!", "١", "1 000")
)
def test_what_is_no_number_becomes_nan_and_never_another_number(db: Database, cell: str):
    stored = value(db, conversion_numbers.number("f", "VARCHAR"), cell)
    assert isinstance(stored, float)
    assert isnan(stored)


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
    number = conversion_numbers.number("f", "VARCHAR", decimal, thousands)
    with db.read() as cursor:
        rows = cursor.execute(f"SELECT {number} FROM (SELECT unnest(?) AS f)", [kept])
        found = [one for (one,) in rows.fetchall()]
    assert [None if isnan(one) else one for one in found] == expected
