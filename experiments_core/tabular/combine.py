"""Several tables as one: arm after arm, joined on the unit, or exposures and what happened."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from experiments_core.domain.text import grouped
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.tabular import candidates, names
from experiments_core.tabular.answers import Choice, Question
from experiments_core.tabular.columns import ColumnSeen
from experiments_core.tabular.text import fold, listed, shorten

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
    """

    name: str
    columns: tuple[ColumnSeen, ...]

    @property
    def header(self) -> tuple[str, ...]:
        """Names of its columns."""
        return tuple(column.name for column in self.columns)

    @property
    def variant(self) -> ColumnSeen | None:
        """The column of arms."""
        certain = candidates.certain_variant(self.columns)
        named = [c for c in self.columns if names.is_variant(c.name) and len(c.values) > 1]
        return certain or (named[0] if len(named) == 1 else None)

    @property
    def time(self) -> ColumnSeen | None:
        """The first column of times."""
        return next((column for column in self.columns if column.time is not None), None)

    def place(self, name: str) -> int | None:
        """Position of a column, whatever its case."""
        return next((c.position for c in self.columns if fold(c.name) == fold(name)), None)


Pick = int | str
"""A column by its position, or a text that stands in every row."""


@dataclass(frozen=True, slots=True)
class Stacked:
    """Tables under each other.

    Attributes:
        header: Of the one table.
        parts: Number of each table in turn, and what its rows give.
    """

    header: tuple[str, ...]
    parts: tuple[tuple[int, tuple[Pick, ...]], ...]


@dataclass(frozen=True, slots=True)
class Joined:
    """Two tables side by side, by the unit; a row without a partner stays.

    Attributes:
        header: Of the one table.
        key: Name of the column that identifies the unit.
        first: Number of the table that says the variant; all its columns come first.
        second: Number of the other one.
        here: Position of the key in the first.
        there: Position of the key in the second.
        rest: Positions of the second's other columns.
    """

    header: tuple[str, ...]
    key: str
    first: int
    second: int
    here: int
    there: int
    rest: tuple[int, ...]


def ways(tables: Sequence[Table]) -> tuple[str, ...]:
    """How the tables fit together, the likeliest first; none when they do not."""
    headers = [{fold(name) for name in table.header} for table in tables]
    if all(header == headers[0] for header in headers):
        known = all(table.variant is not None for table in tables)
        return ("append",) if known else ("arms",)
    if len(tables) != 2 or key_of(tables) is None:
        return ()
    first, second = (tables[number] for number in _order(tables))
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


def plan(way: str, tables: Sequence[Table]) -> Stacked | Joined:
    """Which columns of which table make the one table, and in which order.

    Raises:
        InvalidInputError: a column is missing.
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


def _stack(tables: Sequence[Table], *, with_arm: bool) -> Stacked:
    header = tables[0].header
    own = ARM_COLUMN if ARM_COLUMN not in {fold(name) for name in header} else "arm of the file"
    arms = arm_names([table.name for table in tables])
    parts: list[tuple[int, tuple[Pick, ...]]] = []
    for number, (table, arm) in enumerate(zip(tables, arms, strict=True)):
        places = tuple(_needed(table, name) for name in header)
        parts.append((number, (*places, arm) if with_arm else places))
    return Stacked((*header, own) if with_arm else header, tuple(parts))


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


def _order(tables: Sequence[Table]) -> tuple[int, int]:
    """Number of the table that says the variant, then of the other."""
    first, second = tables
    return (1, 0) if first.variant is None and second.variant is not None else (0, 1)


def _join(tables: Sequence[Table]) -> Joined:
    order = _order(tables)
    first, second = (tables[number] for number in order)
    key = key_of(tables) or ""
    here, there = _needed(first, key), _needed(second, key)
    rest = tuple(place for place in range(len(second.header)) if place != there)
    taken = {fold(name) for name in first.header}
    titles = (
        f"{title} ({second.name})" if fold(title) in taken else title
        for title in (second.header[place] for place in rest)
    )
    return Joined((*first.header, *titles), key, *order, here, there, rest)


def refuse_product(
    joined: Joined, names_: tuple[str, str], units: list[str], all_: int
) -> None:
    """Refuse a join in which units repeat on both sides.

    Args:
        joined: The join.
        names_: Of the table that says the variant, and of the other.
        units: Some that repeat.
        all_: How many there are.
    """
    more = f" and {grouped(all_ - len(units))} more" if all_ > len(units) else ""
    raise InvalidInputError(
        f"The join would multiply rows: “{joined.key}” repeats in both “{names_[0]}” and "
        f"“{names_[1]}” ({listed(units)}{more}).",
        code="JOIN_MULTIPLIES",
        hint=f"One of the two needs one row per {joined.key}. Add up its rows first; if both "
        "hold times, read them as exposures and events.",
        details=tuple(
            Problem(joined.key, unit, "JOIN_MULTIPLIES", "once in one of the files")
            for unit in units
        ),
    )


def _events(tables: Sequence[Table]) -> Stacked:
    order = _order(tables)
    first, second = (tables[number] for number in order)
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
    kind: Pick = event if event is not None else arm_names([second.name, first.name])[0]
    moment: Pick = at.position if at is not None else ""
    seen = (here, variant.position, EXPOSURE, moment, *("" for _ in rest))
    happened = (there, "", kind, when.position, *rest)
    return Stacked(
        (key, variant.name, title, when.name, *(second.header[place] for place in rest)),
        ((order[0], seen), (order[1], happened)),
    )
