"""Read an Excel workbook in a process of its own: values only, one sheet, out as CSV.

Run as a script with nothing but openpyxl, under limits on memory and time. A row of the
sheet is a line of the CSV, blank rows included, so that line numbers are the sheet's.

    python workbook_child.py list BOOK              the sheets, as JSON
    python workbook_child.py write BOOK SHEET OUT   one sheet into OUT
"""

from __future__ import annotations

import csv
import json
import resource
import sys
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import openpyxl

PEEKED = 30
MOST_COLUMNS = 2_000
MOST_MEMORY = 1536 * 1024 * 1024
MOST_SECONDS = 300


def main(arguments: list[str]) -> None:
    """Do what the parent asks."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with Path(arguments[1]).open("rb") as file:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        _do(arguments, book)


def _do(arguments: list[str], book: Any) -> None:
    if arguments[0] == "list":
        sys.stdout.write(json.dumps([_about(sheet) for sheet in book.worksheets]))
        return
    sheet = book.worksheets[int(arguments[2])]
    out = Path(arguments[3])
    rows = out.with_name(f"{out.name}.rows")
    try:
        first, width = _copy(_rows(sheet), rows)
        _align(rows, out, first, width)
    finally:
        rows.unlink(missing_ok=True)


def _about(sheet: Any) -> dict[str, Any]:
    """Name, whether it is hidden, and its first filled row."""
    head: list[str] = []
    for number, row in enumerate(_rows(sheet)):
        filled = [cell for cell in row if cell]
        if len(filled) > len([cell for cell in head if cell]):
            head = row
        if number >= PEEKED:
            break
    return {
        "name": sheet.title,
        "hidden": sheet.sheet_state != "visible",
        "head": [cell for cell in head if cell][:MOST_COLUMNS],
    }


def _rows(sheet: Any) -> Iterator[list[str]]:
    sheet.reset_dimensions()  # what a file says of its own size may be wrong
    for row in sheet.iter_rows(values_only=True):
        cells = [_text(value) for value in row[:MOST_COLUMNS]]
        while cells and not cells[-1]:
            cells.pop()
        yield cells


def _copy(rows: Iterator[list[str]], path: Path) -> tuple[int, int]:
    """Write rows as they come; the first column that is filled, and how far they reach."""
    first, width = MOST_COLUMNS, 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for cells in rows:
            writer.writerow(cells)
            width = max(width, len(cells))
            filled = [n for n, cell in enumerate(cells) if cell]
            if len(filled) > 1:  # a title may stand further to the left than the table
                first = min(first, filled[0])
    return min(first, width), width


def _align(rows: Path, out: Path, first: int, width: int) -> None:
    """Give every row the same fields; a row without any stays a blank line.

    Lines above the header stay as short as they are, so that they are seen to be no header.
    """
    csv.field_size_limit(10_000_000)
    with (
        rows.open(encoding="utf-8", newline="") as source,
        out.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        below = False
        for cells in csv.reader(source):
            below = below or 2 * sum(map(bool, cells)) > width - first
            if cells and not below:
                writer.writerow(cells[first:] or cells)
            elif cells:
                writer.writerow([*cells, *[""] * (width - len(cells))][first:])
            else:
                file.write("\n")


def _text(value: object) -> str:  # noqa: PLR0911  one line per type
    """A cell as CSV would write it; dates in ISO 8601, line breaks as blanks."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        whole = value.is_integer() and abs(value) < 1e15
        return str(int(value)) if whole else repr(value)
    if isinstance(value, datetime):
        at_midnight = value.time() == time()
        return value.date().isoformat() if at_midnight else value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return repr(value.total_seconds())
    return " ".join(str(value).splitlines())


if __name__ == "__main__":
    main(sys.argv[1:])
