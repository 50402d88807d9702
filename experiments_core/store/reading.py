"""Let DuckDB read a file with the dialect told, and refuse what is no clean table."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from experiments_core.domain.source import ColumnMapping, Dialect, Role
from experiments_core.domain.text import grouped
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.query.literals import quoted
from experiments_core.store.conversion import reader_type
from experiments_core.tabular.text import WHITE, lines_text, shorten

SHOWN = 5
LONGEST_LINE = 2_000_000


@dataclass(frozen=True, slots=True)
class Relation:
    """Rows that SQL can read.

    Attributes:
        sql: What stands after FROM.
        fields: Expression of each column, by position.
        types: Type in which each arrives.
        rejects: Whether the reader keeps a list of rows that it could not read.
        size: Bytes behind it, 0 when it is no file.
    """

    sql: str
    fields: tuple[str, ...]
    types: tuple[str, ...]
    rejects: bool = False
    size: int = 0


def csv_relation(
    path: Path, dialect: Dialect, columns: Sequence[ColumnMapping], *, typed: bool
) -> Relation:
    """Describe a clean UTF-8 file with line feeds.

    Args:
        path: Where it lies.
        dialect: Delimiter, quote and header line.
        columns: One per column of the file, by position.
        typed: Let the reader check numbers and times; else everything is text.
    """
    types = tuple(reader_type(column, dialect) if typed else "VARCHAR" for column in columns)
    fields = tuple(f"f{column.position}" for column in columns)
    names = ", ".join(f"'{f}': '{t}'" for f, t in zip(fields, types, strict=True))
    options = [
        "auto_detect=false",
        f"header={'true' if dialect.header_line > 0 else 'false'}",
        f"skip={max(0, dialect.header_line - 1)}",
        f"delim={quoted(dialect.delimiter)}",
        f"quote={quoted(dialect.quote)}",
        f"escape={quoted(dialect.quote)}",
        "compression='none'",
        f"max_line_size={LONGEST_LINE}",
        "store_rejects=true",
        f"columns={{{names}}}",
    ]
    time = next((column for column in columns if column.role is Role.TIME), None)
    if typed and time is not None and time.time_format.startswith("%"):
        options.append(f"timestampformat={quoted(time.time_format)}")
    source = f"read_csv({quoted(str(path))}, {', '.join(options)})"
    return Relation(source, fields, types, rejects=True, size=path.stat().st_size)


def has_rejects(cursor: duckdb.DuckDBPyConnection) -> bool:
    """Whether the reader could not read a row, or a value as its type."""
    return bool(cursor.execute("SELECT 1 FROM reject_errors LIMIT 1").fetchone())


def forget_rejects(cursor: duckdb.DuckDBPyConnection) -> None:
    """Drop the reader's list, so that the next reading begins a new one."""
    cursor.execute("DROP TABLE IF EXISTS reject_errors")
    cursor.execute("DROP TABLE IF EXISTS reject_scans")


def refuse_broken_rows(
    cursor: duckdb.DuckDBPyConnection,
    path: Path,
    dialect: Dialect,
    expected: int,
    *,
    name: str = "",
) -> tuple[int, ...]:
    """Refuse a file in which a row has the wrong number of fields, or worse.

    A line of nothing but blanks is no row and does no harm.

    Args:
        cursor: On which everything was just read as text.
        path: The file.
        dialect: Its dialect.
        expected: Number of fields.
        name: Of the file, where it is one of several.

    Returns:
        Lines of nothing but blanks.

    Raises:
        InvalidInputError: names the lines, what was found and what was expected.
    """
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE broken AS SELECT line_byte_position AS place, "
        "min(error_type::VARCHAR) AS kind, any_value(csv_line) AS line, "
        f"coalesce(trim(any_value(csv_line), {quoted(WHITE)}), '') = '' AS blank "
        "FROM reject_errors GROUP BY place ORDER BY place"
    )
    (count,) = cursor.execute("SELECT count(*) FROM broken WHERE NOT blank").fetchone() or (0,)
    if not count:
        blanks = cursor.execute("SELECT place, line FROM broken").fetchall()
        return tuple(_lines_at(path, [place - 1 + _leading(text) for place, text in blanks]))
    rows = cursor.execute(
        "SELECT place, kind, line FROM broken WHERE NOT blank LIMIT ?", [SHOWN]
    ).fetchall()
    places = [position - 1 + _leading(text) for position, _, text in rows]
    lines = _lines_at(path, places)
    sentences = [_sentence(kind, text or "", dialect, expected) for _, kind, text in rows]
    of_file = f" of “{name}”" if name else ""
    first = f"Line {lines[0]}{of_file} {sentences[0]}"
    more = f" In all {grouped(count)} rows: {lines_text(lines, count)}." if count > 1 else ""
    cut_off = _is_last(path, places[0]) and "fields" in sentences[0]
    raise InvalidInputError(
        first + (" (the file may be cut off there)." if cut_off else ".") + more,
        code="ROW_BROKEN",
        hint="Correct these lines or export the file again; nothing was stored.",
        details=tuple(
            Problem(f"line {line}", shorten((text or "").strip("\n")), "ROW_BROKEN", sentence)
            for line, sentence, (_, _, text) in zip(lines, sentences, rows, strict=True)
        ),
    )


def _sentence(kind: str, text: str, dialect: Dialect, expected: int) -> str:
    found = _count_fields(text, dialect)
    if kind in {"MISSING COLUMNS", "TOO MANY COLUMNS"}:
        return f"has {found} field{'' if found == 1 else 's'}; {expected} are expected"
    if kind == "UNQUOTED VALUE":
        return "has text after a closing quote, or a quote that is not closed"
    if kind == "LINE SIZE OVER MAXIMUM":
        return f"is longer than {grouped(LONGEST_LINE)} characters"
    return "cannot be read"


def _count_fields(text: str, dialect: Dialect) -> int:
    try:
        rows = list(csv.reader([text.strip("\n")], delimiter=dialect.delimiter))
    except csv.Error:
        return 0
    return len(rows[0]) if rows else 0


def _leading(text: str | None) -> int:
    """Blank lines that the reader counts to the row below them."""
    return len(text or "") - len((text or "").lstrip("\n"))


def _lines_at(path: Path, places: Sequence[int]) -> list[int]:
    """Physical lines of byte positions, which ascend."""
    lines: list[int] = []
    seen, offset = 1, 0
    with path.open("rb") as file:
        while len(lines) < len(places) and (chunk := file.read(1 << 20)):
            while len(lines) < len(places) and places[len(lines)] < offset + len(chunk):
                inside = chunk[: places[len(lines)] - offset]
                lines.append(seen + inside.count(b"\n"))
            seen += chunk.count(b"\n")
            offset += len(chunk)
    return lines + [seen] * (len(places) - len(lines))


def _is_last(path: Path, place: int) -> bool:
    with path.open("rb") as file:
        file.seek(place)
        return b"\n" not in file.read(LONGEST_LINE).rstrip(b"\n")
