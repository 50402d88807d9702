"""Rows of a text that was taken in, and rows written as one: each keeps its line."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from experiments_core.errors import InvalidInputError, Problem
from experiments_core.services.intake import take_in
from experiments_core.services.uploads import Upload
from experiments_core.store.lines import Jumps
from experiments_core.tabular.columns import ColumnSeen, look
from experiments_core.tabular.detection import with_middle
from experiments_core.tabular.sniff import Row, sniff

MOST_JUMPS = 20_000


def write(rows: Iterable[tuple[int, Sequence[str]]], path: Path) -> Upload:
    """Write rows as a text of ours; each keeps the line that it comes from."""
    lines: list[int] = []
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for line, cells in rows:
            lines.append(line)
            writer.writerow(cells)
    return taken(path, _jumps(lines))


def taken(path: Path, jumps: Jumps | None) -> Upload:
    """Take in a text of ours; its lines are those of the files as they came, where known."""
    with path.open("rb") as file:
        upload = take_in(file, path.with_suffix(f"{path.suffix}-text"))
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


def columns_of(upload: Upload) -> tuple[ColumnSeen, ...]:
    """What each column of a text holds."""
    found = sniff(
        upload.head,
        complete=upload.complete,
        delimiter=upload.delimiter,
        header_line=upload.header_line,
    )
    return look(found, with_middle(found, upload.middle))


def rows_of(upload: Upload, name: str) -> Iterator[Row]:
    """Rows below the header, blank lines left out.

    Args:
        upload: The text.
        name: What it is called in an error.

    Raises:
        InvalidInputError: a row has another number of fields than the header.
    """
    csv.field_size_limit(10_000_000)
    width = len(columns_of(upload))
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
