"""Several tables as one: arm after arm, joined on the unit, or exposures and what happened."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from experiments_core.errors import InvalidInputError, Problem
from experiments_core.tabular import names, roles
from experiments_core.tabular.answers import Choice, Question
from experiments_core.tabular.columns import ColumnSeen
from experiments_core.tabular.sniff import Row
from experiments_core.tabular.text import WHITE, fold, listed, shorten

MOST_KEYS = 5_000_000
ARM_COLUMN, EVENT_COLUMN, EXPOSURE = "variant", "event", "exposure"
LABELS = {
    "arms": "Each one is one arm: put them under each other",
    "append": "One after another: rows of the same table",
    "join": "Join them on “{key}”: one says the variant, the other what happened",
    "events": "Exposures and events: count what happened after each first exposure",
}


@dataclass(frozen=True, slots=True)
class Table:
    """One file or sheet.

    Attributes:
        name: As shown.
        columns: What its sample shows.
        rows: Gives its rows below the header, each time from the beginning.
    """

    name: str
    columns: tuple[ColumnSeen, ...]
    rows: Callable[[], Iterator[Row]]

    @property
    def header(self) -> tuple[str, ...]:
        """Names of its columns."""
        return tuple(column.name for column in self.columns)

    @property
    def variant(self) -> ColumnSeen | None:
        """The column of arms."""
        certain = roles.certain_variant(self.columns)
        named = [c for c in self.columns if names.is_variant(c.name) and len(c.values) > 1]
        return certain or (named[0] if len(named) == 1 else None)

    @property
    def time(self) -> ColumnSeen | None:
        """The first column of times."""
        return next((column for column in self.columns if column.time is not None), None)

    def place(self, name: str) -> int | None:
        """Position of a column, whatever its case."""
        return next((c.position for c in self.columns if fold(c.name) == fold(name)), None)


def ways(tables: Sequence[Table]) -> tuple[str, ...]:
    """How the tables fit together, the likeliest first; none when they do not."""
    headers = [{fold(name) for name in table.header} for table in tables]
    if all(header == headers[0] for header in headers):
        known = all(table.variant is not None for table in tables)
        return ("append",) if known else ("arms",)
    if len(tables) != 2 or key_of(tables) is None:
        return ()
    first, second = _ordered(tables)
    if first.variant is None:
        return ()
    timed = first.time is not None and second.time is not None
    key = second.columns[second.place(key_of(tables) or "") or 0]
    has_event = any(names.is_event(column.name) for column in second.columns)
    if timed and (has_event or not key.unique):
        return ("events", "join")
    return ("join", "events") if second.time is not None else ("join",)


def question(tables: Sequence[Table]) -> Question:
    """Ask how they become one table.

    Raises:
        InvalidInputError: they do not fit together in any way.
    """
    found = ways(tables)
    if not found:
        columns = "; ".join(f"{t.name}: {listed(list(t.header), 8)}" for t in tables)
        raise InvalidInputError(
            f"These {len(tables)} tables do not fit together. {columns}.",
            code="FILES_DIFFER",
            hint="Files of one arm each need the same columns; two files that are joined need "
            "one common column that identifies the unit, and one of them the variant.",
            details=tuple(
                Problem(t.name, list(t.header)[:20], "FILES_DIFFER", "columns") for t in tables
            ),
        )
    shown = listed([table.name for table in tables], 6)
    key = key_of(tables) or ""
    return Question(
        "COMBINE",
        "dialect.combine",
        f"{len(tables)} tables came together: {shown}. How do they become one?",
        tuple(Choice(way, LABELS[way].replace("{key}", key)) for way in found),
        found[0],
    )


def key_of(tables: Sequence[Table]) -> str | None:
    """The column that both tables share and that identifies a unit."""
    shared = [n for n in tables[0].header if all(t.place(n) is not None for t in tables)]
    named = [name for name in shared if names.is_unit(name)]
    if len(named) == 1:
        return named[0]
    return shared[0] if len(shared) == 1 else None


def combine(way: str, tables: Sequence[Table]) -> Iterator[tuple[int, Sequence[str]]]:
    """Rows of the one table, the header first, each with the line it comes from.

    Raises:
        InvalidInputError: a column is missing, or a join would multiply rows.
    """
    if way == "join":
        return _join(tables)
    if way == "events":
        return _events(tables)
    return _stack(tables, with_arm=way == "arms")


def arm_names(shown: Sequence[str]) -> list[str]:
    """What tells file names apart: ``q3_control.csv``, ``q3_test.csv`` → control, test."""
    stems = [
        re.sub(r"(\.(csv|tsv|txt|xlsx))?(\.gz)?$", "", n, flags=re.IGNORECASE) for n in shown
    ]
    words = [[w for w in re.split(r"[\s_.\-]+", stem) if w] for stem in stems]
    while all(len(w) > 1 for w in words) and len({fold(w[0]) for w in words}) == 1:
        words = [w[1:] for w in words]
    while all(len(w) > 1 for w in words) and len({fold(w[-1]) for w in words}) == 1:
        words = [w[:-1] for w in words]
    found = [" ".join(w) for w in words]
    return found if len({fold(name) for name in found}) == len(found) else list(shown)


def _stack(tables: Sequence[Table], *, with_arm: bool) -> Iterator[tuple[int, Sequence[str]]]:
    header = tables[0].header
    own = ARM_COLUMN if ARM_COLUMN not in {fold(name) for name in header} else "arm of the file"
    yield 1, (*header, own) if with_arm else header
    arms = arm_names([table.name for table in tables])
    for table, arm in zip(tables, arms, strict=True):
        places = [_needed(table, name) for name in header]
        for row in table.rows():
            cells = [row.cells[place] for place in places]
            yield row.line, [*cells, arm] if with_arm else cells


def _needed(table: Table, name: str) -> int:
    place = table.place(name)
    if place is None:
        raise InvalidInputError(
            f"“{table.name}” has no column “{shorten(name)}”; it has "
            f"{listed(list(table.header), 10)}.",
            code="COLUMNS_DIFFER",
            hint="Files that are put together need the same columns.",
            details=(Problem(table.name, name, "NOT_FOUND", "a column of the first file"),),
        )
    return place


def _ordered(tables: Sequence[Table]) -> tuple[Table, Table]:
    """The table that says the variant, then the other."""
    first, second = tables
    if first.variant is None and second.variant is not None:
        return second, first
    return first, second


def _join(tables: Sequence[Table]) -> Iterator[tuple[int, Sequence[str]]]:
    first, second = _ordered(tables)
    key = key_of(tables) or ""
    here, there = _needed(first, key), _needed(second, key)
    rest = [place for place in range(len(second.header)) if place != there]
    taken = {fold(name) for name in first.header}
    titles = [second.header[place] for place in rest]
    yield (
        1,
        (
            *first.header,
            *(
                f"{title} ({second.name})" if fold(title) in taken else title
                for title in titles
            ),
        ),
    )
    twice, again = _repeated(first, here), _repeated(second, there)
    if twice and again:
        _refuse_product(key, first, second, sorted(twice & again) or sorted(again))
    no_first, no_second = [""] * len(first.header), [""] * len(rest)
    left, right = (first, here), (second, there)
    held, passing = (right, left) if not again else (left, right)
    kept = {_cell(row, held[1]): row for row in held[0].rows() if _cell(row, held[1])}
    met: set[str] = set()
    for row in passing[0].rows():
        value = _cell(row, passing[1])
        other = kept.get(value)
        if other is not None:
            met.add(value)
        one, two = (row, other) if passing[0] is first else (other, row)
        yield (
            row.line,
            [
                *(one.cells if one else _only(no_first, here, value)),
                *([two.cells[place] for place in rest] if two else no_second),
            ],
        )
    for value, row in kept.items():
        if value in met:
            continue
        if held[0] is first:
            yield row.line, [*row.cells, *no_second]
        else:
            cells = [row.cells[place] for place in rest]
            yield row.line, [*_only(no_first, here, value), *cells]


def _only(blank: list[str], place: int, value: str) -> list[str]:
    return [*blank[:place], value, *blank[place + 1 :]]


def _cell(row: Row, place: int) -> str:
    return row.cells[place].strip(WHITE)


def _repeated(table: Table, place: int) -> set[str]:
    """Units that stand in several rows of a table."""
    seen: set[str] = set()
    twice: set[str] = set()
    for row in table.rows():
        value = _cell(row, place)
        if value in seen:
            twice.add(value)
        seen.add(value)
        if len(seen) > MOST_KEYS:
            raise InvalidInputError(
                f"“{table.name}” holds more than {MOST_KEYS:,} units; so many are not joined.",
                code="JOIN_TOO_LARGE",
                hint="Join the files where they come from.",
            )
    return twice - {""}


def _refuse_product(key: str, first: Table, second: Table, units: list[str]) -> None:
    raise InvalidInputError(
        f"The join would multiply rows: “{key}” repeats in both “{first.name}” and "
        f"“{second.name}” ({listed(units)}).",
        code="JOIN_MULTIPLIES",
        hint=f"One of the two needs one row per {key}. Add up its rows first; if both hold "
        "times, read them as exposures and events.",
        details=tuple(
            Problem(key, unit, "JOIN_MULTIPLIES", "once in one of the files")
            for unit in units[:5]
        ),
    )


def _events(tables: Sequence[Table]) -> Iterator[tuple[int, Sequence[str]]]:
    first, second = _ordered(tables)
    key = key_of(tables) or ""
    here, there = _needed(first, key), _needed(second, key)
    variant, at, when = first.variant, first.time, second.time
    if variant is None or when is None:
        raise InvalidInputError(
            "Exposures and events need a variant column in one file and times in the other.",
            code="FILES_DIFFER",
            hint="Join the files instead.",
        )
    event = next((c.position for c in second.columns if names.is_event(c.name)), None)
    fixed = {there, when.position, event}
    rest = [c.position for c in second.columns if c.position not in fixed]
    title = second.header[event] if event is not None else EVENT_COLUMN
    yield 1, (key, variant.name, title, when.name, *(second.header[place] for place in rest))
    what = arm_names([second.name, first.name])[0]
    for row in first.rows():
        moment = row.cells[at.position] if at is not None else ""
        yield row.line, [
            row.cells[here], row.cells[variant.position], EXPOSURE, moment, *[""] * len(rest),
        ]  # fmt: skip
    for row in second.rows():
        kind = row.cells[event] if event is not None else what
        cells = (row.cells[place] for place in rest)
        yield row.line, [row.cells[there], "", kind, row.cells[when.position], *cells]
