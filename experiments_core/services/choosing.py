"""Change a proposed mapping by what somebody says about the file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from zoneinfo import available_timezones

from experiments_core.domain.source import (
    FILE_REPEATS,
    MEASURED,
    ROLES_OF,
    ColumnMapping,
    Mapping,
    Role,
    Shape,
)
from experiments_core.domain.typed_shares import basis_points
from experiments_core.services.import_choices import Choices, refusal
from experiments_core.tabular.answers import SINGLE
from experiments_core.tabular.detection import Detection
from experiments_core.tabular.text import fold, listed

CROSSOVERS = ("exclude", "first_seen", "refuse")
BLANKS = ("exclude", "zero")
COUNTED = MEASURED | {Role.VISITORS}


def choose(seen: Detection, choices: Choices) -> Mapping:
    """Change a proposed mapping by what was said.

    Raises:
        InvalidInputError: the file has no such column, or a choice is unknown.
    """
    proposal = seen.proposal
    shape = _shape(choices) or proposal.shape
    columns = list(_suited(proposal.columns, shape))
    if choices.measures:
        columns = [_without(column, COUNTED) for column in columns]
    for name, role in _named(choices):
        columns = (
            [_without(column, {role}) for column in columns] if role in SINGLE else columns
        )
        if name:
            place = _place(columns, name)
            columns[place] = replace(columns[place], role=role, reason="chosen")
    if _zone(choices.zone):
        columns = [
            replace(column, zone=choices.zone) if column.role is Role.TIME else column
            for column in columns
        ]
    if choices.unit == "":
        columns = [_no_unit(column) for column in columns]
    for name, rule in choices.repeats_of.items():
        place = _place(columns, name)
        columns[place] = replace(columns[place], repeats=rule)
    if _one_of("blank", choices.blank, BLANKS):
        columns = [_blank(column, choices.blank) for column in columns]
    return replace(
        proposal,
        shape=shape,
        columns=tuple(columns),
        control=choices.control or proposal.control,
        merge_variants=choices.merge_variants or proposal.merge_variants,
        split=basis_points(choices.split) or proposal.split,
        finished=proposal.finished if choices.finished is None else choices.finished,
        repeats=_one_of("repeats", choices.repeats, FILE_REPEATS) or proposal.repeats,
        crossovers=_one_of("crossovers", choices.crossovers, CROSSOVERS) or proposal.crossovers,
        conversion_events=choices.conversion_events or proposal.conversion_events,
        exposure_event=choices.exposure_event or proposal.exposure_event,
        window=choices.window or proposal.window,
        experiment=choices.experiment or ("*" if choices.experiments else proposal.experiment),
        experiments=choices.experiments,
    )


def _shape(choices: Choices) -> Shape | None:
    roles = {role for _, role in choices.measures}
    if choices.event or choices.conversion_events:
        return Shape.EVENTS
    if roles & {Role.VISITORS, Role.CONVERSIONS, Role.RATE}:
        return Shape.TOTALS
    return Shape.UNIT if roles else None


def _suited(columns: Iterable[ColumnMapping], shape: Shape) -> Iterable[ColumnMapping]:
    allowed = ROLES_OF[shape]
    for column in columns:
        yield column if column.role in allowed else replace(column, role=Role.IGNORE)


def _named(choices: Choices) -> Iterable[tuple[str, Role]]:
    """Column and role of everything that was said; an empty name takes the role away."""
    if choices.variant:
        yield choices.variant, Role.VARIANT
    if choices.event:
        yield choices.event, Role.EVENT
    if choices.experiment_column:
        yield choices.experiment_column, Role.EXPERIMENT
    for single, role in ((choices.unit, Role.UNIT), (choices.time, Role.TIME)):
        if single is not None:
            yield single, role
    for several, role in (
        (choices.segments, Role.SEGMENT),
        (choices.covariates, Role.COVARIATE),
    ):
        for name in several or ():
            yield name, role
    yield from choices.measures


def _without(column: ColumnMapping, roles: Iterable[Role]) -> ColumnMapping:
    return replace(column, role=Role.IGNORE) if column.role in set(roles) else column


def _no_unit(column: ColumnMapping) -> ColumnMapping:
    """Each row is one unit, so no column is asked about."""
    free = column.role in {Role.IGNORE, Role.SEGMENT}
    return replace(column, reason="chosen") if free else column


def _place(columns: list[ColumnMapping], name: str) -> int:
    exact = [i for i, column in enumerate(columns) if column.name == name]
    loose = [i for i, column in enumerate(columns) if fold(column.name) == fold(name)]
    found = exact or loose
    if len(found) == 1:
        return found[0]
    if found:
        raise refusal(name, name, "NOT_UNIQUE", f"the file has {len(found)} columns “{name}”")
    known = listed([column.name for column in columns], 12)
    raise refusal(name, name, "NOT_FOUND", f"the file has no column “{name}”; it has {known}")


def _blank(column: ColumnMapping, meaning: str) -> ColumnMapping:
    if column.role in {Role.OUTCOME, Role.VALUE} and not column.blank:
        return replace(column, blank=meaning)
    return column


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value and value not in allowed:
        raise refusal(
            name,
            value,
            "UNKNOWN_CHOICE",
            f"{name} is one of {', '.join(allowed)}, not “{value}”",
        )
    return value


def _zone(name: str) -> str:
    if name and name not in available_timezones():
        message = f"“{name}” is no time zone; write it like Europe/Berlin or UTC"
        raise refusal("zone", name, "UNKNOWN_CHOICE", message)
    return name
