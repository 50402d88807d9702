"""Where rows come from: dialect, mapping of columns to roles, and the key of a cell."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class Shape(StrEnum):
    """Shape of a file."""

    UNIT = "unit"  # one row per unit, or several that become one
    EVENTS = "events"  # one row per event: exposures, and what happened after them
    TOTALS = "totals"  # one row per variant (and day): visitors, conversions
    MOMENTS = "moments"  # one row per variant (and metric, and time): count, mean, variance
    COUNTS = "counts"  # one row per variant: conversions, and nobody knows of how many


class Role(StrEnum):
    """What a column is used as."""

    UNIT = "unit"
    VARIANT = "variant"
    TIME = "time"
    EVENT = "event"  # says what happened
    OUTCOME = "outcome"  # 0/1, true/false, yes/no
    VALUE = "value"  # a number per unit
    SEGMENT = "segment"
    COVARIATE = "covariate"
    VISITORS = "visitors"
    CONVERSIONS = "conversions"
    RATE = "rate"  # share of the visitors that converted
    METRIC = "metric"  # says which metric the moments of a row are of
    COUNT = "count"
    MEAN = "mean"
    VARIANCE = "variance"
    DEVIATION = "deviation"  # standard deviation
    EXPERIMENT = "experiment"  # says which of several experiments a row belongs to
    IGNORE = "ignore"


FILE_REPEATS = ("refuse", "first", "last", "max", "sum", "mean")
"""What may count of several rows of a unit, for all columns of a file."""

REPEATS_OF: dict[Role, tuple[str, ...]] = {
    Role.OUTCOME: ("max", "min", "first", "last"),
    Role.VALUE: ("sum", "mean", "max", "min", "first", "last", "count", "rows"),
    Role.COVARIATE: ("first", "last", "sum", "mean", "max", "min", "count"),
    Role.SEGMENT: ("first", "last"),
}
"""What may count of several rows of a unit, for one column, by its role."""

_EVERYWHERE = (Role.VARIANT, Role.EXPERIMENT, Role.IGNORE)
_OF_ROWS = (Role.UNIT, Role.VALUE, Role.SEGMENT, Role.COVARIATE, Role.TIME)
ROLES_OF: dict[Shape, frozenset[Role]] = {
    Shape.UNIT: frozenset({*_EVERYWHERE, *_OF_ROWS, Role.OUTCOME}),
    Shape.EVENTS: frozenset({*_EVERYWHERE, *_OF_ROWS, Role.EVENT}),
    Shape.TOTALS: frozenset({
        *_EVERYWHERE, Role.TIME, Role.VISITORS, Role.CONVERSIONS, Role.RATE,
    }),
    Shape.COUNTS: frozenset({*_EVERYWHERE, Role.CONVERSIONS}),
    Shape.MOMENTS: frozenset({
        *_EVERYWHERE, Role.METRIC, Role.TIME, Role.COUNT, Role.MEAN, Role.VARIANCE,
        Role.DEVIATION,
    }),
}  # fmt: skip
"""What columns can be used as, by the shape of the file."""

MEASURED = frozenset({Role.OUTCOME, Role.VALUE, Role.CONVERSIONS, Role.RATE})
"""Roles of columns that hold what is measured."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How bytes become fields. Told to the reader, never guessed by it.

    Attributes:
        encoding: ``utf-8``, ``utf-16`` or ``windows-1252``.
        delimiter: One of ``, ; tab |``.
        quote: The quote character.
        header_line: Physical line of the header, counted from 1; 0 when there is none.
        decimal: ``.`` or ``,``.
        thousands: ``""``, ``,``, ``.``, ``'`` or a space.
        sheet: Sheet of a workbook; empty while nobody has chosen.
        combine: How several files (or sheets) become one table: ``arms`` (each is one arm),
            ``append`` (one after another), ``join`` (on the unit), ``events`` (exposures and
            what happened); empty while nobody has chosen.
        reshape: How a wide or long table becomes rows: ``arms`` (columns of each arm),
            ``samples`` (one column of values per arm), ``turn`` (a row per measure, a column
            per arm), ``metrics`` (a row per unit and metric), ``as_is``; empty while nobody
            has chosen.
        shape: Shape of the rows that a person chose; empty to judge by the columns.
    """

    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    header_line: int = 1
    decimal: str = "."
    thousands: str = ""
    sheet: str = ""
    combine: str = ""
    reshape: str = ""
    shape: str = ""


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """One column of the file and what it is used as.

    Attributes:
        name: Header text as it stands in the file (trimmed).
        position: Place in the file, counted from 0.
        role: What it is used as.
        blank: What an empty cell means for OUTCOME and VALUE: ``exclude`` (unknown: not counted
            in this metric), ``zero`` (did not happen), or ``""`` while nobody has answered.
        time_format: For TIME: a strptime format, ``iso``, ``epoch_s``, ``epoch_ms``, or the
            days of a spreadsheet, ``excel`` or ``excel_1904``.
        decimal: For numbers: this column's decimal mark; the dialect's when empty.
        thousands: For numbers: this column's thousands mark; the dialect's when empty.
        zone: For TIME: IANA time zone of times that do not say theirs; UTC when empty.
        rate: For RATE: ``percent`` or ``fraction``, empty while nobody has said. For VALUE and
            COVARIATE: ``percent`` where cells carry the sign; ``12.5 %`` is kept as 0.125.
        repeats: Several rows of one unit: what this column's value is then: ``sum``, ``mean``,
            ``max``, ``min``, ``first``, ``last`` (in the file; of an event log in time),
            ``count`` (filled rows) or ``rows`` (all of them for a quantile, their sum for
            everything else); the file's rule when empty.
        converted: For OUTCOME: ``""`` reads the usual words (1/0, yes/no, true/false …),
            ``positive`` also takes a whole number above 0 as converted, ``filled`` whatever is
            not blank (``converted_at``).
        reason: Why this role was proposed, one clause for the page.
    """

    name: str
    position: int
    role: Role
    blank: str = ""
    time_format: str = ""
    decimal: str = ""
    thousands: str = ""
    converted: str = ""
    zone: str = ""
    rate: str = ""
    repeats: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Mapping:
    """Everything that has to be known to read a file; proposed, then confirmed by a person.

    Attributes:
        shape: Shape of the rows.
        dialect: How bytes become fields.
        columns: One entry per column of the file.
        control: The variant (as it stands in the data) that is control.
        merge_variants: Spelling in the file -> variant it belongs to
            (``{"CONTROL ": "control"}``).
        crossovers: Units in two variants: ``exclude``, ``first_seen`` or ``refuse``.
        repeats: Several rows of one unit in one variant: ``refuse``, ``first`` or ``last``
            (keep that row of the file), ``max`` (highest value of each outcome), ``sum`` or
            ``mean`` (converted at least once, numbers added up or averaged) or ``rows`` (every
            row is kept; only the notebook reads so). A column may have a rule of its own.
        conversion_events: Event logs: events that count, each an outcome of its own.
        exposure_event: Event logs: the event that is an exposure; ``any`` takes a unit's first
            row with a variant; empty while nobody has said.
        window: Event logs: hours after the first exposure within which an event counts;
            ``all`` for no end, empty while nobody has said.
        readings: Several rows of one arm (and metric): ``running`` (the same units read again:
            the last row is the total), ``parts`` (each row is about other units: they are added
            up), empty while nobody has said.
        experiment: Where a column names several experiments: the one whose rows are read, ``*``
            for each on its own, ``-`` to take them as one, empty while nobody has said.
        experiments: With ``*``: only these of them; all when empty.
        finished: The test is over (a fixed-horizon verdict may be given).
        split: Intended weights in basis points by variant; equal when empty.
        contradictions: Name of a segment that should say the same as the variant -> what rows
            count in which it does not: ``exclude`` (none of them) or ``keep`` (all; the variant
            column is right).
    """

    shape: Shape
    dialect: Dialect
    columns: tuple[ColumnMapping, ...]
    control: str = ""
    merge_variants: dict[str, str] = field(default_factory=dict)
    crossovers: str = "exclude"
    repeats: str = "refuse"
    conversion_events: tuple[str, ...] = ()
    exposure_event: str = ""
    window: str = ""
    readings: str = ""
    experiment: str = ""
    experiments: tuple[str, ...] = ()
    finished: bool | None = None
    split: dict[str, int] = field(default_factory=dict)
    contradictions: dict[str, str] = field(default_factory=dict)

    @property
    def kept_as(self) -> Shape:
        """How the facts are kept: unit rows, or a few rows of numbers per variant."""
        return Shape.UNIT if self.shape in {Shape.UNIT, Shape.EVENTS} else Shape.TOTALS

    @property
    def combines(self) -> bool:
        """Rows of one unit are made one, instead of keeping one of them."""
        own = any(column.repeats for column in self.measures)
        return self.repeats in {"sum", "mean", "max"} or (own and self.repeats != "rows")

    @property
    def tells_repeats(self) -> bool:
        """Whether somebody said what counts of several rows of one unit."""
        return self.repeats != "refuse" or all(column.repeats for column in self.measures)

    @property
    def measures(self) -> tuple[ColumnMapping, ...]:
        """Columns of unit rows that are measured."""
        return (*self.named(Role.OUTCOME), *self.named(Role.VALUE))

    @property
    def keeps_rows(self) -> bool:
        """Whether every row counts, so that equal rows are events that were equal."""
        return self.repeats == "rows" or any(c.repeats == "rows" for c in self.measures)

    @property
    def derived(self) -> tuple[ColumnMapping, ...]:
        """Rates that stand for the counts of conversions, when the file has none of those."""
        return () if self.named(Role.CONVERSIONS) else self.named(Role.RATE)

    @property
    def one_experiment(self) -> ColumnMapping | None:
        """The column that tells experiments apart, when rows of one of them are read."""
        if self.experiment in {"", "-", "*"}:
            return None
        return self.first(Role.EXPERIMENT)

    def named(self, role: Role) -> tuple[ColumnMapping, ...]:
        """Columns of one role, in file order."""
        return tuple(column for column in self.columns if column.role is role)

    def first(self, role: Role) -> ColumnMapping | None:
        """The column of a role, the first in file order where several have it."""
        return next((column for column in self.columns if column.role is role), None)


OTHER_SEGMENT = "(other)"
"""All values of an attribute beyond the largest."""
UNKNOWN_PHASE, UNKNOWN_RUN = 0, -1
"""Phase of units without a time, when the split changed, or when all arms were dealt anew."""


@dataclass(frozen=True, slots=True)
class CellKey:
    """Which units a cell holds. A unit is in exactly one cell of a query.

    Attributes:
        arm: Variant key.
        phase: Sequence number of the phase of first assignment, 0 when there is only one;
            ``UNKNOWN_PHASE`` among several, ``UNKNOWN_RUN`` after a new random assignment.
        segment: Value of the segment column, None when cells are not cut by a segment.
        day: Day of first exposure, None when cells are not cut by day.
    """

    arm: str
    phase: int = 0
    segment: str | None = None
    day: date | None = None
