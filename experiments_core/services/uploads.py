"""A file that was taken in: its clean text, and what was counted on the way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from experiments_core.domain.source import Dialect
from experiments_core.tabular.census import Census
from experiments_core.tabular.structure import Structure, refuse_unreadable

CHUNK = 512 * 1024
HEAD = 64 * 1024
"""Bytes on which delimiter, header and columns are judged."""

MIDDLES, MIDDLE = 8, 8 * 1024


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was taken in.

    Attributes:
        path: Clean text: UTF-8, line feeds, no byte-order mark; the original itself when it
            was clean already and was to be read in place.
        bytes: Size as it came.
        sha256: Of the bytes as they came.
        encoding: What they were written in.
        sample: A line that was read as Windows-1252.
        structure: Records, lines and quotes.
        head: Its beginning.
        complete: ``head`` is all of it.
        delimiter: As found, or told.
        header_line: As found, or told.
    """

    path: Path
    bytes: int
    sha256: str
    encoding: str
    sample: str
    structure: Structure
    head: str
    complete: bool
    delimiter: str
    header_line: int

    @property
    def middle(self) -> tuple[str, ...]:
        """Whole lines from several places further down."""
        many_lines = self.structure.lines > self.structure.records + self.structure.blank_count
        if self.complete or many_lines:
            return ()
        size = self.path.stat().st_size
        pieces = []
        with self.path.open("rb") as file:
            for number in range(1, MIDDLES + 1):
                file.seek(size * number // (MIDDLES + 1))
                lines = file.read(MIDDLE).split(b"\n")[1:-1]
                pieces.append(b"\n".join(lines).decode())
        return tuple(pieces)


def stored(
    path: Path,
    *,
    bytes_: int,
    sha256: str,
    encoding: str,
    sample: str,
    structure: Structure,
    dialect: tuple[str, int],
) -> Upload:
    """A text that was taken in before, as it was then."""
    with path.open("rb") as file:
        head = file.read(HEAD)
        complete = not file.read(1)
    return Upload(
        path, bytes_, sha256, encoding, sample, structure, head.decode("utf-8", "ignore"),
        complete, *dialect,
    )  # fmt: skip


def read_structure(path: Path, dialect: Dialect) -> Structure:
    """Count a clean text file under another dialect than the one that was found.

    Raises:
        InvalidInputError: a quote is left open, or a line is too long.
    """
    census = Census(ord(dialect.delimiter), skip_lines=max(0, dialect.header_line - 1))
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            census.feed(chunk)
    structure = census.finish()
    refuse_unreadable(structure)
    return structure
