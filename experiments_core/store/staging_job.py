"""What is to be loaded into a staging table, and from where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import duckdb

from experiments_core.domain.source import ColumnMapping, Mapping, Role, Shape
from experiments_core.query.literals import quoted
from experiments_core.query.pseudonym import pseudonym_sql
from experiments_core.store import conversion, conversion_text
from experiments_core.store.lines import Jumps
from experiments_core.store.reading import Relation
from experiments_core.store.staged import StagedColumn
from experiments_core.store.watch import SILENT, Watch


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be loaded.

    Attributes:
        import_id: Written into every row.
        mapping: Columns in their roles.
        names: Header cells, by position.
        typed: The rows, read with types.
        text: The same rows, all columns as text.
        known_arms: Folded spelling -> variant of the experiment; None when it has none yet.
        lines: Takes lines that hold nothing but blanks; gives the records from which line minus
            record number changes, and that number.
        records: Rows that the census counted, None when nobody did.
        joined_digits: Somewhere in the file an underscore stands between digits: the reader
            takes ``1_000`` for 1000, and nobody else does.
        refuse_broken: Raises when the reader could not split a row into its fields; gives the
            lines that hold nothing but blanks.
        runs: When the experiment ran, where it knows.
        unit_key: Key under which unit ids are hashed; None keeps them as they are.
        crossed_only: Units seen in two arms are staged once more, into a table of their own.
    """

    import_id: str
    mapping: Mapping
    names: tuple[str, ...]
    typed: Relation
    text: Relation
    lines: Callable[[tuple[int, ...]], Jumps]
    known_arms: dict[str, str] | None = None
    records: int | None = None
    joined_digits: bool = False
    refuse_broken: Callable[[duckdb.DuckDBPyConnection], tuple[int, ...]] | None = None
    watch: Watch = SILENT
    runs: tuple[tuple[datetime, datetime | None], ...] = ()
    unit_key: bytes | None = None
    crossed_only: bool = False

    @property
    def table(self) -> str:
        """Name of the staging table."""
        name = crossed_staging if self.crossed_only else staging_table
        return name(self.import_id)

    @property
    def rejects(self) -> str:
        """Name of the table of rows left out."""
        return f"{self.table}_rejects"

    @property
    def columns(self) -> tuple[StagedColumn, ...]:
        """Columns that get values of their own, in file order."""
        kept = [c for c in self.mapping.columns if c.role in conversion.TYPES]
        if self.mapping.shape is Shape.EVENTS:
            kept = [*self._outcomes(), *(c for c in kept if c.role is not Role.OUTCOME)]
        return tuple(
            StagedColumn(column.name, column.role, f"c{number}", column.position)
            for number, column in enumerate(kept)
        )

    @property
    def listed(self) -> tuple[StagedColumn, ...]:
        """Those of which every row of a unit is kept, in a list beside their sum."""
        return tuple(
            column
            for column in self.columns
            if column.role is Role.VALUE
            and self.mapping.columns[column.position].repeats == "rows"
        )

    def _outcomes(self) -> list[ColumnMapping]:
        """Of an event log: one outcome for each event that counts."""
        events = self.mapping.named(Role.EVENT)
        return [
            replace(events[0], name=name, role=Role.OUTCOME)
            for name in self.mapping.conversion_events
        ]

    @property
    def elsewhere(self) -> str:
        """Condition of rows (of ``raw``) that belong to another experiment; FALSE for none."""
        column = self.mapping.one_experiment
        if column is None:
            return "FALSE"
        cell = conversion_text.trimmed(f"coalesce(f{column.position}, '')")
        return f"lower({cell}) <> {quoted(self.mapping.experiment.strip().lower())}"

    def kept(self, unit: str) -> str:
        """Expression of the text under which a unit id is kept."""
        return unit if self.unit_key is None else pseudonym_sql(self.unit_key, unit)

    def value(self, column: ColumnMapping, source: Relation) -> str:
        """Expression of a column's converted value."""
        place = column.position
        field, arrives = source.fields[place], source.types[place]
        return conversion.convert(column, self.mapping.dialect, field, arrives)


def staging_table(import_id: str) -> str:
    """Name of the staging table of an import."""
    return f"staging_{import_id.replace('-', '')}"


def crossed_staging(import_id: str) -> str:
    """Name of the staging table of its units in two arms, where they were first seen."""
    return f"{staging_table(import_id)}_crossed"
