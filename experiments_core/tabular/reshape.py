"""Wide and long tables as rows: recognised, offered, and done only when somebody says so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from experiments_core.domain.text import grouped
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.tabular import names
from experiments_core.tabular.answers import Choice, Question
from experiments_core.tabular.columns import ColumnSeen, Kind
from experiments_core.tabular.combine import ARM_COLUMN
from experiments_core.tabular.sniff import Row
from experiments_core.tabular.text import WHITE, fold, is_blank, listed

ARM_TOKENS = names.CONTROL_WORDS | {
    "c", "t", "a", "b", "treatment", "treated", "test", "experiment", "challenger", "variant",
    "variation", "old", "new", "t1", "t2", "t3", "b1", "b2", "d",
}  # fmt: skip
NUMERIC = frozenset({Kind.WHOLE, Kind.NUMBER, Kind.YES_NO, Kind.PERCENT})
_METRIC = re.compile(
    r"^(metrics?|kpi|measures?|measurement|variable|indicator)(_(name|id|key))?$"
)
_VALUE = re.compile(r"^(values?|amount|score|result|measurement|observation)$")
MOST_MEASURES = 50
MOST_PIVOTED = 5_000_000


@dataclass(frozen=True, slots=True)
class Wide:
    """Columns of each arm side by side.

    Attributes:
        stems: What is measured, in the order of the file.
        arms: As their columns name them.
        places: (stem, arm) -> position of the column.
        kept: Positions of the columns that belong to no arm.
        told: Position of a column that names the treatment, when there is one.
    """

    stems: tuple[str, ...]
    arms: tuple[str, ...]
    places: dict[tuple[str, str], int]
    kept: tuple[int, ...]
    told: int | None = None


def wide(columns: Sequence[ColumnSeen]) -> Wide | None:
    """Find columns that stand side by side for each arm (``visitors_a``, ``visitors_b`` …)."""
    for at_end in (True, False):
        found: dict[tuple[str, str], int] = {}
        for column in columns:
            words = names.plain(column.name).split("_")
            arm = words[-1] if at_end else words[0]
            stem = "_".join(words[:-1] if at_end else words[1:])
            if len(words) > 1 and arm in ARM_TOKENS and column.kind in {*NUMERIC, Kind.EMPTY}:
                found[stem, arm] = column.position
        arms = tuple(dict.fromkeys(arm for _, arm in found))
        stems = tuple(dict.fromkeys(stem for stem, _ in found))
        whole = tuple(s for s in stems if all((s, arm) in found for arm in arms))
        if len(arms) > 1 and whole and len(whole) == len(stems):
            used = set(found.values())
            rest = [c for c in columns if c.position not in used]
            named = [c.position for c in rest if names.is_variant(c.name)]
            told = named[0] if len(named) == 1 else None
            kept = tuple(c.position for c in rest if c.position != told)
            return Wide(whole, arms, found, kept, told)
    return None


def samples(columns: Sequence[ColumnSeen]) -> tuple[str, ...]:
    """Arms whose values stand in one column each, when that is all the file holds."""
    words = names.ARM_WORDS | ARM_TOKENS | {"control", "variant a", "variant b", "group a"}
    fits = all(fold(c.name) in words and c.kind in NUMERIC for c in columns)
    return tuple(c.name for c in columns) if fits and len(columns) > 1 else ()


def turned(columns: Sequence[ColumnSeen]) -> tuple[int, tuple[int, ...]] | None:
    """Positions of the names of measures and of the arms, where each measure is a row."""
    words = names.ARM_WORDS | ARM_TOKENS | {"variant a", "variant b", "group a", "group b"}
    arms = [c for c in columns if fold(c.name) in words and _holds_numbers(c)]
    told = [c for c in columns if c not in arms]
    if len(arms) < 2 or len(told) != 1 or told[0].kind is not Kind.TEXT:
        return None
    fits = told[0].unique and told[0].filled <= MOST_MEASURES
    return (told[0].position, tuple(c.position for c in arms)) if fits else None


def _holds_numbers(column: ColumnSeen) -> bool:
    """Counts and rates under each other are no numbers of one kind."""
    cells = column.examples
    return bool(cells) and all(any(sign.isdigit() for sign in cell) for cell in cells)


def long(columns: Sequence[ColumnSeen]) -> tuple[int, int] | None:
    """Positions of metric name and value, where each unit has a row per metric."""
    if names.are_moments(column.name for column in columns):
        return None
    metric = [c for c in columns if _METRIC.match(names.plain(c.name)) and 1 < c.distinct <= 50]
    value = [c for c in columns if _VALUE.match(names.plain(c.name)) and c.kind in NUMERIC]
    if len(metric) == 1 and len(value) == 1 and metric[0] is not value[0]:
        return metric[0].position, value[0].position
    return None


def is_wide_moments(columns: Sequence[ColumnSeen]) -> bool:
    """Count, mean and variance of each arm side by side: a shape of its own, nothing to ask."""
    found = wide(columns)
    return found is not None and names.are_moments(found.stems)


def question(columns: Sequence[ColumnSeen]) -> Question | None:
    """Ask whether a wide or long table is to become rows; None where there is none."""
    found, few, pair = wide(columns), samples(columns), long(columns)
    flat = turned(columns)
    if found is not None:
        what = (
            f"The arms {listed(found.arms)} stand side by side: one column of "
            f"{listed(found.stems)} for each. Make one row per arm of them?"
        )
        way, label = "arms", "Yes: one row per arm"
    elif flat is not None:
        arms = [columns[place].name for place in flat[1]]
        measures = listed(list(columns[flat[0]].examples))
        what = (
            f"Each row is one measure (“{columns[flat[0]].name}”: {measures}) and each arm a "
            f"column: {listed(arms)}. Turn the table?"
        )
        way, label = "turn", "Yes: one row per arm, a column for each measure"
    elif few:
        what = (
            f"Each column holds the values of one arm: {listed(few)}. Put them under "
            "each other?"
        )
        way, label = "samples", "Yes: one row per value, with its arm"
    elif pair is not None:
        metric, value = (columns[place].name for place in pair)
        what = (
            f"Each row holds one metric (“{metric}”) and its “{value}”. Make one row per unit, "
            "with a column for each metric?"
        )
        way, label = "metrics", "Yes: one row per unit"
    else:
        return None
    return Question(
        "RESHAPE",
        "dialect.reshape",
        what,
        (Choice(way, label), Choice("as_is", "No: read the rows as they stand")),
        way,
    )


def reshape(
    way: str, columns: Sequence[ColumnSeen], rows: Iterator[Row]
) -> Iterator[tuple[int, Sequence[str]]]:
    """Rows of the new table, the header first, each with the line it comes from.

    Raises:
        InvalidInputError: the columns are not laid out so, or a metric stands twice.
    """
    if way == "arms" and (found := wide(columns)) is not None:
        return _from_arms(found, columns, rows)
    flat = turned(columns)
    if way == "turn" and flat is not None:
        return _from_turned(flat, columns, rows)
    if way == "samples" and samples(columns):
        return _from_samples(columns, rows)
    pair = long(columns)
    if way == "metrics" and pair is not None:
        return _from_metrics(pair, columns, rows)
    raise InvalidInputError(
        f"The columns {listed([c.name for c in columns], 8)} cannot be reshaped so.",
        code="RESHAPE",
        hint="Read the rows as they stand.",
    )


def _from_arms(
    found: Wide, columns: Sequence[ColumnSeen], rows: Iterator[Row]
) -> Iterator[tuple[int, Sequence[str]]]:
    kept = [columns[place].name for place in found.kept]
    yield 1, (*kept, ARM_COLUMN, *found.stems)
    control = next((a for a in found.arms if a in names.CONTROL_WORDS | {"c"}), None)
    for row in rows:
        for arm in found.arms:
            cells = [row.cells[found.places[stem, arm]] for stem in found.stems]
            if all(not cell.strip(WHITE) for cell in cells):
                continue
            name = {"c": "control", "t": "treatment"}.get(arm, arm)
            if found.told is not None and arm != control:
                name = row.cells[found.told].strip(WHITE)
            yield row.line, [*(row.cells[place] for place in found.kept), name, *cells]


def _from_turned(
    flat: tuple[int, tuple[int, ...]], columns: Sequence[ColumnSeen], rows: Iterator[Row]
) -> Iterator[tuple[int, Sequence[str]]]:
    measures, arms = flat
    table = [(row.line, row.cells) for row in rows]
    yield 1, (ARM_COLUMN, *(cells[measures].strip(WHITE) for _, cells in table))
    for place in arms:
        yield 1, [columns[place].name, *(cells[place] for _, cells in table)]


def _from_samples(
    columns: Sequence[ColumnSeen], rows: Iterator[Row]
) -> Iterator[tuple[int, Sequence[str]]]:
    yield 1, (ARM_COLUMN, "value")
    for row in rows:
        for column in columns:
            cell = row.cells[column.position]
            if not is_blank(cell):
                yield row.line, [column.name, cell]


def _from_metrics(
    pair: tuple[int, int], columns: Sequence[ColumnSeen], rows: Iterator[Row]
) -> Iterator[tuple[int, Sequence[str]]]:
    metric, value = pair
    kept = [c.position for c in columns if c.position not in pair]
    units: dict[tuple[str, ...], tuple[int, dict[str, str]]] = {}
    titles: dict[str, str] = {}
    for row in rows:
        key = tuple(row.cells[place].strip(WHITE) for place in kept)
        name = row.cells[metric].strip(WHITE)
        title = titles.setdefault(fold(name), name)
        _, cells = units.setdefault(key, (row.line, {}))
        if title in cells:
            raise InvalidInputError(
                f"Line {row.line}: the metric “{title}” stands twice for {listed(list(key))}.",
                code="RESHAPE_MULTIPLIES",
                hint="A reshape never adds rows up: leave one of them, or read the rows as an "
                "event log.",
                details=(Problem(f"line {row.line}", title, "NOT_UNIQUE", "one row each"),),
            )
        cells[title] = row.cells[value]
        if len(units) > MOST_PIVOTED:
            raise InvalidInputError(
                f"More than {grouped(MOST_PIVOTED)} units are not reshaped.",
                code="RESHAPE_TOO_LARGE",
                hint="Write one row per unit where the file comes from.",
            )
    yield 1, (*(columns[place].name for place in kept), *titles.values())
    for key, (line, cells) in units.items():
        yield line, [*key, *(cells.get(title, "") for title in titles.values())]
