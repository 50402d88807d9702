"""What somebody says about a file by the names of its columns, and the mapping it makes."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as Table
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any
from zoneinfo import available_timezones

from experiments_core.domain.arms import SHARES_HINT, shares_fault
from experiments_core.domain.experiment import WHOLE_BP
from experiments_core.domain.source import (
    FILE_REPEATS,
    MEASURED,
    ROLES_OF,
    ColumnMapping,
    Mapping,
    Role,
    Shape,
)
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.tabular import numbers
from experiments_core.tabular.answers import SINGLE
from experiments_core.tabular.detection import Detection
from experiments_core.tabular.text import fold, listed

CROSSOVERS = ("exclude", "first_seen", "refuse")
LISTS = frozenset({
    "outcomes", "values", "segments", "covariates", "conversions", "rates",
    "conversion_events", "experiments",
})  # fmt: skip
COUNTED = MEASURED | {Role.VISITORS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Columns by name; what is None or empty stays as it was proposed.

    Attributes:
        shape: What the rows are, where the columns do not tell: ``unit``, ``events``,
            ``totals``, ``moments`` or ``counts``.
        variant: Column of arms.
        unit: Column that identifies a unit; ``""`` makes each row one.
        time: Column with the moment a unit was first seen; ``""`` for none.
        outcomes: Columns of 0/1 or yes/no.
        values: Columns with a number per unit.
        segments: Attributes to cut by.
        covariates: Numbers known before the test.
        conversions: Totals per variant: converted units.
        rates: Totals per variant: share of the units that converted, where no column counts
            them.
        visitors: Totals per variant: all units.
        event: Event logs: column that says what happened.
        conversion_events: Event logs: events that count, each an outcome of its own.
        exposure_event: Event logs: the event that is an exposure, or ``any``.
        window: Event logs: hours after the first exposure, or ``all``.
        experiment_column: Column that tells several experiments apart.
        experiment: Which of them is read, ``*`` for each on its own, ``-`` for all as one.
        experiments: With ``*``: only these of them.
        zone: IANA time zone of times that do not say theirs.
        control: The arm to compare with.
        merge_variants: Spelling in the file -> the variant that it is.
        split: Intended shares by arm: percent, fractions, basis points or a ratio.
        finished: Whether the test is over.
        blank: What an empty outcome means: ``exclude`` or ``zero``.
        repeats: Several rows of one unit: ``refuse``, ``first``, ``last``, ``max``, ``sum`` or
            ``mean``.
        repeats_of: Column -> its own rule: ``sum``, ``mean``, ``max``, ``min``, ``first``,
            ``last`` or ``count``.
        crossovers: Units in two arms: ``exclude``, ``first_seen`` or ``refuse``.
        answers: Code of a question -> the answer.
        accept_defaults: Take the likeliest answer where there is one.
    """

    shape: str = ""
    variant: str = ""
    unit: str | None = None
    time: str | None = None
    outcomes: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    segments: tuple[str, ...] | None = None
    covariates: tuple[str, ...] | None = None
    conversions: tuple[str, ...] = ()
    rates: tuple[str, ...] = ()
    visitors: str = ""
    event: str = ""
    conversion_events: tuple[str, ...] = ()
    exposure_event: str = ""
    window: str = ""
    zone: str = ""
    experiment: str = ""
    experiments: tuple[str, ...] = ()
    experiment_column: str = ""
    control: str = ""
    merge_variants: dict[str, str] = field(default_factory=dict)
    split: dict[str, float] = field(default_factory=dict)
    finished: bool | None = None
    blank: str = ""
    repeats: str = ""
    repeats_of: dict[str, str] = field(default_factory=dict)
    crossovers: str = ""
    answers: dict[str, str] = field(default_factory=dict)
    accept_defaults: bool = False

    @property
    def measures(self) -> tuple[tuple[str, Role], ...]:
        """Measures that were named, with their roles."""
        named = (
            (self.outcomes, Role.OUTCOME),
            (self.values, Role.VALUE),
            (self.conversions, Role.CONVERSIONS),
            (self.rates, Role.RATE),
            ((self.visitors,) if self.visitors else (), Role.VISITORS),
        )
        return tuple((name, role) for names, role in named for name in names)


def choices_to_document(choices: Choices) -> dict[str, Any]:
    """Write choices as plain JSON values."""
    return asdict(choices)


def choices_from_document(document: Table[str, Any]) -> Choices:
    """Read what :func:`choices_to_document` wrote.

    Raises:
        InvalidInputError: a field is unknown or of the wrong type.
    """
    known = {one.name: one for one in fields(Choices)}
    given: dict[str, Any] = {}
    for name, value in document.items():
        if name not in known:
            raise _refuse(name, value, "UNKNOWN_FIELD", f"“{name}” is no field of a mapping")
        given[name] = _typed(name, value)
    return Choices(**given)


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
        columns = [_without(column, {role}) for column in columns] if _single(role) else columns
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
    if choices.blank:
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
        window=_window(choices.window) or proposal.window,
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


def _single(role: Role) -> bool:
    return role in SINGLE


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
        raise _refuse(name, name, "NOT_UNIQUE", f"the file has {len(found)} columns “{name}”")
    known = listed([column.name for column in columns], 12)
    raise _refuse(name, name, "NOT_FOUND", f"the file has no column “{name}”; it has {known}")


def _blank(column: ColumnMapping, meaning: str) -> ColumnMapping:
    if column.role in {Role.OUTCOME, Role.VALUE} and not column.blank:
        return replace(column, blank=meaning)
    return column


def basis_points(split: Table[str, float]) -> dict[str, int]:
    """Shares as basis points that sum to the whole, by largest remainder.

    Raises:
        InvalidInputError: a share is not above 0.
    """
    if not split:
        return {}
    wrong = [arm for arm, share in split.items() if not 0 < share < float("inf")]
    if wrong:
        message = f"the share of “{wrong[0]}” is {split[wrong[0]]:g}; shares are above 0"
        raise _refuse("split", dict(split), "RANGE", message)
    fault = shares_fault(list(split.values()))
    if fault:
        raise _refuse("split", dict(split), "SPLIT_SUM", f"{fault} {SHARES_HINT}".rstrip("."))
    total = sum(split.values())
    exact = {arm: share * WHOLE_BP / total for arm, share in split.items()}
    floors = {arm: int(share) for arm, share in exact.items()}
    by_rest = sorted(exact, key=lambda arm: floors[arm] - exact[arm])
    for arm in by_rest[: WHOLE_BP - sum(floors.values())]:
        floors[arm] += 1
    return floors


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value and value not in allowed:
        raise _refuse(
            name,
            value,
            "UNKNOWN_CHOICE",
            f"{name} is one of {', '.join(allowed)}, not “{value}”",
        )
    return value


def _window(text: str) -> str:
    """Hours after the first exposure, or ``all``."""
    if text in {"", "all"}:
        return text
    hours = numbers.read(text)
    if hours is None or hours <= 0:
        raise _refuse(
            "window", text, "RANGE", "the window is a number of hours above 0, or all"
        )
    return text


def _zone(name: str) -> str:
    if name and name not in available_timezones():
        message = f"“{name}” is no time zone; write it like Europe/Berlin or UTC"
        raise _refuse("zone", name, "UNKNOWN_CHOICE", message)
    return name


def _typed(name: str, value: object) -> Any:
    if name in LISTS:
        if value is None and name in {"segments", "covariates"}:
            return None
        if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
            return tuple(value)
        raise _refuse(name, value, "TYPE", f"{name} is a list of column names")
    if name in {"split", "answers", "repeats_of", "merge_variants"}:
        if isinstance(value, dict) and all(_fits(name, one) for one in value.values()):
            return value
        raise _refuse(name, value, "TYPE", f"{name} is an object")
    if name in {"finished", "accept_defaults"}:
        if isinstance(value, bool) or (value is None and name == "finished"):
            return value
        raise _refuse(name, value, "TYPE", f"{name} is true or false")
    if name == "shape" and value not in {"", *Shape}:
        choices = ", ".join(Shape)
        raise _refuse(name, value, "UNKNOWN_CHOICE", f"there is no shape “{value}”; {choices}")
    if isinstance(value, str) or (value is None and name in {"unit", "time"}):
        return value
    raise _refuse(name, value, "TYPE", f"{name} is text")


def _fits(name: str, value: object) -> bool:
    if name != "split":
        return isinstance(value, str)
    return isinstance(value, int | float) and not isinstance(value, bool)


def _refuse(field_name: str, value: object, rule: str, message: str) -> InvalidInputError:
    return InvalidInputError(
        f"{message[:1].upper()}{message[1:]}.",
        details=(Problem(field_name, value, rule, message),),
    )
