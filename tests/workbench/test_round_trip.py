"""Random tables, written as spreadsheets and databases write them, come back equal."""

from __future__ import annotations

import csv
import gzip
import io
import math
import random
from dataclasses import dataclass
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

import experiments_core as ec

HEADER = ("user_id", "variant", "converted", "revenue", "country")
ROWS = 30
Row = tuple[str, str, int | None, float | None, str | None]


@dataclass(frozen=True)
class Style:
    """How a table is written.

    Attributes:
        words: What a conversion, and none, is called.
        symbol: Follows every amount.
        letters: What country names are made of.
    """

    delimiter: str = ","
    decimal: str = "."
    thousands: str = ""
    encoding: str = "utf-8"
    line_end: str = "\n"
    quoting: int = csv.QUOTE_MINIMAL
    words: tuple[str, str] = ("1", "0")
    symbol: str = ""
    letters: str = 'abé, ;"|\n'
    packed: bool = False

    def amount(self, value: float) -> str:
        """An amount as text."""
        marks = str.maketrans({",": self.thousands, ".": self.decimal})
        return f"{value:,.2f}".translate(marks) + self.symbol


STYLES = {
    "plain": Style(),
    "quoted, with a mark": Style(encoding="utf-8-sig", quoting=csv.QUOTE_ALL, line_end="\r\n"),
    "utf-16 and tabs": Style(delimiter="\t", encoding="utf-16", words=("TRUE", "FALSE")),
    "european": Style(
        delimiter=";", decimal=",", thousands=".", encoding="cp1252", line_end="\r\n",
        words=("ja", "nein"), letters="abéñü, ",
    ),
    "decimal comma alone": Style(delimiter=";", decimal=",", symbol=" €"),
    "english thousands": Style(thousands=",", quoting=csv.QUOTE_ALL, words=("yes", "no")),
    "thousands by blanks": Style(delimiter="|", thousands=" ", decimal=","),
    "swiss": Style(thousands="'", encoding="cp1252", letters="abéöü;"),
    "carriage returns": Style(line_end="\r", quoting=csv.QUOTE_ALL, letters="ab,; "),
    "packed": Style(delimiter="\t", packed=True, words=("y", "n")),
}  # fmt: skip


def table(seed: str, letters: str) -> list[Row]:
    dice = random.Random(seed)  # noqa: S311  no secret

    def country() -> str | None:
        text = "".join(dice.choice(letters) for _ in range(dice.randrange(6))).strip()
        return text or None

    return [
        (
            f"{'0' * (n % 3)}{n}-{dice.randrange(10**6):x}",
            ("control", "treatment")[n % 2],
            None if n % 11 == 5 else dice.randrange(2),
            None if n % 7 == 3 else dice.choice((0.5, -9.25, 1234.5, 9_876_543.21, 40.0)),
            country() or ("DE" if n % 4 else None),
        )
        for n in range(ROWS)
    ]


def write(rows: list[Row], style: Style) -> bytes:
    out = io.StringIO()
    writer = csv.writer(
        out, delimiter=style.delimiter, lineterminator=style.line_end, quoting=style.quoting
    )
    writer.writerow(HEADER)
    for unit, arm, won, amount, country in rows:
        writer.writerow(
            (
                unit,
                arm,
                "" if won is None else style.words[1 - won],
                "" if amount is None else style.amount(amount),
                country or "",
            )
        )
    data = out.getvalue().encode(style.encoding)
    return gzip.compress(data) if style.packed else data


def read(path: Path) -> list[Row]:
    found = ec.read_data(
        path, variant="variant", unit="user_id", time="", segments=("country",),
        outcomes=("converted",), values=("revenue",), control="control", blank="exclude",
    )  # fmt: skip
    assert (found.report.rows_read, found.report.rows_left_out) == (ROWS, 0)
    assert found.rejects.empty

    columns = ["unit", "arm", "converted", "revenue", "country"]
    return [
        tuple(None if pd.isna(cell) else cell for cell in row)
        for row in found.data[columns].to_numpy()
    ]


@pytest.mark.parametrize("name", STYLES)
def test_what_was_written_as_text_comes_back(tmp_path: Path, name: str):
    style = STYLES[name]
    rows = table(name, style.letters)
    path = tmp_path / ("made.csv.gz" if style.packed else "made.csv")
    path.write_bytes(write(rows, style))
    assert read(path) == rows


def test_what_was_written_into_a_workbook_comes_back(tmp_path: Path):
    rows = table("workbook", "abé, ;|")
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(HEADER)
    for unit, arm, won, amount, country in rows:
        sheet.append((unit, arm, won, amount, country))
    book.save(tmp_path / "made.xlsx")
    assert read(tmp_path / "made.xlsx") == rows


def test_amounts_are_written_as_they_are_read_elsewhere():
    assert STYLES["european"].amount(1234.5) == "1.234,50"
    assert STYLES["thousands by blanks"].amount(9_876_543.21) == "9 876 543,21"
    assert math.isclose(float(STYLES["plain"].amount(-9.25)), -9.25)
