"""What a reading of all rows has found; plain values, ready for a report."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from experiments_core.domain.source import Role


@dataclass(frozen=True, slots=True)
class StagedColumn:
    """A column of the file and where its values went.

    Attributes:
        name: Header text.
        role: What it is used as.
        column: ``c0``, ``c1`` …
        position: Place in the file, from 0.
    """

    name: str
    role: Role
    column: str
    position: int


@dataclass(frozen=True, slots=True)
class Broken:
    """Rows that one rule keeps out.

    Attributes:
        rule: Code of the rule.
        rows: How many.
        lines: Physical lines of the first ones.
        column: Column at fault in the first one.
        value: Cell at fault in the first ones.
    """

    rule: str
    rows: int
    lines: tuple[int, ...]
    column: str = ""
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """One row that shows a finding.

    Attributes:
        line: Physical line, 0 where the row stands for several.
        unit: Its unit, empty where nothing names one.
        value: The cell that matters.
    """

    line: int
    unit: str
    value: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about rows that are used, with the first rows that show it.

    Attributes:
        code: Stable code.
        rows: How many rows (or units) show it.
        column: Header of the column at fault, empty when it is none.
        facts: Further numbers for the sentence.
        examples: The first 100.
    """

    code: str
    rows: int
    column: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()


@dataclass(frozen=True, slots=True)
class Effect:
    """What the first measure would be under one choice.

    Attributes:
        about: ``crossovers``, or the name of a column that contradicts the variant.
        choice: ``exclude``, ``first_seen``, ``keep`` …
        column: Header of the measure.
        is_rate: It is yes or no.
        arms: Arm -> units, mean, variance (n - 1).
    """

    about: str
    choice: str
    column: str
    is_rate: bool
    arms: dict[str, tuple[int, float, float]]


@dataclass(frozen=True, slots=True)
class Extreme:
    """One value that carries much of a column's sum."""

    column: str
    value: float
    share: float


@dataclass(frozen=True, slots=True)
class Staged:
    """Rows in a staging table of the workspace, and everything known about them.

    Attributes:
        table: Name of the staging table.
        rejects: Name of the table with rows left out, empty when there are none.
        columns: Columns with values of their own.
        rows_read: Rows below the header that are not blank lines.
        rows_left_out: Rows that are not in the table.
        units: Rows of the table.
        arms: Units per arm.
        merged: Spelling in the file -> arm, where they differ.
        broken: Rows left out, by rule.
        blanks: Position of a column -> blank cells and the line of the first.
        repeated: Units with several rows in one arm, exact copies not counted.
        crossed: Units in several arms.
        crossed_units: Name of the table with these where they were first seen; empty when there
            are none, or no times.
        first_seen: Earliest and latest time.
        no_time: Rows without a time, where times are mapped.
        mixed_zones: Times with and without an offset stand in one column.
        currency: Columns from which a currency sign was taken.
        constant: Columns with one value only.
        leaks: Segments that the outcome decides.
        many_values: Segments with very many values.
        extremes: Values that carry more than a tenth of a sum.
        damaged_units: Identifiers that a spreadsheet has rounded (``1.2E+15``).
        findings: What else the used rows show, with examples.
        contradicted: Position of a segment that nearly always says the same as the variant ->
            rows in which it does not, by (arm, value).
        same_as_arm: Segments that always say the same as the variant.
        effects: The first measure under each choice that is still free.
        content_hash: Of the rows without regard to their order.
    """

    table: str
    rejects: str
    columns: tuple[StagedColumn, ...]
    rows_read: int
    rows_left_out: int
    units: int
    arms: dict[str, int]
    content_hash: str
    merged: dict[str, str] = field(default_factory=dict)
    broken: tuple[Broken, ...] = ()
    blanks: dict[int, tuple[int, int]] = field(default_factory=dict)
    repeated: int = 0
    crossed: int = 0
    crossed_units: str = ""
    first_seen: tuple[datetime, datetime] | None = None
    no_time: int = 0
    mixed_zones: bool = False
    currency: tuple[str, ...] = ()
    constant: tuple[str, ...] = ()
    leaks: tuple[str, ...] = ()
    many_values: tuple[str, ...] = ()
    extremes: tuple[Extreme, ...] = ()
    damaged_units: int = 0
    findings: tuple[Finding, ...] = ()
    contradicted: dict[int, dict[tuple[str, str], int]] = field(default_factory=dict)
    same_as_arm: tuple[str, ...] = ()
    effects: tuple[Effect, ...] = ()

    @property
    def rows_used(self) -> int:
        """Rows that count."""
        return self.rows_read - self.rows_left_out
