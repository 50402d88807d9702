"""Which rows count? Several of a unit, running totals, contradictions, several experiments."""

from __future__ import annotations

from collections.abc import Iterator

from experiments_core.domain.source import Mapping, Role
from experiments_core.domain.text import grouped
from experiments_core.tabular.answers import Choice, Question
from experiments_core.tabular.courses import PARTS, RUNNING
from experiments_core.tabular.detection import Detection
from experiments_core.tabular.found import Found
from experiments_core.tabular.spellings import spellings
from experiments_core.tabular.text import listed, shorten

MOST_OFFERED = 200


def experiment(seen: Detection, mapping: Mapping) -> Iterator[Question]:
    """One file, several experiments: which of them is meant."""
    column = mapping.first(Role.EXPERIMENT)
    if column is None or mapping.experiment:
        return
    known = list(spellings(seen.rows, column.position))[:MOST_OFFERED]
    yield Question(
        "EXPERIMENT",
        "experiment",
        f"Column “{column.name}” tells experiments apart ({listed(known)}). Which is read?",
        (
            *(Choice(one, one) for one in known),
            Choice("*", "All of them: each becomes an experiment of its own"),
            Choice("-", "They are one experiment"),
        ),
        free=True,
    )


def repeats(mapping: Mapping, found: Found | None) -> Iterator[Question]:
    """Several rows of one unit."""
    unit = mapping.first(Role.UNIT)
    if unit is None or mapping.tells_repeats or not found or not found.repeated:
        return
    yield Question(
        "UNIT_REPEATED",
        "repeats",
        f"{grouped(found.repeated)} of “{unit.name}” have several rows in one variant. "
        "What counts? For a quantile of rows (the p95 cost of sessions) choose “Every row” "
        "(rows) as the rule of its column.",
        (
            Choice("sum", "Converted at least once; numbers added up"),
            Choice("mean", "Converted at least once; the mean of numbers"),
            Choice("max", "The highest value of each outcome"),
            Choice("first", "The first row in the file"),
            Choice("last", "The last row in the file"),
        ),
    )


def readings(mapping: Mapping, found: Found | None) -> Iterator[Question]:
    """Several rows of numbers about one arm: read again, or added up."""
    seen = found.readings if found else None
    if seen is None or mapping.readings or seen.since_start:
        return
    fall = f" (on line {seen.fall} a count is below an earlier one)" if seen.fall else ""
    yield Question(
        "READINGS",
        "readings",
        f"{grouped(seen.rows)} rows give numbers of the same variants at several times or in "
        f"several parts{fall}. What is a row?",
        (
            Choice(RUNNING, "A running total: the last row of each variant counts"),
            Choice(PARTS, "A part, such as one day: the rows are added up"),
        ),
        seen.likelier,
    )


def contradictions(mapping: Mapping, found: Found | None) -> Iterator[Question]:
    """Two columns say who got what, and not always the same."""
    variant = mapping.first(Role.VARIANT)
    if variant is None or found is None:
        return
    names_of = {column.position: column.name for column in mapping.columns}
    for position, pairs in found.contradicted.items():
        name = names_of[position]
        if name in mapping.contradictions:
            continue
        count = sum(pairs.values())
        told = "; ".join(
            f"“{shorten(arm, 40)}” with “{shorten(value, 40)}”: {grouped(rows)}"
            for (arm, value), rows in sorted(pairs.items(), key=lambda one: -one[1])[:4]
        )
        yield Question(
            "COLUMNS_CONTRADICT",
            f"contradictions[{position}]",
            f"“{name}” says another variant than “{variant.name}” in {grouped(count)} "
            f"row{'' if count == 1 else 's'} ({told}). Which rows count?",
            (
                Choice("exclude", "Only those in which both agree"),
                Choice("keep", f"All: “{shorten(variant.name, 40)}” is right"),
            ),
            "exclude",
        )
