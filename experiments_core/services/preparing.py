"""Files as they came become the one text that is read: a sheet, several files, a reshape.

A plain text file is that text already. Everything else is kept as it came (``<id>.0.part``,
``<id>.1.part`` …), so that another sheet, another way to put files together or another shape
can be chosen later; each choice writes ``<id>.txt`` anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from experiments_core.domain.source import Dialect
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.services import workbooks
from experiments_core.services.intake import take_in
from experiments_core.services.prepared import Part, Prepared
from experiments_core.services.text_rows import MOST_JUMPS, columns_of, rows_of, taken, write
from experiments_core.services.uploads import Upload
from experiments_core.services.workbooks import Sheet
from experiments_core.store.database import Database
from experiments_core.store.joining import Part as TablePart
from experiments_core.store.joining import write_combined
from experiments_core.tabular import combine, reshape
from experiments_core.tabular.answers import Choice, Question
from experiments_core.tabular.combine import Table
from experiments_core.tabular.detection import Notice
from experiments_core.tabular.text import fold, listed, shorten

ALL_SHEETS = "*"


@dataclass(slots=True)
class _Making:
    """State of one making."""

    db: Database
    target: Path
    recipe: Dialect
    asks: list[Question] = field(default_factory=list)
    notes: list[Notice] = field(default_factory=list)


def prepare(
    db: Database, target: Path, parts: Sequence[Part], recipe: Dialect, known: Upload
) -> Prepared:
    """Write the text anew from its parts.

    Args:
        db: The workspace, which puts several files together.
        target: Where the text goes.
        parts: As :func:`arriving.take` gave them; none when the text is the file as it came.
        recipe: Sheet, combination and reshape that are wanted.
        known: The text as it is now; names the bytes that came.
    """
    first = () if parts else (Part(f"{target.stem}.0.part", known.path.name),)
    for part in first:
        target.replace(target.with_name(part.file))
    try:
        made = make(db, target, tuple(parts) or first, recipe)
    except BaseException:
        for part in first:
            target.with_name(part.file).replace(target)
        _tidy(target, parts)
        raise
    upload = replace(
        made.upload, bytes=known.bytes, sha256=known.sha256, encoding=known.encoding,
        sample=known.sample,
    )  # fmt: skip
    return replace(made, upload=upload)


def forget(target: Path) -> None:
    """Remove a text and everything it was made from."""
    for file in target.parent.glob(f"{target.stem}.*"):
        file.unlink(missing_ok=True)


def make(db: Database, target: Path, parts: tuple[Part, ...], recipe: Dialect) -> Prepared:
    """Write the text from files as they came, which lie beside it.

    Args:
        db: The workspace, which puts several files together.
        target: Where the text goes.
        parts: The files.
        recipe: Sheet, combination and reshape that are wanted.

    Raises:
        InvalidInputError: a file is no table, or the files do not fit together.
    """
    making = _Making(db, target, recipe)
    found = [
        pair for number, part in enumerate(parts) for pair in _tables(making, part, number)
    ]
    name, upload = found[0]
    if len(found) > 1:
        name, upload = "the files together", _combined(making, found)
    upload = _reshaped(making, upload, name)
    upload.path.replace(target)
    _tidy(target, parts)
    return Prepared(
        replace(upload, path=target), parts, tuple(making.asks), tuple(making.notes)
    )


def _tidy(target: Path, parts: Sequence[Part]) -> None:
    """Remove what was written on the way."""
    kept = {target.name, *(part.file for part in parts)}
    for file in target.parent.glob(f"{target.stem}.*"):
        if file.name not in kept:
            file.unlink(missing_ok=True)


def _tables(making: _Making, part: Part, number: int) -> Iterator[tuple[str, Upload]]:
    """The tables of one part: a text is one, of a workbook one sheet or all."""
    path = making.target.with_name(part.file)
    if not part.sheets:
        with path.open("rb") as file:
            copy = making.target.with_name(f"{making.target.stem}.{number}.text")
            upload = take_in(file, copy)
        yield part.name, upload
        return
    for sheet in _chosen(making, part):
        rows = making.target.with_name(f"{making.target.stem}.{number}-{sheet.place}.sheet")
        workbooks.write_sheet(path, sheet, rows)
        with rows.open("rb") as file:
            upload = take_in(file, rows.with_suffix(".text"))
        yield sheet.name if making.recipe.sheet == ALL_SHEETS else part.name, upload


def _chosen(making: _Making, part: Part) -> Sequence[Sheet]:
    """Sheets to read; which one is asked where there are several."""
    if len(part.sheets) == 1:
        return part.sheets
    heads = {tuple(map(fold, sheet.head)) for sheet in part.sheets}
    choices = [
        Choice(sheet.name, f"{shorten(sheet.name)}: {', '.join(sheet.head[:5])}")
        for sheet in part.sheets
    ]
    if len(heads) == 1:
        choices.append(Choice(ALL_SHEETS, "All of them: each sheet is one arm"))
    making.asks.append(
        Question(
            "SHEET",
            "dialect.sheet",
            f"“{part.name}” has {len(part.sheets)} sheets. Which one is read?",
            tuple(choices),
        )
    )
    if making.recipe.sheet == ALL_SHEETS:
        return part.sheets
    named = [sheet for sheet in part.sheets if sheet.name == making.recipe.sheet]
    if making.recipe.sheet and not named:
        raise InvalidInputError(
            f"The workbook has no sheet “{making.recipe.sheet}”; it has "
            f"{listed([sheet.name for sheet in part.sheets], 20)}.",
            details=(Problem("sheet", making.recipe.sheet, "NOT_FOUND", "one of the sheets"),),
        )
    return named or part.sheets[:1]


def _combined(making: _Making, found: Sequence[tuple[str, Upload]]) -> Upload:
    """Put tables together and say where each begins."""
    tables = [Table(name, columns_of(upload)) for name, upload in found]
    if making.recipe.sheet == ALL_SHEETS:
        way = "arms"
    else:
        ask = combine.question(tables)
        making.asks.append(ask)
        way = making.recipe.combine or ask.default
    names = listed([table.name for table in tables], 8)
    making.notes.append(
        Notice(
            "FILES_COMBINED", f"One table was made of {names}; lines are those of each file."
        )
    )
    parts = [
        TablePart(
            name,
            upload.path,
            Dialect(delimiter=upload.delimiter, header_line=upload.header_line),
            upload.structure,
            len(table.columns),
        )
        for (name, upload), table in zip(found, tables, strict=True)
    ]
    path = making.target.with_name(f"{making.target.stem}.joint")
    plan = combine.plan(way, tables)
    jumps = write_combined(making.db, parts, plan, path, most=MOST_JUMPS)
    return taken(path, jumps)


def _reshaped(making: _Making, upload: Upload, name: str) -> Upload:
    """Turn columns into rows where that was said, or where nothing else can be meant."""
    columns = columns_of(upload)
    way = "arms"
    if not reshape.is_wide_moments(columns):
        ask = reshape.question(columns)
        if ask is None:
            return upload
        making.asks.append(ask)
        way = making.recipe.reshape
    if way in {"", "as_is"}:
        return upload
    making.notes.append(
        Notice("RESHAPED", f"Columns were made rows; the file has {len(columns)} columns.")
    )
    rows = reshape.reshape(way, columns, rows_of(upload, name))
    return write(rows, making.target.with_name(f"{making.target.stem}.long"))
