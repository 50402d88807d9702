"""What a text is made of: records, lines, quotes; and whether its rows can be told apart."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from experiments_core.errors import InvalidInputError, Problem


@dataclass(frozen=True, slots=True)
class Structure:
    """What the census found.

    Attributes:
        records: Records that are not blank, the header among them.
        lines: Physical lines.
        blank_lines: Numbers of the first blank lines.
        blank_count: How many there are.
        open_quote_line: Line of a quote that is never closed, else 0.
        stray_quote_line: Line of text that follows a closing quote, else 0.
        long_line: Line that is longer than can be read, else 0.
        jump_records: Records from which on line minus record number is another.
        jump_offsets: That difference.
        joined_digits: An underscore stands between two digits somewhere, as in ``1_000``.
    """

    records: int
    lines: int
    blank_lines: tuple[int, ...]
    blank_count: int
    open_quote_line: int
    stray_quote_line: int
    long_line: int
    jump_records: tuple[int, ...]
    jump_offsets: tuple[int, ...]
    joined_digits: bool = False

    def line_of(self, record: int) -> int:
        """Physical line on which a record begins; records count from 0 over the whole file."""
        place = bisect_right(self.jump_records, record) - 1
        return record + self.jump_offsets[place]

    def first_record_after(self, line: int) -> int:
        """Number of the first record that begins below a line."""
        low, high = 0, self.records
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self.line_of(middle) <= line else (low, middle)
        return low


def refuse_unreadable(structure: Structure) -> None:
    """Refuse a text whose rows cannot be told apart, and name the line.

    Raises:
        InvalidInputError: ``FILE_LONG_LINE`` or ``FILE_QUOTE``.
    """
    faults = (
        (structure.long_line, "FILE_LONG_LINE", "is too long to be read"),
        (structure.stray_quote_line, "FILE_QUOTE", "has text after a closing quote"),
        (structure.open_quote_line, "FILE_QUOTE", "opens a quote that is never closed"),
    )
    for line, code, what in faults:
        if line:
            raise InvalidInputError(
                f"Line {line} {what}.",
                code=code,
                hint="Correct the line or export the file again; a quote inside a quoted field "
                "is written twice.",
                details=(Problem(f"line {line}", None, code, what),),
            )
