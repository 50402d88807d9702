"""On which physical line a record stands: records and lines part where a field has breaks."""

from __future__ import annotations

from collections.abc import Sequence

from experiments_core.tabular.census import Structure

Jumps = tuple[tuple[int, ...], tuple[int, ...]]
"""Records from which on line minus record number is another, and that difference."""


def without_lines(jumps: Jumps, blank_lines: Sequence[int]) -> Jumps:
    """Count on as if records on these lines (one line each) were none."""
    records, offsets = (list(part) for part in jumps)
    for line in sorted(blank_lines):
        begins = [record + offset for record, offset in zip(records, offsets, strict=True)]
        place = max(n for n, begin in enumerate(begins) if begin <= line)
        record = line - offsets[place]
        later = [n for n in range(len(records)) if records[n] > record]
        for n in later:
            records[n] -= 1
            offsets[n] += 1
        records.insert(place + 1, record)
        offsets.insert(place + 1, offsets[place] + 1)
    last = dict(zip(records, offsets, strict=True))
    return tuple(last), tuple(last.values())


def jumps_below(structure: Structure, first: int) -> Jumps:
    """Count the records below the first ones from 1, and say on which lines they stand."""
    records, offsets = [1], [structure.line_of(first) - 1]
    for record, offset in zip(structure.jump_records, structure.jump_offsets, strict=True):
        if record > first:
            records.append(record - first + 1)
            offsets.append(offset + first - 1)
    return tuple(records), tuple(offsets)
