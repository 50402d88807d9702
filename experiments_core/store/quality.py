"""What rows that are used show beyond simple aggregates: each finding with its first rows.

Every look is one pass over one or two columns, and most are taken only after a cheap sample or
an aggregate of the profile has raised a suspicion, so that a clean file stays fast.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import duckdb

from experiments_core.domain.source import Role
from experiments_core.query.literals import moment_sql, quoted
from experiments_core.store.lines import Jumps
from experiments_core.store.profile import Profile, one_row
from experiments_core.store.segment_cuts import FEW
from experiments_core.store.staged import Example, Finding
from experiments_core.store.staging_job import Job

SHOWN = 100
SAMPLE = 10_000
SOME = 5  # enough of them where all units have the same number of rows
SAME_IN_ALL = 0.98  # share of repeated units whose rows agree, before a join is suspected
SPREADSHEET_ROWS = frozenset({65_535, 65_536, 1_048_575, 1_048_576})
"""Rows that a sheet holds, with and without the header."""

DAMAGED = r"[0-9]+([.,][0-9]+)?[eE]\+[0-9]+"
ROUNDED = r"[0-9]{15}0+"
LONG_NUMBER = r"[0-9]{16,}"


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that are used, as a relation with ``record``, unit, arm, first_ts and the values.

    Attributes:
        table: The staging table: one row per unit.
        used: The rows behind it.
        all: Those, and the rows of units that stand in two variants or contradict it.
            What is called record orders them.
        sifted: The sieve's tables (``raw``, ``typed``, ``problems`` …) are there.
    """

    table: str
    used: str
    all: str
    sifted: bool


def clean_rows(table: str, line: str) -> Rows:
    """Rows of a file in which nothing was wrong: the table has all of them, with lines."""
    numbered = f"(SELECT {line.format(table)} AS record, * FROM {table})"
    return Rows(table, numbered, numbered, sifted=False)


def sifted_rows(table: str) -> Rows:
    """Rows that the sieve let through."""
    free = "('UNIT_IN_TWO_ARMS', 'UNIT_REPEATED', 'VARIANT_CONTRADICTED')"
    kept = (
        "(FROM typed ANTI JOIN (SELECT DISTINCT record FROM problems "
        f"WHERE rule NOT IN {free}) USING (record))"
    )
    return Rows(table, "good", kept, sifted=True)


def findings(
    cursor: duckdb.DuckDBPyConnection,
    job: Job,
    rows: Rows,
    profile: Profile,
    jumps: Jumps,
) -> tuple[Finding, ...]:
    """Look for everything that needs rows, not only aggregates."""
    look = _Look(cursor, job, rows, profile, _line_of(jumps))
    return tuple(
        finding
        for search in (
            look.blanks, look.extremes, look.damaged_units, look.copied_covariates,
            look.outside_runs, look.fanned_out, look.cut_off,
        )
        for finding in search()
    )  # fmt: skip


def _line_of(jumps: Jumps) -> Callable[[int], int]:
    records, offsets = jumps

    def line(record: int) -> int:
        return record + offsets[max(0, bisect_right(records, record) - 1)]

    return line


@dataclass(frozen=True, slots=True)
class _Look:
    """One reading of the rows for findings."""

    cursor: duckdb.DuckDBPyConnection
    job: Job
    rows: Rows
    profile: Profile
    line: Callable[[int], int]

    def blanks(self) -> Iterator[Finding]:
        """Cells of measures and covariates that hold nothing."""
        for column in self.job.columns:
            if column.role is Role.SEGMENT:
                continue
            count = self.profile["units"] - self.profile[f"{column.column}_filled"]
            if count:
                examples = self._examples(f"{column.column} IS NULL", "''")
                yield Finding("BLANK", count, column.name, examples=examples)

    def extremes(self) -> Iterator[Finding]:
        """The largest values of columns with numbers, for who wants to see the row."""
        for column in self.job.columns:
            if column.role is Role.VALUE and self.profile[f"{column.column}_sum"]:
                largest = max(
                    self.profile[f"{column.column}_high"],
                    -self.profile[f"{column.column}_low"],
                )
                share = largest / self.profile[f"{column.column}_sum"]
                if share > 1 / 10:
                    where = f"abs({column.column}) = {float(largest)!r}"
                    examples = self._examples(where, f"{column.column}::VARCHAR")
                    yield Finding("EXTREME", len(examples), column.name, examples=examples)

    def damaged_units(self) -> Iterator[Finding]:
        """Identifiers that a spreadsheet has rounded."""
        if self.job.mapping.first(Role.UNIT) is None:
            return
        conditions = []
        if self.profile["exponents"]:
            conditions.append(f"regexp_full_match(unit, {quoted(DAMAGED)})")
        if self._rounded_in_sample():
            conditions.append(f"regexp_full_match(unit, {quoted(ROUNDED)})")
        if not conditions:
            return
        where = " OR ".join(conditions)
        count = self._count(f"{self.rows.table} WHERE {where}")
        if count:
            yield Finding("UNIT_ID_DAMAGED", count, examples=self._examples(where, "unit"))

    def copied_covariates(self) -> Iterator[Finding]:
        """A number from before the test cannot be what happened in it."""
        measures = [c for c in self.job.columns if c.role in {Role.OUTCOME, Role.VALUE}]
        for covariate in self.job.columns:
            if covariate.role is not Role.COVARIATE:
                continue
            for measure in measures:
                if self._is_copy(covariate.column, measure.column):
                    yield Finding(
                        "COVARIATE_IS_OUTCOME",
                        self.profile["units"],
                        covariate.name,
                        {"measure": measure.name},
                    )
                    break

    def outside_runs(self) -> Iterator[Finding]:
        """Times at which the experiment was not running."""
        runs = self.job.runs
        if (
            not runs
            or self.job.mapping.first(Role.TIME) is None
            or self.profile["first"] is None
        ):
            return
        inside = " OR ".join(
            f"(first_ts >= {moment_sql(start)}"
            + (f" AND first_ts <= {moment_sql(end)})" if end is not None else ")")
            for start, end in runs
        )
        first, last = runs[0][0], runs[-1][1]
        before = f"first_ts < {moment_sql(first)}"
        after = f"first_ts > {moment_sql(last)}" if last is not None else "FALSE"
        between = f"NOT ({inside}) AND NOT ({before}) AND NOT ({after})"
        for kind, where in (("before", before), ("between", between), ("after", after)):
            count = self._count(f"{self.rows.used} WHERE {where}")
            if count:
                examples = self._examples(where, "first_ts::VARCHAR")
                yield Finding("OUTSIDE_RUN", count, facts={"kind": kind}, examples=examples)

    def fanned_out(self) -> Iterator[Finding]:
        """Rows that a join has repeated: the same number of times, or with the same values."""
        if not self.rows.sifted or self.job.mapping.first(Role.UNIT) is None:
            return
        copies, times, fewest = one_row(
            self.cursor,
            "SELECT count(*), coalesce(max(n), 0), coalesce(min(n), 0) FROM (SELECT unit, "
            "1 + count(*) AS n FROM problems JOIN typed USING (record) "
            "WHERE rule = 'UNIT_DUPLICATE_ROWS' GROUP BY unit)",
        )
        units = self._count("(SELECT DISTINCT unit FROM good)")
        if copies >= FEW and times == fewest and copies >= SAME_IN_ALL * units:
            yield Finding("ROWS_MULTIPLIED", copies, facts={"times": times, "whole": True})
        repeated = self._count("repeated")
        values = [c.column for c in self.job.columns if c.role in {Role.OUTCOME, Role.VALUE}]
        if repeated < FEW or not values:
            return
        same = " AND ".join(
            f"min({v}) IS NOT DISTINCT FROM max({v}) AND count({v}) IN (0, count(*))"
            for v in values
        )
        shown = " OR ".join(f"max({v}) <> 0" for v in values)
        agreeing, telling, sizes = one_row(
            self.cursor,
            "SELECT count(*) FILTER (same), count(*) FILTER (same AND shown), "
            "count(DISTINCT n) "
            f"FROM (SELECT {same} AS same, coalesce({shown}, FALSE) AS shown, count(*) AS n "
            f"FROM {self.rows.all} "
            "SEMI JOIN repeated USING (unit) GROUP BY unit)",
        )
        enough = FEW if sizes > 1 or repeated < units else SOME
        if agreeing >= SAME_IN_ALL * repeated and telling >= enough:
            yield Finding("ROWS_MULTIPLIED", repeated, facts={"times": 0, "whole": False})

    def cut_off(self) -> Iterator[Finding]:
        """A file with exactly as many rows as a sheet holds."""
        records = self.job.records or 0
        if records in SPREADSHEET_ROWS:
            yield Finding("FILE_CUT_OFF", records)

    def _is_copy(self, covariate: str, measure: str) -> bool:
        sample = f"(FROM {self.rows.table} LIMIT {SAMPLE})"
        for rows in (sample, self.rows.table):
            known, same, r = one_row(
                self.cursor,
                f"SELECT count(*), count(*) FILTER ({covariate} = {measure}), "
                f"corr({covariate}, {measure}) FROM {rows} "
                f"WHERE {covariate} IS NOT NULL AND {measure} IS NOT NULL",
            )
            if known < FEW or r is None or not (same == known or abs(r) > 1 - 1e-9):
                return False
        return True

    def _rounded_in_sample(self) -> bool:
        """Numbers of 16 digits and more that all end in zeros after the 15th."""
        long, rounded = one_row(
            self.cursor,
            f"SELECT count(*) FILTER (regexp_full_match(unit, {quoted(LONG_NUMBER)})), "
            f"count(*) FILTER (regexp_full_match(unit, {quoted(ROUNDED)})) "
            f"FROM (SELECT unit FROM {self.rows.table} LIMIT {SAMPLE})",
        )
        return bool(long >= FEW and long == rounded)

    def _examples(self, where: str, value: str) -> tuple[Example, ...]:
        found = self.cursor.execute(
            f"SELECT record, coalesce(unit, ''), {value} FROM {self.rows.used} WHERE {where} "
            f"ORDER BY record LIMIT {SHOWN}"
        ).fetchall()
        return tuple(Example(self.line(record), unit, text) for record, unit, text in found)

    def _count(self, rows: str) -> int:
        return int(one_row(self.cursor, f"SELECT count(*) FROM {rows}")[0])
