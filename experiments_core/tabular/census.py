"""Count what a file is made of while its bytes pass by: records, lines, quotes.

The census says on which physical line every record begins and where a quote was left open. It
reads the same rules as the loader that comes after it (a quote opens a field only at its
start, two quotes inside are one), so that both must count the same records.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from experiments_core.tabular.structure import Structure

NEWLINE, QUOTE, BLANK, UNDERSCORE, ZERO, NINE = 10, 34, 32, 95, 48, 57
PAIR = NEWLINE << 8 | NEWLINE
LONGEST_LINE = 2_000_000
KEPT_LINES = 100

Bytes = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.int64]


@dataclass(slots=True)
class Census:
    """Feed it the file in pieces, in order; lines must end with a line feed.

    Attributes:
        delimiter: The byte between fields.
        skip_lines: Lines above the header, which need not follow any rule.
        lines: Whole lines seen so far.
        rest: What has come of the line after them.
    """

    delimiter: int
    skip_lines: int = 0
    lines: int = 0
    rest: bytes = b""
    _records: int = 0
    _open_line: int = 0
    _stray_line: int = 0
    _long_line: int = 0
    _blank_count: int = 0
    _blank_lines: list[int] = field(default_factory=list)
    _jumps: list[tuple[Sequence[int], Sequence[int]]] = field(default_factory=list)
    _offset: int = -1
    _joined_digits: bool = False
    _record_line: int = 0  # line of the record that a quote carried over from the last block

    def feed(self, chunk: bytes) -> None:
        """Take the next piece."""
        start = 0
        if self.rest:
            start = chunk.find(b"\n") + 1
            first, self.rest = self.rest + (chunk[:start] if start else chunk), b""
            self._take(first, 0)
            if not start:
                return
        self._take(chunk, start)

    def _take(self, chunk: bytes, start: int) -> None:
        """Count the whole lines of a piece from ``start`` on; keep what follows them."""
        while self.lines < self.skip_lines and (end := chunk.find(b"\n", start)) >= 0:
            start = end + 1
            self.lines += 1
        skipping = self.lines < self.skip_lines
        stop = start if skipping else chunk.rfind(b"\n", start) + 1 or start
        if stop > start:
            self._block(chunk, start, stop)
        self.rest = chunk[stop:]
        if len(self.rest) > LONGEST_LINE:
            self._long_line = self._long_line or self.lines + 1
            self.rest = b""

    def finish(self) -> Structure:
        """Close the file and say what was found."""
        if self.rest and self.lines >= self.skip_lines:
            last, self.rest = self.rest + b"\n", b""
            self._block(last, 0, len(last))
        if self._open_line:
            self._count(np.array([self._record_line]))  # the record that swallowed the rest
        records = [record for block in self._jumps for record in block[0]]
        offsets = [offset for block in self._jumps for offset in block[1]]
        return Structure(
            records=self._records,
            lines=self.lines,
            blank_lines=tuple(self._blank_lines),
            blank_count=self._blank_count,
            open_quote_line=self._open_line,
            stray_quote_line=self._stray_line,
            long_line=self._long_line,
            jump_records=tuple(records) or (0,),
            jump_offsets=tuple(offsets) or (1,),
            joined_digits=self._joined_digits,
        )

    def _block(self, block: bytes, start: int, stop: int) -> None:
        """Count whole lines."""
        data = np.frombuffer(block, np.uint8, count=stop - start, offset=start)
        if not self._joined_digits and block.find(b"_", start, stop) >= 0:
            self._joined_digits = _has_joined_digits(data)
        plain = not self._open_line and block.find(b'"', start, stop) < 0
        if plain and data[0] != NEWLINE and not _has_blank_line(data):
            self._count_plain(int(np.count_nonzero(data == NEWLINE)))
            return
        ends = np.flatnonzero(data == NEWLINE)
        inside = np.zeros(len(ends), dtype=bool) if plain else self._inside(data, ends)
        self._count_lines(ends, inside)

    def _count_plain(self, lines: int) -> None:
        """Every line is one record."""
        self._jump(self.lines + 1)
        self._records += lines
        self.lines += lines

    def _count_lines(self, ends: Positions, inside: npt.NDArray[np.bool_]) -> None:
        """Some lines are blank, or go on on the next line."""
        numbers = self.lines + 1 + np.arange(len(ends))
        begins = np.concatenate(([0], ends[:-1] + 1))
        head = np.concatenate(([not self._record_line], ~inside[:-1]))
        blank = head & (begins == ends)
        starts = numbers[head & ~blank]
        last_open = bool(inside[-1])
        if self._record_line and not inside.all():
            starts = np.concatenate(([self._record_line], starts))
            self._record_line = 0
        if last_open and not self._record_line:
            self._record_line, starts = int(starts[-1]), starts[:-1]
        self._count(starts)
        self._blank_count += int(blank.sum())
        self._blank_lines.extend(int(n) for n in numbers[blank][:KEPT_LINES])
        del self._blank_lines[KEPT_LINES:]
        self.lines += len(ends)

    def _count(self, starts: npt.NDArray[np.int64]) -> None:
        """Add records that begin on these lines."""
        if not len(starts):
            return
        records = self._records + np.arange(len(starts))
        offsets = starts - records
        changed = np.flatnonzero(np.diff(offsets, prepend=self._offset))
        if len(changed):
            self._jumps.append((records[changed].tolist(), offsets[changed].tolist()))
            self._offset = int(offsets[-1])
        self._records += len(starts)

    def _jump(self, line: int) -> None:
        if line - self._records != self._offset:
            self._offset = line - self._records
            self._jumps.append(([self._records], [self._offset]))

    def _inside(self, data: Bytes, ends: Positions) -> npt.NDArray[np.bool_]:
        """Which line ends stand inside quotes."""
        quotes = np.flatnonzero(data == QUOTE)
        carried = bool(self._open_line)
        toggles = quotes if self._orderly(data, quotes, carried) else self._walk(data, quotes)
        inside = ((np.searchsorted(toggles, ends) + carried) & 1).astype(bool)
        if (len(toggles) + carried) & 1:
            opened = _last_opening(toggles)
            if opened is not None:
                self._open_line = self._line_at(ends, opened)
        else:
            self._open_line = 0
        return inside

    def _orderly(self, data: Bytes, quotes: Positions, carried: bool) -> bool:  # noqa: FBT001  in the order of the sentence
        """Every quote opens a field, closes one, or is doubled inside one."""
        opening = (np.arange(len(quotes)) + carried) & 1 == 0
        before = np.where(quotes > 0, data[np.maximum(quotes - 1, 0)], NEWLINE)
        after = data[np.minimum(quotes + 1, len(data) - 1)]
        near = np.where(opening, before, after)
        legal = (near == self.delimiter) | (near == NEWLINE) | (near == QUOTE)
        return bool(legal.all())

    def _walk(self, data: Bytes, quotes: Positions) -> Positions:
        """Read the quotes of a disorderly block one by one; where fields open and close."""
        toggles: list[int] = []
        is_open, skip = bool(self._open_line), -1
        for place, following in zip(quotes.tolist(), [*quotes.tolist()[1:], -1], strict=True):
            if place == skip:
                continue
            if not is_open:
                if self._previous(data, place) in {self.delimiter, NEWLINE}:
                    is_open = True
                    toggles.append(place)
            elif following == place + 1:
                skip = following
            else:
                is_open = False
                toggles.append(place)
                if self._next(data, place) not in {self.delimiter, NEWLINE}:
                    ends = np.flatnonzero(data == NEWLINE)
                    self._stray_line = self._stray_line or self._line_at(ends, place)
        return np.array(toggles, dtype=np.int64)

    def _line_at(self, ends: Positions, place: int) -> int:
        return self.lines + 1 + int(np.searchsorted(ends, place))

    @staticmethod
    def _previous(data: Bytes, place: int) -> int:
        place -= 1
        while place >= 0 and data[place] == BLANK:
            place -= 1
        return int(data[place]) if place >= 0 else NEWLINE

    @staticmethod
    def _next(data: Bytes, place: int) -> int:
        place += 1
        while data[place] == BLANK:
            place += 1
        return int(data[place])


def _last_opening(toggles: Positions) -> int | None:
    """Where the quote that is open now was opened; None when not among these toggles.

    A doubled quote closes and opens at once, so it is passed over.
    """
    last = len(toggles) - 1
    while last > 0 and toggles[last] == toggles[last - 1] + 1:
        last -= 2
    return int(toggles[last]) if last >= 0 else None


def _has_joined_digits(data: Bytes) -> bool:
    """Whether an underscore stands between two digits."""
    places = np.flatnonzero(data[1:-1] == UNDERSCORE)
    before, after = data[places], data[places + 2]
    return bool(((before >= ZERO) & (before <= NINE) & (after >= ZERO) & (after <= NINE)).any())


def _has_blank_line(data: Bytes) -> bool:
    """Whether two line feeds follow each other; pairs of bytes are compared as one number."""
    return any(
        bool((data[begin : begin + (len(data) - begin) // 2 * 2].view(np.uint16) == PAIR).any())
        for begin in (0, 1)
    )
