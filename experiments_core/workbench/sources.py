"""What can be read: a file or a frame, and the roles of its columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from experiments_core.domain.source import Dialect
from experiments_core.errors import InvalidInputError
from experiments_core.services import workbooks
from experiments_core.services.intake import look_at
from experiments_core.services.uploads import Upload
from experiments_core.store import facts
from experiments_core.store.database import Database
from experiments_core.tabular.sniff import sniff, split
from experiments_core.workbench.refusing import refusal

SAMPLE = 1_000


@dataclass(frozen=True, slots=True)
class Source:
    """Rows that can be read: a file or a frame.

    Attributes:
        names: Column headers.
        sample: Cells of the first rows (and some further down), as text.
        dialect: Of a file.
        upload: The file.
        frame: Or the frame.
        types: SQL types of a frame's columns.
    """

    names: tuple[str, ...]
    sample: tuple[tuple[str, ...], ...]
    dialect: Dialect = field(default_factory=Dialect)
    upload: Upload | None = None
    frame: Any = None
    types: tuple[str, ...] = ()


def open_file(path: Path, db: Database) -> Source:
    """Look at a file: its dialect is decided here and told to the reader.

    Raises:
        InvalidInputError: this is no readable table.
    """
    if path.suffix.lower() == ".parquet":
        return open_frame(_parquet(path), db)
    upload = look_at(_text_of(path, db), db.side / "uploads")
    found = sniff(upload.head, complete=upload.complete, delimiter=upload.delimiter)
    if found.header_doubtful:
        found = sniff(
            upload.head,
            complete=upload.complete,
            delimiter=upload.delimiter,
            header_line=found.header_line,
        )
    further = [
        row
        for piece in upload.middle
        for row in split(piece, found.delimiter, complete=True)
        if len(row.cells) == len(found.names)
    ]
    dialect = Dialect(upload.encoding, found.delimiter, header_line=found.header_line)
    rows = tuple(row.cells for row in (*found.rows, *further))
    return Source(found.names, rows, dialect, upload)


def _parquet(path: Path) -> Any:
    """A Parquet file of one's own disk, read as its rows are asked for."""
    import pyarrow as pa  # noqa: PLC0415 - a second to import, and only some files need it
    import pyarrow.dataset  # noqa: PLC0415  as above

    try:
        return pa.dataset.dataset(path, format="parquet")
    except (pa.ArrowException, OSError) as error:
        raise refusal(
            "data", path.name, "TYPE", f"“{path.name}” is no Parquet file that can be read.",
            "Write it again.",
        ) from error  # fmt: skip


def _text_of(path: Path, db: Database) -> Path:
    """The file itself, or the one sheet of a workbook as text.

    Raises:
        InvalidInputError: the workbook has several sheets.
    """
    with path.open("rb") as file:
        if not workbooks.is_workbook(file.read(4)):
            return path
    sheets = workbooks.sheets_of(path)
    if len(sheets) > 1:
        raise refusal(
            "data", path.name, "SHEET",
            f"“{path.name}” has {len(sheets)} sheets: {', '.join(s.name for s in sheets)}.",
            'Read it without metrics and say which: answers={"SHEET": "…"}.',
        )  # fmt: skip
    text = db.side / "uploads" / f"{path.stem[:40]}.sheet"
    workbooks.write_sheet(path, sheets[0], text)
    return text


def open_frame(frame: Any, db: Database) -> Source:
    """Look at a frame: names, types, and some cells as text."""
    table = _as_table(frame)
    if not len(getattr(table, "columns", [""])):
        raise refusal(
            "data", type(frame).__name__, "REQUIRED", "The table has no columns.",
            "Give one with a column of variants and a column for each metric.",
        )  # fmt: skip
    known = facts.frame_columns(db, table)
    return Source(
        names=_headers(table) or tuple(name for name, _ in known),
        sample=texts_of(db, table, SAMPLE),
        frame=table,
        types=tuple(kind for _, kind in known),
    )


def _as_table(frame: Any) -> Any:
    """What DuckDB can read: pandas and Arrow as they are, all else by way of Arrow."""
    kind = type(frame).__module__.partition(".")[0]
    if kind == "pandas" and hasattr(frame, "columns"):
        return _with_index(frame)
    if kind == "pyarrow":
        return frame
    import pyarrow as pa  # noqa: PLC0415 - a second to import, and only some frames need it

    try:
        if hasattr(frame, "__arrow_c_stream__") or isinstance(frame, dict):
            return pa.table(frame)
        for name in ("to_arrow_table", "to_arrow"):
            if hasattr(frame, name):
                return getattr(frame, name)()
    except pa.ArrowException as error:
        raise _no_table(frame, f": {error}") from error
    raise _no_table(frame)


def _with_index(frame: Any) -> Any:
    """A pandas frame whose named index levels can be asked for as columns."""
    levels = [
        name for name in frame.index.names if name is not None and name not in frame.columns
    ]
    return frame.reset_index(level=levels) if levels else frame


def _headers(table: Any) -> tuple[str, ...]:
    """Headers of a pandas frame as they are; DuckDB would tell two of one name apart."""
    is_pandas = type(table).__module__.partition(".")[0] == "pandas"
    return tuple(map(str, table.columns)) if is_pandas else ()


def _no_table(frame: Any, why: str = "") -> InvalidInputError:
    name = type(frame).__name__
    return refusal(
        "data",
        name,
        "TYPE",
        f"{name} cannot be read{why}.",
        "Give a path, a pandas, Polars or Arrow table, a DuckDB relation, or a dict of numbers "
        "per variant.",
    )


def texts_of(db: Database, frame: Any, most: int) -> tuple[tuple[str, ...], ...]:
    """The first rows of a table, every cell as text."""
    with db.staging() as cursor:
        cursor.register("frame_to_sample", frame)
        rows = cursor.execute(
            "SELECT CAST(COLUMNS(*) AS VARCHAR) FROM frame_to_sample LIMIT ?", [most]
        ).fetchall()
    return tuple(tuple("" if cell is None else str(cell) for cell in row) for row in rows)
