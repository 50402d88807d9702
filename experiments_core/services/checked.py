"""What reading a file under a mapping gives, and what a mapping may not say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from experiments_core.domain.source import MEASURED, REPEATS_OF, Mapping, Role, Shape
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.services.import_report import ImportReport, RuleCount
from experiments_core.tabular import numbers
from experiments_core.tabular.answers import SINGLE
from experiments_core.tabular.detection import UNKNOWN_HEADER
from experiments_core.tabular.found import Found
from experiments_core.tabular.text import fold, listed


@dataclass(frozen=True, slots=True)
class Checked:
    """Rows in staging, and the report about them.

    Attributes:
        table: The staging table.
        rejects: The table of rows left out, empty when there is none.
        columns: ``{"name", "role", "column"}`` of each mapped column; ``repeats`` is ``rows``
            where every row of a unit is kept.
        content_hash: Of the rows, whatever their order.
        found: What questions need to know.
        has_crossed: Units in two arms are staged where they were first seen, too.
    """

    report: ImportReport
    table: str
    rejects: str
    columns: tuple[dict[str, str], ...]
    content_hash: str
    found: Found
    has_crossed: bool = False


def can_be_read(mapping: Mapping) -> bool:
    """Whether enough is known to read rows at all."""
    if mapping.dialect.header_line == UNKNOWN_HEADER or not mapping.named(Role.VARIANT):
        return False
    if mapping.named(Role.EXPERIMENT) and not mapping.experiment:
        return False  # rows of several experiments together say nothing
    if mapping.shape is Shape.TOTALS and not mapping.named(Role.VISITORS):
        return False
    if mapping.shape is Shape.EVENTS:
        needed = mapping.named(Role.UNIT) and mapping.named(Role.EVENT)
        return bool(needed and mapping.conversion_events and mapping.exposure_event)
    if mapping.shape is Shape.MOMENTS:
        spread = mapping.named(Role.VARIANCE) or mapping.named(Role.DEVIATION)
        return bool(mapping.named(Role.COUNT) and mapping.named(Role.MEAN) and spread)
    return any(column.role in MEASURED for column in mapping.columns)


def check_mapping(mapping: Mapping, names: Sequence[str]) -> None:
    """Refuse a mapping that contradicts the file or itself.

    Raises:
        InvalidInputError: names the column and the rule.
    """
    given = tuple(column.name for column in mapping.columns)
    if given != tuple(names):
        raise InvalidInputError(
            f"The file's columns are {listed(list(names), 10)}; the mapping speaks of "
            f"{listed(list(given), 10)}.",
            code="COLUMNS_DIFFER",
            hint="Look at the file again with the delimiter and header line that you chose.",
        )
    for role in SINGLE:
        if len(mapping.named(role)) > 1:
            pair = listed([column.name for column in mapping.named(role)])
            raise InvalidInputError(
                f"Only one column can be the {role.value}; {pair} are.",
                details=(Problem(role.value, pair, "TOO_MANY", "one column only"),),
            )
    used = [column.name for column in mapping.columns if column.role is not Role.IGNORE]
    doubled = next((name for name in used if used.count(name) > 1), None)
    if doubled is not None:
        raise InvalidInputError(
            f"Two columns called “{doubled}” are used; only one of them can be.",
            code="DUPLICATE_COLUMN",
            details=(Problem(doubled, doubled, "NOT_UNIQUE", "one column of a name"),),
        )
    _check_repeats(mapping)
    hours = numbers.read(mapping.window) if mapping.window not in {"", "all"} else 1.0
    if hours is None or hours <= 0:
        message = "the window is a number of hours above 0, or all"
        raise InvalidInputError(
            f"{message.capitalize()}, not “{mapping.window}”.",
            details=(Problem("window", mapping.window, "RANGE", message),),
        )
    if mapping.crossovers == "first_seen" and not mapping.named(Role.TIME):
        raise InvalidInputError(
            "Counting units where they were first seen needs a column with times.",
            details=(Problem("crossovers", "first_seen", "REQUIRED", "a time column"),),
        )


def _check_repeats(mapping: Mapping) -> None:
    """What counts of several rows of a unit has to fit the column."""
    for column in mapping.columns:
        allowed = REPEATS_OF.get(column.role, ())
        if column.repeats and allowed and column.repeats not in allowed:
            is_outcome = column.role is Role.OUTCOME
            raise InvalidInputError(
                f"“{column.name}” is used as {column.role.value}; of several rows of a unit "
                f"{listed(list(allowed), 10)} may count, not “{column.repeats}”.",
                hint="Use the column as a value to count or add up." if is_outcome else "",
                details=(Problem(column.name, column.repeats, "UNKNOWN_CHOICE", "repeats"),),
            )


def refuse_one_arm(arms: dict[str, int], mapping: Mapping, rules: Sequence[RuleCount]) -> None:
    """Refuse data of fewer than two variants, and a control that is not there.

    Where rows at fault may be the reason, they are what the person should hear about.
    """
    if any(rule.blocking for rule in rules):
        return
    variant = mapping.named(Role.VARIANT)[0]
    if len(arms) < 2:
        only = listed(list(arms)) or "none"
        few = (
            f"only one variant that can be used ({only})" if arms else "no row that can be used"
        )
        told = "".join(f" {rule.message.rstrip('.')}." for rule in rules)
        raise InvalidInputError(
            f"Column “{variant.name}” has {few}; at least two variants are needed.{told}",
            code="ONE_VARIANT",
            hint="Add the rows of the other variant, or correct those that were left out."
            if rules
            else "Add the rows of the other variant.",
            details=(Problem(variant.name, only, "ONE_VARIANT", "at least two variants"),),
        )
    if mapping.control and fold(mapping.control) not in {fold(arm) for arm in arms}:
        raise InvalidInputError(
            f"“{mapping.control}” is no value of column “{variant.name}”; it has "
            f"{listed(list(arms))}.",
            code="CONTROL_UNKNOWN",
            hint="Name one of them as control.",
            details=(
                Problem("control", mapping.control, "UNKNOWN_CHOICE", listed(list(arms))),
            ),
        )


def control_of(mapping: Mapping, arms: dict[str, int]) -> str:
    """The control as its arm is spelled in the data."""
    return next((arm for arm in arms if fold(arm) == fold(mapping.control)), "")
