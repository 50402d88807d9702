"""Load rows into a staging table, in one pass when the file is clean.

The pass lets the reader check types and writes the rows as they will be kept. Only if anything
at all is wrong are the rows read again as text and sifted (``sifting.py``), which costs about
three times as much. Both use the same conversions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import duckdb

from experiments_core.domain.source import ColumnMapping, Mapping, Role, Shape
from experiments_core.domain.text import grouped
from experiments_core.errors import InvalidInputError, Problem
from experiments_core.query.literals import quoted
from experiments_core.query.pseudonym import pseudonym_sql
from experiments_core.query.units import ROWS
from experiments_core.store import conversion
from experiments_core.store.combining import one_row_of
from experiments_core.store.lines import Jumps, put_lines_right
from experiments_core.store.profile import Profile, all_different, take_profile
from experiments_core.store.reading import Relation, forget_rejects, has_rejects
from experiments_core.store.staged import StagedColumn
from experiments_core.store.watch import SILENT, Step, Watch
from experiments_core.tabular.spellings import best_spelling
from experiments_core.tabular.text import (
    BLANK_WORDS,
    LONGEST_VARIANT,
    arm_fold,
    fold,
    listed,
    shorten,
    visible,
)

MOST_ARMS = 100
RARE = 0.05  # a word such as NULL is a blank in the variant column below this share of rows


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
        cell = conversion.trimmed(f"coalesce(f{column.position}, '')")
        return f"lower({cell}) <> {quoted(self.mapping.experiment.strip().lower())}"

    def kept(self, unit: str) -> str:
        """Expression of the text under which a unit id is kept."""
        return unit if self.unit_key is None else pseudonym_sql(self.unit_key, unit)

    def mapped(self, role: Role) -> ColumnMapping | None:
        """The one column of a role."""
        return self.mapping.first(role)

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


def create_table(cursor: duckdb.DuckDBPyConnection, job: Job, *, place: str = "line") -> None:
    """Make the empty staging table, in the layout that units tables have.

    Args:
        cursor: From ``Database.staging()``.
        job: What is loaded.
        place: ``line`` or ``ahead``: which of them tells the line of a row.
    """
    values = "".join(f", {c.column} {conversion.TYPES[c.role]}" for c in job.columns)
    values += "".join(f", {c.column}{ROWS} DOUBLE[]" for c in job.listed)
    cursor.execute(
        f"CREATE OR REPLACE TABLE {job.table} (import_id VARCHAR, {place} BIGINT, "
        "unit VARCHAR USING COMPRESSION zstd, "
        f"arm VARCHAR, first_ts TIMESTAMP{values})"
    )


def drop_tables(cursor: duckdb.DuckDBPyConnection, import_id: str) -> None:
    """Forget what was staged for an import."""
    table = staging_table(import_id)
    cursor.execute(f"DROP TABLE IF EXISTS {table}")
    cursor.execute(f"DROP TABLE IF EXISTS {table}_rejects")
    cursor.execute(f"DROP TABLE IF EXISTS {crossed_staging(import_id)}")


@dataclass(frozen=True, slots=True)
class Clean:
    """A table in which nothing was wrong.

    Attributes:
        merged: Spellings of arms that were put right, usually none.
    """

    profile: Profile
    merged: dict[str, str]


def load_clean(cursor: duckdb.DuckDBPyConnection, job: Job) -> Clean | None:
    """Load in one pass; None when anything at all was wrong."""
    forget_rejects(cursor)
    drop_tables(cursor, job.import_id)
    create_table(cursor, job, place="ahead")
    source = job.typed
    unit, time = job.mapped(Role.UNIT), job.mapped(Role.TIME)
    variant = job.mapping.named(Role.VARIANT)[0]
    records, offsets = job.lines(())
    values = [
        quoted(job.import_id),
        f"{offsets[0] + 1}",
        job.value(unit, source) if unit else "NULL",
        job.value(variant, source),
        job.value(time, source) if time else "NULL",
    ]
    mapped = {column.position: column for column in job.mapping.columns}
    values += [job.value(mapped[c.position], source) for c in job.columns]
    values += [one_row_of(job.value(mapped[c.position], source)) for c in job.listed]
    sql = f"INSERT INTO {job.table} SELECT {', '.join(values)} FROM {source.sql}"
    job.watch.run(cursor, sql, "Reading rows", Step(0.0, 0.75, source.size))
    if source.rejects and (has_rejects(cursor) or _joins_digits(cursor, job)):
        return None
    profile = take_profile(cursor, job.table, job.columns)
    if not _nothing_wrong(cursor, job, profile):
        return None
    merged = _put_arms_right(cursor, job)
    if len(records) > 1:
        put_lines_right(cursor, job.table, (records, offsets))
    if merged:
        profile = take_profile(cursor, job.table, job.columns)
    return None if merged is None else Clean(profile, merged)


def arm_map(counts: dict[str, int], job: Job) -> dict[str, str | None]:
    """Find the arm of every spelling in the file; None where the cell is blank.

    Raises:
        InvalidInputError: more values than a variant column can have, or too long ones.
    """
    _refuse_many(counts, job)
    rows = sum(counts.values())
    filled = {text: count for text, count in counts.items() if visible(text)}
    real = {text: n for text, n in filled.items() if fold(text) not in BLANK_WORDS}
    blanks = {
        text
        for text, count in filled.items()
        if text not in real and count < RARE * rows and len({fold(t) for t in real}) > 1
    }
    found: dict[str, str | None] = dict.fromkeys(counts, None)
    groups: dict[str, dict[str, int]] = {}
    for text, count in filled.items():
        if text not in blanks:
            group = groups.setdefault(arm_fold(text), {})
            group[visible(text)] = group.get(visible(text), 0) + count
    chosen = {arm_fold(text): arm for text, arm in job.mapping.merge_variants.items()}
    known = job.known_arms or {}
    for text in filled:
        if text not in blanks:
            key = arm_fold(text)
            wanted = chosen.get(key) or best_spelling(groups[key])
            found[text] = known.get(key) or known.get(fold(wanted)) or wanted
    return found


def _nothing_wrong(cursor: duckdb.DuckDBPyConnection, job: Job, profile: Profile) -> bool:
    """Whether no cell is wrong, no unit repeats and no question comes up."""
    rows, has_unit = profile["units"], job.mapped(Role.UNIT) is not None
    wrong = sum(value for name, value in profile.items() if name.endswith("_wrong"))
    asked = {c.position for c in job.mapping.columns if _needs_answer(c)}
    blank = any(
        profile[f"{column.column}_filled"] < rows
        for column in job.columns
        if column.position in asked
    )
    contradicted = "exclude" in job.mapping.contradictions.values()
    if (
        wrong
        or blank
        or contradicted
        or not rows
        or (job.records is not None and rows != job.records)
    ):
        return False
    if not has_unit:
        return True
    if profile["unit_filled"] < rows or profile["unit_long"]:
        return False
    job.watch.say(0.85, "Looking for units that stand twice")
    return all_different(cursor, job.table, rows)


def _joins_digits(cursor: duckdb.DuckDBPyConnection, job: Job) -> bool:
    """Whether a cell that the reader took as a number is written like ``1_000``."""
    read_as_number = [
        field
        for field, kind in zip(job.text.fields, job.typed.types, strict=True)
        if kind == "DOUBLE"
    ]
    if not job.joined_digits or not read_as_number:
        return False
    condition = " OR ".join(f"contains({field}, '_')" for field in read_as_number)
    sql = f"SELECT 1 FROM {job.text.sql} WHERE {condition} LIMIT 1"
    return cursor.execute(sql).fetchone() is not None


def _needs_answer(column: ColumnMapping) -> bool:
    return column.role in {Role.OUTCOME, Role.VALUE} and not column.blank


def _put_arms_right(cursor: duckdb.DuckDBPyConnection, job: Job) -> dict[str, str] | None:
    """Change other spellings of an arm in place; None when an arm is blank or unknown."""
    counts = count_arms(cursor, f"SELECT arm, count(*) FROM {job.table} GROUP BY arm")
    arms = arm_map(counts, job)
    changed: dict[str, str] = {}
    for text, arm in arms.items():
        if arm is None or not _is_known(arm, job):
            return None
        if text != arm:
            changed[text] = arm
    for text, arm in changed.items():
        cursor.execute(f"UPDATE {job.table} SET arm = ? WHERE arm = ?", [arm, text])
    return changed


def count_arms(cursor: duckdb.DuckDBPyConnection, sql: str) -> dict[str, int]:
    """Rows by the text of the variant cell; the blank cell is an empty text."""
    rows = cursor.execute(f"SELECT coalesce(#1, ''), #2 FROM ({sql}) LIMIT 10001").fetchall()
    return {text: int(count) for text, count in rows}


def _is_known(arm: str, job: Job) -> bool:
    return job.known_arms is None or arm in job.known_arms.values()


def _refuse_many(counts: dict[str, int], job: Job) -> None:
    name = job.mapping.named(Role.VARIANT)[0].name
    different = {fold(text) for text in counts if visible(text)}
    if len(different) > MOST_ARMS:
        raise InvalidInputError(
            f"Column “{name}” has {_many(len(counts))} different values, such as "
            f"{listed(list(counts), 3)}; a test has at most {MOST_ARMS} variants.",
            code="TOO_MANY_VARIANTS",
            hint="Choose another column as the variant.",
            details=(Problem(name, len(different), "TOO_MANY", f"at most {MOST_ARMS}"),),
        )
    long = next((text for text in counts if len(text) > LONGEST_VARIANT), None)
    if long is not None:
        raise InvalidInputError(
            f"Column “{name}” holds the variant name “{shorten(long)}” of {len(long)} "
            f"characters; at most {LONGEST_VARIANT} are allowed.",
            code="VARIANT_TOO_LONG",
            hint="Choose another column, or shorten the names.",
            details=(Problem(name, long, "LENGTH", f"at most {LONGEST_VARIANT} characters"),),
        )


def _many(number: int) -> str:
    return f"more than {grouped(10_000)}" if number > 10_000 else grouped(number)
