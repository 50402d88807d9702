"""Delimiter, header line and first rows of a text table, decided on its beginning."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from experiments_core.domain.text import grouped
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.tabular import numbers, times
from experiments_core.tabular.text import (
    FALSE_WORDS,
    TRUE_WORDS,
    WHITE,
    is_blank,
    listed,
    shorten,
    visible,
)

MOST_SHORT = 3  # named fields from which a line that is too short is a header
DELIMITERS = (",", ";", "\t", "|")
DELIMITER_WORDS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
MOST_COLUMNS = 200
MOST_PREAMBLE = 50
JUDGED = 500  # records that decide delimiter and header


@dataclass(frozen=True, slots=True)
class Row:
    """One record: the physical line it begins on, and its fields."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sniff:
    """What the beginning of a file says.

    Attributes:
        delimiter: Between fields.
        header_line: Physical line of the header; 0 when the file has none.
        names: Header cells, trimmed; ``column 3`` where the header is blank.
        rows: Records below the header that have the right number of fields.
        preamble: Lines above the header that were passed over.
        header_doubtful: The header line looks like data.
        odd: The first record below the header that has another number of fields.
    """

    delimiter: str
    header_line: int
    names: tuple[str, ...]
    rows: tuple[Row, ...]
    preamble: int = 0
    header_doubtful: bool = False
    odd: Row | None = None


def sniff(
    head: str,
    *,
    complete: bool,
    delimiter: str = "",
    header_line: int | None = None,
) -> Sniff:
    """Decide how the text is laid out.

    Args:
        head: The beginning of the file, with line feeds.
        complete: It is the whole file.
        delimiter: Told by a person; else found.
        header_line: Told by a person (0: there is none); else found.

    Raises:
        InvalidInputError: no table can be seen; the message says what is there instead.
    """
    records: list[Row] = []
    if head.strip():
        delimiter = delimiter or _find_delimiter(head, complete=complete)
        records = split(head, delimiter, complete=complete)
    if not records:
        raise InvalidInputError(
            "The file holds no rows, only blank lines.",
            code="FILE_EMPTY",
            hint="Export it again.",
        )
    width = _usual_width(records[:JUDGED])
    header = _header(records, width, header_line)
    names = _names(header.cells if header else tuple("" for _ in range(width)))
    _refuse_width(names, delimiter, header.line if header else 1, header)
    _refuse_single_quotes(names)
    below = header.line if header else 0
    below_header = [row for row in records if row.line > below]
    rows = tuple(row for row in below_header if len(row.cells) == len(names))
    odd = next((row for row in below_header if len(row.cells) != len(names)), None)
    if header and not any(row.line > below for row in records):
        raise InvalidInputError(
            f"The file has a header ({listed(names)}) and no rows below it.",
            code="FILE_NO_ROWS",
            hint="Export it again with the data.",
        )
    doubtful = header and header_line is None and looks_like_data(header.cells, rows)
    if doubtful and header and header is not records[0]:
        _refuse_header_width(records[records.index(header) - 1], header)
    return Sniff(
        delimiter,
        header.line if header else 0,
        names,
        rows,
        preamble=header.line - 1 if header else 0,
        header_doubtful=bool(doubtful),
        odd=odd,
    )


def split(
    text: str, delimiter: str, *, complete: bool, first_line: int = 1, most: int | None = None
) -> list[Row]:
    """Split text into records that are not blank, with the lines they begin on.

    Args:
        text: With line feeds.
        delimiter: Between fields.
        complete: The last record is whole; else it is left away.
        first_line: Line on which the text begins.
        most: How many records are wanted; all when None.
    """
    csv.field_size_limit(10_000_000)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True)
    rows: list[Row] = []
    begin = 0
    try:
        for cells in reader:
            if cells:
                rows.append(Row(first_line + begin, tuple(cells)))
            if most is not None and len(rows) > most:
                return rows[:most]
            begin = reader.line_num
    except csv.Error:
        return rows
    return rows if complete else rows[:-1]


def looks_like_data(header: Sequence[str], rows: Sequence[Row]) -> bool:
    """Whether the “header” has the same kinds of cells as the rows below it."""
    for position, cell in enumerate(header):
        text = cell.strip(WHITE)
        below = [row.cells[position] for row in rows[:JUDGED]]
        filled = [other for other in below if not is_blank(other)]
        if is_blank(text) or not filled:
            continue
        typed = numbers.read(text) is not None or times.formats_of(text)
        if typed and (numbers.detect(filled) or times.detect(filled)):
            return True
        words = TRUE_WORDS | FALSE_WORDS
        if text.lower() in words and all(other.strip().lower() in words for other in filled):
            return True
        repeats = sum(1 for other in filled if other.strip(WHITE) == text)
        if repeats > max(1, 0.05 * len(filled)):
            return True
    return False


def _find_delimiter(head: str, *, complete: bool) -> str:
    scores = {
        delimiter: _score(split(head, delimiter, complete=complete, most=JUDGED))
        for delimiter in DELIMITERS
    }
    best = max(scores, key=lambda delimiter: scores[delimiter])
    return best if scores[best] > 0 else _refuse_one_column(head)


def _score(records: list[Row]) -> float:
    if not records:
        return 0.0
    width = _usual_width(records)
    share = sum(1 for row in records if len(row.cells) == width) / len(records)
    bonus = 1.5 if len(records[0].cells) == width else 1.0
    return share * share * bonus * math.log(width)


def _usual_width(records: list[Row]) -> int:
    widths = Counter(len(row.cells) for row in records)
    most = max(widths.values())
    return max(width for width, count in widths.items() if count == most)


def _header(records: list[Row], width: int, told: int | None) -> Row | None:
    if told == 0:
        return None
    for row in records:
        if told is not None and row.line < told:
            continue
        if told is not None or len(row.cells) == width:
            if row.line > MOST_PREAMBLE + 1 and told is None:
                break
            return row
    raise InvalidInputError(
        f"No header was found in the first {MOST_PREAMBLE} lines.",
        code="FILE_NO_HEADER",
        hint="Remove the lines above the header.",
    )


def _names(header: Sequence[str]) -> tuple[str, ...]:
    return tuple(
        visible(cell) or f"column {position}" for position, cell in enumerate(header, start=1)
    )


def _refuse_width(names: Sequence[str], delimiter: str, line: int, header: Row | None) -> None:
    if len(names) > MOST_COLUMNS:
        raise InvalidInputError(
            f"The file has {grouped(len(names))} columns; at most {MOST_COLUMNS} are read.",
            code="TOO_MANY_COLUMNS",
            hint="Export only the columns that the analysis needs.",
            details=(Problem(f"line {line}", len(names), "TOO_MANY", "columns"),),
        )
    if len(names) < 2 and header:
        _refuse_one_column(delimiter.join(header.cells))
    pivot = {"row labels", "column labels", "grand total"}
    labels = {name.lower() for name in names}
    if labels & pivot:
        raise InvalidInputError(
            "This looks like a pivot table: there is no variant column and no outcome column, "
            f"but {listed([name for name in names if name.lower() in pivot])}.",
            code="FILE_PIVOT",
            hint="Upload the rows from which the pivot table was made.",
        )


def _refuse_single_quotes(names: Sequence[str]) -> None:
    quoted = [name for name in names if len(name) > 1 and name[0] == name[-1] == "'"]
    if len(quoted) < max(2, len(names)):
        return
    raise InvalidInputError(
        "Fields stand in single quotes (').",
        code="FILE_SINGLE_QUOTES",
        hint="Export the file again with double quotes, or without quotes.",
        details=(Problem("line 1", listed(quoted), "FILE_SINGLE_QUOTES", "double quotes"),),
    )


def _refuse_header_width(above: Row, first: Row) -> None:
    """The line above the first row names columns, but not as many as the rows have."""
    named = [visible(cell) for cell in above.cells]
    typed = any(numbers.read(name) is not None or times.formats_of(name) for name in named)
    if len(named) < MOST_SHORT or not all(named) or typed or above.line + 1 != first.line:
        return
    told = f"has {len(named)} fields; the rows below it have {len(first.cells)}"
    raise InvalidInputError(
        f"The header on line {above.line} {told}.",
        code="HEADER_WIDTH",
        hint="Name every column. A number with a decimal comma needs quotes or another "
        "delimiter, and a delimiter at the end of every row needs one in the header too.",
        details=(Problem(f"line {above.line}", ",".join(named), "HEADER_WIDTH", told),),
    )


def _refuse_one_column(head: str) -> str:
    lines = [line for line in head.split("\n")[:JUDGED] if line.strip()]
    quoted = [line for line in lines if line.startswith('"') and line.rstrip().endswith('"')]
    if (
        len(lines) > 1
        and len(quoted) == len(lines)
        and any(delimiter in lines[0] for delimiter in DELIMITERS)
    ):
        raise InvalidInputError(
            "There is only one column: each whole line stands in quotes.",
            code="FILE_ONE_COLUMN",
            hint="The file was saved as CSV twice. Remove the outer quotes or export it again.",
        )
    name = shorten(lines[0].strip(' "')) if lines else ""
    raise InvalidInputError(
        f"There is only one column, “{name}”, and so no variant column.",
        code="FILE_ONE_COLUMN",
        hint="A test needs a column that says which variant each row belongs to. "
        "Fields may be divided by comma, semicolon, tab or vertical bar.",
        details=(Problem("line 1", name, "REQUIRED", "no variant column"),),
    )
