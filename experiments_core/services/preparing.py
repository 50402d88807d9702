"""Files as they came become the one text that is read: a sheet, several files, a reshape.

A plain text file is that text already. Everything else is kept as it came (``<id>.0.part``,
``<id>.1.part`` …), so that another sheet, another way to put files together or another shape
can be chosen later; each choice writes ``<id>.txt`` anew.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from experiments_core.domain.source import Dialect
from experiments_core.domain.text import grouped
from experiments_core.errors import InvalidInputError, Problem, TooLargeError
from experiments_core.services import uploads, workbooks
from experiments_core.services.uploads import Upload
from experiments_core.services.workbooks import Sheet
from experiments_core.store.database import Database
from experiments_core.store.joining import Part as TablePart
from experiments_core.store.joining import write_combined
from experiments_core.store.lines import Jumps
from experiments_core.tabular import combine, reshape
from experiments_core.tabular.answers import Choice, Question
from experiments_core.tabular.columns import ColumnSeen, look
from experiments_core.tabular.combine import Table
from experiments_core.tabular.detection import Notice, with_middle
from experiments_core.tabular.sniff import Row, sniff
from experiments_core.tabular.text import fold, listed, shorten

ALL_SHEETS = "*"
MOST_FILES = 20
MOST_JUMPS = 20_000
CHUNK = 1 << 20

Source = tuple[BinaryIO | Path, str]
Tell = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Part:
    """One file as it came.

    Attributes:
        file: Its name among the stored files.
        name: As shown.
        sheets: Of a workbook; none of a text.
    """

    file: str
    name: str
    sheets: tuple[Sheet, ...] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """The text that is read, and what there is to choose about it.

    Attributes:
        upload: The text.
        parts: Files that it is made from; none when it is a file as it came.
        asks: Questions about the making; those whose field is filled in are answered.
        notes: What was done.
    """

    upload: Upload
    parts: tuple[Part, ...] = ()
    asks: tuple[Question, ...] = ()
    notes: tuple[Notice, ...] = ()


@dataclass(slots=True)
class _Making:
    """State of one making."""

    db: Database
    target: Path
    recipe: Dialect
    asks: list[Question] = field(default_factory=list)
    notes: list[Notice] = field(default_factory=list)


def take(
    db: Database,
    sources: Sequence[Source],
    target: Path,
    *,
    most_bytes: int | None = None,
    most_rows: int | None = None,
    tell: Tell | None = None,
) -> Prepared:
    """Take files in; nothing is left of them when one is refused.

    Args:
        db: The workspace, which puts several files together.
        sources: Bytes or files of this machine, each with its name.
        target: Where the text goes; parts lie beside it.
        most_bytes: Largest file.
        most_rows: Largest number of rows in a file.
        tell: Told now and then how many bytes have come.

    Raises:
        InvalidInputError: a file is no table, or the files do not fit together.
        TooLargeError: beyond a limit.
    """
    limits: dict[str, Any] = {"most_bytes": most_bytes, "most_rows": most_rows, "tell": tell}
    try:
        with ExitStack() as stack:
            opened = [
                (stack.enter_context(s.open("rb")) if isinstance(s, Path) else s, name)
                for s, name in sources
            ]
            return _take(db, opened, target, limits)
    except BaseException:
        forget(target)
        raise


def prepare(
    db: Database, target: Path, parts: Sequence[Part], recipe: Dialect, known: Upload
) -> Prepared:
    """Write the text anew from its parts.

    Args:
        db: The workspace, which puts several files together.
        target: Where the text goes.
        parts: As :func:`take` gave them; none when the text is the file as it came.
        recipe: Sheet, combination and reshape that are wanted.
        known: The text as it is now; names the bytes that came.
    """
    first = () if parts else (Part(f"{target.stem}.0.part", known.path.name),)
    for part in first:
        target.replace(target.with_name(part.file))
    try:
        made = _make(db, target, tuple(parts) or first, recipe)
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


def to_document(prepared: Prepared) -> dict[str, Any]:
    """What a draft keeps of it, as plain JSON values."""
    return {
        "parts": [asdict(part) for part in prepared.parts],
        "asks": [asdict(ask) for ask in prepared.asks],
        "notes": [asdict(note) for note in prepared.notes],
    }


def parts_of(document: dict[str, Any]) -> tuple[Part, ...]:
    """The parts that :func:`to_document` wrote."""
    return tuple(
        Part(one["file"], one["name"], tuple(map(_sheet, one["sheets"])))
        for one in document.get("parts", ())
    )


def _sheet(document: dict[str, Any]) -> Sheet:
    return Sheet(document["place"], document["name"], tuple(document["head"]))


def asks_of(document: dict[str, Any]) -> tuple[Question, ...]:
    """The questions that :func:`to_document` wrote."""
    return tuple(
        Question(**one | {"choices": tuple(Choice(**choice) for choice in one["choices"])})
        for one in document.get("asks", ())
    )


def notes_of(document: dict[str, Any]) -> tuple[Notice, ...]:
    """The notes that :func:`to_document` wrote."""
    return tuple(
        Notice(**one | {"lines": tuple(one["lines"])}) for one in document.get("notes", ())
    )


def _take(
    db: Database,
    opened: Sequence[tuple[BinaryIO, str]],
    target: Path,
    limits: dict[str, Any],
) -> Prepared:
    if len(opened) > MOST_FILES:
        raise InvalidInputError(
            f"These are {len(opened)} files; at most {MOST_FILES} are put together.",
            code="TOO_MANY_FILES",
            details=(Problem("files", len(opened), "TOO_MANY", f"at most {MOST_FILES}"),),
        )
    parts: list[Part] = []
    bytes_ = 0
    hashes: list[str] = []
    for number, (source, name) in enumerate(opened):
        head = source.read(4)
        whole = _Rejoined(head, source)
        single = len(opened) == 1
        if not workbooks.is_workbook(head):
            place = target if single else target.with_name(f"{target.stem}.{number}.part")
            with _naming(name, several=not single):
                upload = uploads.take_in(whole, place, **limits)
            if single:
                return _as_it_came(db, target, name, upload)
            parts.append(Part(place.name, name))
            bytes_, hashes = bytes_ + upload.bytes, [*hashes, upload.sha256]
            continue
        book = target.with_name(f"{target.stem}.{number}.part")
        size, digest = _copy(whole, book, limits["most_bytes"])
        with _naming(name, several=not single):
            parts.append(Part(book.name, name, workbooks.sheets_of(book)))
        bytes_, hashes = bytes_ + size, [*hashes, digest]
    made = _make(db, target, tuple(parts), Dialect())
    sha = hashes[0] if len(hashes) == 1 else _joint(hashes)
    return replace(made, upload=replace(made.upload, bytes=bytes_, sha256=sha))


def _as_it_came(db: Database, target: Path, name: str, upload: Upload) -> Prepared:
    """A text as it is; a table of moments side by side becomes rows at once."""
    columns = _columns(upload)
    if reshape.is_wide_moments(columns):
        return prepare(db, target, (), Dialect(), replace(upload, path=Path(name)))
    ask = reshape.question(columns)
    return Prepared(upload, asks=(ask,) if ask is not None else ())


def _make(db: Database, target: Path, parts: tuple[Part, ...], recipe: Dialect) -> Prepared:
    making = _Making(db, target, recipe)
    found = [
        pair for number, part in enumerate(parts) for pair in _tables(making, part, number)
    ]
    upload = _combined(making, found) if len(found) > 1 else found[0][1]
    upload = _reshaped(making, upload)
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
            upload = uploads.take_in(file, copy)
        yield part.name, upload
        return
    for sheet in _chosen(making, part):
        rows = making.target.with_name(f"{making.target.stem}.{number}-{sheet.place}.sheet")
        workbooks.write_sheet(path, sheet, rows)
        with rows.open("rb") as file:
            upload = uploads.take_in(file, rows.with_suffix(".text"))
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
    tables = [Table(name, _columns(upload)) for name, upload in found]
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
    return _taken(path, jumps)


def _reshaped(making: _Making, upload: Upload) -> Upload:
    """Turn columns into rows where that was said, or where nothing else can be meant."""
    columns = _columns(upload)
    ask = None if reshape.is_wide_moments(columns) else reshape.question(columns)
    if ask is not None:
        making.asks.append(ask)
    way = making.recipe.reshape if ask is not None else "arms"
    if (ask is None and not reshape.is_wide_moments(columns)) or way in {"", "as_is"}:
        return upload
    making.notes.append(
        Notice("RESHAPED", f"Columns were made rows; the file has {len(columns)} columns.")
    )
    rows = partial(_rows, upload, upload.path.name)
    return _write(making, reshape.reshape(way, columns, rows()), "long")


def _write(making: _Making, rows: Iterable[tuple[int, Sequence[str]]], kind: str) -> Upload:
    """Write rows as a text of ours; each keeps the line that it comes from."""
    path = making.target.with_name(f"{making.target.stem}.{kind}")
    lines: list[int] = []
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for line, cells in rows:
            lines.append(line)
            writer.writerow(cells)
    return _taken(path, _jumps(lines))


def _taken(path: Path, jumps: Jumps | None) -> Upload:
    """Take in a text of ours; its lines are those of the files as they came, where known."""
    with path.open("rb") as file:
        upload = uploads.take_in(file, path.with_suffix(f"{path.suffix}-text"))
    if jumps is None:
        return upload
    structure = replace(upload.structure, jump_records=jumps[0], jump_offsets=jumps[1])
    return replace(upload, structure=structure)


def _jumps(lines: Sequence[int]) -> Jumps | None:
    """From which record on lines run ahead by another number; None when too often."""
    records: list[int] = []
    offsets: list[int] = []
    for record, line in enumerate(lines):
        if not offsets or line - record != offsets[-1]:
            records.append(record)
            offsets.append(line - record)
    return (tuple(records), tuple(offsets)) if len(records) <= MOST_JUMPS else None


def _columns(upload: Upload) -> tuple[ColumnSeen, ...]:
    found = sniff(
        upload.head,
        complete=upload.complete,
        delimiter=upload.delimiter,
        header_line=upload.header_line,
    )
    return look(found, with_middle(found, upload.middle))


def _rows(upload: Upload, name: str) -> Iterator[Row]:
    """Rows below the header, blank lines left out.

    Raises:
        InvalidInputError: a row has another number of fields than the header.
    """
    csv.field_size_limit(10_000_000)
    width = len(_columns(upload))
    with upload.path.open(encoding="utf-8", newline="") as file:
        for _ in range(max(0, upload.header_line - 1)):
            file.readline()
        reader = csv.reader(file, delimiter=upload.delimiter, skipinitialspace=True)
        above, begin = max(0, upload.header_line - 1), 0
        for cells in reader:
            line, begin = above + begin + 1, reader.line_num
            if line <= upload.header_line or not any(cell.strip() for cell in cells):
                continue
            if len(cells) != width:
                sentence = f"has {len(cells)} fields; {width} are expected"
                raise InvalidInputError(
                    f"Line {line} of “{name}” {sentence}.",
                    code="ROW_BROKEN",
                    hint="Correct the line or export the file again; nothing was stored.",
                    details=(Problem(f"line {line}", ",".join(cells), "ROW_BROKEN", sentence),),
                )
            yield Row(line, tuple(cells))


def _copy(source: _Rejoined, target: Path, most_bytes: int | None) -> tuple[int, str]:
    """Store bytes as they come; their number and hash."""
    size, digest = 0, hashlib.sha256()
    with target.open("wb") as out:
        while chunk := source.read(CHUNK):
            size += len(chunk)
            if most_bytes is not None and size > most_bytes:
                raise TooLargeError(
                    f"The file is larger than {grouped(most_bytes // 1024**2)} MB.",
                    hint=uploads.INBOX_HINT,
                )
            digest.update(chunk)
            out.write(chunk)
    return size, digest.hexdigest()


def _joint(hashes: Iterable[str]) -> str:
    return hashlib.sha256(" ".join(sorted(hashes)).encode()).hexdigest()


class _Rejoined:
    """A stream whose first bytes were read already."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head, self._rest = head, rest

    def read(self, size: int = -1) -> bytes:
        """Read at most so many bytes."""
        if not self._head:
            return self._rest.read(size)
        head, self._head = self._head, b""
        return head + self._rest.read(max(0, size - len(head)))


class _naming:  # noqa: N801  reads as a verb where it is used
    """Say which of several files an error is about."""

    def __init__(self, name: str, *, several: bool) -> None:
        self._name, self._several = name, several

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self._several and isinstance(error, InvalidInputError):
            error.args = (f"“{self._name}”: {error.message}",)
            error.message = error.args[0]
