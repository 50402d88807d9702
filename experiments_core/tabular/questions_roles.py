"""Which column is it? Questions whose answer gives a column its role."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from experiments_core.domain.source import MEASURED, Mapping, Role, Shape
from experiments_core.domain.text import grouped
from experiments_core.tabular import candidates, names
from experiments_core.tabular.answers import Choice, Question
from experiments_core.tabular.columns import COUNTED, ColumnSeen, Kind
from experiments_core.tabular.detection import Detection
from experiments_core.tabular.found import Found
from experiments_core.tabular.spellings import spellings
from experiments_core.tabular.text import shorten


def doubled(mapping: Mapping) -> Iterator[Question]:
    """Columns of one name, of which one may be the outcome."""
    counted = Counter(column.name for column in mapping.columns)
    for name, count in counted.items():
        if count > 1:
            yield from _which_outcome(mapping, name)


def _which_outcome(mapping: Mapping, name: str) -> Iterator[Question]:
    same = [column for column in mapping.columns if column.name == name]
    used = [column for column in same if column.role is not Role.IGNORE]
    outcomes = [c for c in mapping.columns if c.role in {Role.OUTCOME, Role.CONVERSIONS}]
    if len(used) == 1 or (not used and (outcomes or not names.is_outcome(name))):
        return
    places = " and ".join(str(column.position + 1) for column in same)
    line = max(1, mapping.dialect.header_line)
    role = Role.CONVERSIONS if mapping.shape is Shape.TOTALS else Role.OUTCOME
    yield Question(
        "DUPLICATE_COLUMN",
        f"role.{role}",
        f"Line {line} names two columns “{name}” (columns {places}). Which one is the outcome?",
        tuple(Choice(str(c.position), f"Column {c.position + 1}") for c in same),
    )


def variant(seen: Detection, mapping: Mapping, found: Found | None) -> Iterator[Question]:
    """Which column is the variant, and then which arm is control."""
    columns = mapping.named(Role.VARIANT)
    if not columns:
        offered = [column for _, column in candidates.variant_candidates(seen.columns)]
        yield Question(
            "VARIANT_COLUMN",
            "role.variant",
            "Which column says the variant of each row?",
            column_choices(offered),
            candidates.likely_variant(seen.columns),
        )
    elif not mapping.control:
        arms = list(found.arms if found else spellings(seen.rows, columns[0].position))
        yield Question(
            "CONTROL",
            "control",
            f"Which value of “{columns[0].name}” is control?",
            tuple(Choice(arm, arm) for arm in arms),
            candidates.likely_control(arms),
        )


def unit(seen: Detection, mapping: Mapping) -> Iterator[Question]:
    """Two columns may say who was randomised."""
    proposed = mapping.first(Role.UNIT)
    remembered = any(notice.code == "SOURCE_REMEMBERED" for notice in seen.notices)
    if mapping.shape not in {Shape.UNIT, Shape.EVENTS} or remembered:
        return
    if proposed is None and mapping.shape is Shape.UNIT:
        yield from _repeated_unit(seen, mapping)
        return
    named = candidates.unit_candidates(seen.columns)
    if proposed is not None and (proposed.reason == "chosen" or len(named) < 2):
        return
    free = named or [c for c in seen.columns if c.distinct > 2]
    yield Question(
        "UNIT_COLUMN",
        f"role.{Role.UNIT}",
        "Which column identifies the unit that was randomised?",
        tuple(
            Choice(str(c.position), f"{c.name} ({grouped(c.distinct)} different)") for c in free
        ),
        str(proposed.position) if proposed is not None else "",
    )


def _repeated_unit(seen: Detection, mapping: Mapping) -> Iterator[Question]:
    """A name says: identifier; but few values stand in many rows."""
    for column in mapping.columns:
        shown = seen.columns[column.position]
        free = column.role in {Role.IGNORE, Role.SEGMENT} and column.reason != "chosen"
        if not free or not names.is_unit(column.name) or shown.distinct < 2:
            continue
        yield Question(
            "UNIT_COLUMN",
            f"columns[{column.position}].role",
            f"“{column.name}” sounds like an identifier and has {grouped(shown.distinct)} "
            f"different values in {grouped(shown.filled)} rows. Was each of them given a "
            "variant, or each row?",
            (
                Choice(
                    Role.UNIT.value,
                    f"Each “{shorten(column.name, 40)}”: its rows belong together",
                ),
                Choice(column.role.value, "Each row is one unit"),
            ),
        )


def moments(seen: Detection, mapping: Mapping) -> Iterator[Question]:
    """Count, mean and spread have to be there."""
    if mapping.shape is not Shape.MOMENTS:
        return
    spread = mapping.named(Role.VARIANCE) or mapping.named(Role.DEVIATION)
    missing = [role for role in (Role.COUNT, Role.MEAN) if not mapping.named(role)]
    missing += [] if spread else [Role.VARIANCE]
    numeric = [c for c in seen.columns if c.kind in COUNTED]
    for role in missing:
        yield Question(
            "MOMENT_COLUMN",
            f"role.{role}",
            f"Which column is the {role.value}?",
            column_choices(numeric),
        )


def visitors(seen: Detection, mapping: Mapping) -> Iterator[Question]:
    """No column, or several, may count the units of totals."""
    known = mapping.first(Role.VISITORS)
    counts = [c for c in seen.columns if c.kind in COUNTED]
    named = [column for column in counts if names.is_visitors(column.name)]
    if mapping.shape is not Shape.TOTALS or (
        known is not None and (known.reason == "chosen" or len(named) < 2)
    ):
        return
    yield Question(
        "VISITORS_COLUMN",
        f"role.{Role.VISITORS}",
        "Which column counts the units that were given a variant?",
        tuple(Choice(str(c.position), c.name) for c in (named if known else counts)),
        str(known.position) if known is not None else "",
    )


def measures(seen: Detection, mapping: Mapping) -> Iterator[Question]:
    """Something has to be measured."""
    if any(column.role in MEASURED for column in mapping.columns):
        return
    if mapping.shape in {Shape.TOTALS, Shape.COUNTS}:
        yield from _no_counts(seen)
        return
    if mapping.shape in {Shape.EVENTS, Shape.MOMENTS}:
        return
    taken = {c.position for c in mapping.columns if c.role in {Role.UNIT, Role.VARIANT}}
    usable = (Kind.YES_NO, Kind.WHOLE)
    offered = [c for c in seen.columns if c.kind in usable and c.position not in taken]
    yield Question(
        "OUTCOME_COLUMN",
        f"role.{Role.OUTCOME}",
        "Which column is the outcome? No column holds a yes or no, or a number, that sounds "
        "like one.",
        column_choices(offered),
    )


def _no_counts(seen: Detection) -> Iterator[Question]:
    numeric = [c for c in seen.columns if c.kind in {Kind.WHOLE, Kind.YES_NO}]
    free = [c for c in numeric if not names.is_visitors(c.name)]
    yield Question(
        "COUNTS_NEEDED",
        f"role.{Role.CONVERSIONS}",
        "Which column holds the number of converted units per variant?",
        tuple(Choice(str(c.position), c.name) for c in free),
    )


def column_choices(columns: Iterable[ColumnSeen]) -> tuple[Choice, ...]:
    """A choice for each column, which shows its most frequent values."""
    return tuple(Choice(str(c.position), f"{c.name} ({_few_values(c)})") for c in columns)


def _few_values(column: ColumnSeen) -> str:
    shown = ", ".join(shorten(value, 20) for value, _ in column.values[:3])
    return shown + (" …" if len(column.values) > 3 else "")
