"""Stage rows and describe what is in the staging table now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import duckdb

from experiments_core.domain.pseudonym import pseudonym
from experiments_core.domain.source import Role, Shape
from experiments_core.store import (
    conversion_numbers,
    conversion_text,
    conversion_times,
    quality,
    segment_cuts,
)
from experiments_core.store.catalog import from_utc
from experiments_core.store.choice_effects import effects
from experiments_core.store.currencies import refuse_currencies
from experiments_core.store.event_log import load_events, sift_events
from experiments_core.store.first_seen import stage_crossed
from experiments_core.store.lines import AHEAD, WRITTEN, Jumps
from experiments_core.store.profile import Profile, content_hash, one_row, take_profile
from experiments_core.store.reading import Relation
from experiments_core.store.sifting import load_sifted, sift_units
from experiments_core.store.staged import Broken, Example, Extreme, Staged, StagedColumn
from experiments_core.store.staging import load_clean
from experiments_core.store.staging_job import Job

SHOWN = 5
MANY_VALUES = 200
MUCH = 0.1  # share of a column's sum that makes one value worth a word
FAIR_SHARES = 3  # and it is that many times what one of few values carries anyway


def stage(cursor: duckdb.DuckDBPyConnection, job: Job) -> Staged:
    """Load a file or frame into its staging table.

    Args:
        cursor: From ``Database.staging()``.
        job: What is loaded, and how.

    Raises:
        InvalidInputError: the file as a whole cannot be used.
        CancelledError: somebody stopped it.
    """
    is_log = job.mapping.shape is Shape.EVENTS
    is_part = job.mapping.one_experiment is not None
    clean = None if is_log or is_part else load_clean(cursor, job)
    if clean is None:
        rows = load_events(cursor, job) if is_log else load_sifted(cursor, job)
        job.watch.say(0.9, "Describing what was read")
        profile = take_profile(cursor, job.table, job.columns)
        staged = _sifted(cursor, job, _describe(cursor, job, profile, rows))
        behind, jumps = quality.sifted_rows(job.table), _jumps(cursor)
        if is_log:  # what its units are is in the staging table alone
            behind, jumps = quality.clean_rows(job.table, WRITTEN), ((0,), (0,))
    else:
        profile = clean.profile
        rows = profile["units"]
        mixed_zones, currency = _only_texts_tell(cursor, job, job.text)
        staged = replace(
            _describe(cursor, job, profile, rows),
            merged=clean.merged,
            mixed_zones=mixed_zones,
            currency=currency,
        )
        behind = quality.clean_rows(job.table, AHEAD)
        jumps = (0,), (0,)  # their lines are known
    job.watch.say(0.95, "Looking for what is suspicious")
    staged = _look_closer(cursor, job, staged, behind, profile, jumps)
    if staged.crossed:
        sieve = sift_events if is_log else sift_units
        staged = replace(staged, crossed_units=stage_crossed(cursor, job, sieve))
    if job.unit_key is not None:
        staged = _hide_units(cursor, job, staged, job.unit_key)
    job.watch.say(1.0, "Read")
    return staged


def _describe(
    cursor: duckdb.DuckDBPyConnection, job: Job, profile: Profile, rows: int
) -> Staged:
    """What the staging table itself shows."""
    table, columns = job.table, job.columns
    counted = cursor.execute(
        f"SELECT arm, count(*) FROM {table} GROUP BY arm ORDER BY arm"
    ).fetchall()
    first, last = from_utc(profile["first"]), from_utc(profile["last"])
    has_time = job.mapping.first(Role.TIME) is not None
    version = str(one_row(cursor, "SELECT version()")[0])
    return Staged(
        table=table,
        rejects="",
        columns=columns,
        rows_read=rows,
        rows_left_out=0,
        units=profile["units"],
        arms={arm: int(count) for arm, count in counted},
        content_hash=content_hash(profile, columns, version),
        blanks={
            column.position: (profile["units"] - profile[f"{column.column}_filled"], 0)
            for column in columns
            if column.role is not Role.SEGMENT
            and profile[f"{column.column}_filled"] < profile["units"]
        },
        first_seen=(first, last) if first and last else None,
        no_time=profile["units"] - profile["timed"] if has_time else 0,
        constant=tuple(
            column.name
            for column in columns
            if column.role is Role.COVARIATE
            and profile[f"{column.column}_low"] == profile[f"{column.column}_high"]
        ),
        many_values=tuple(
            column.name
            for column in columns
            if column.role is Role.SEGMENT and profile[f"{column.column}_values"] > MANY_VALUES
        ),
        extremes=tuple(_extremes(columns, profile)),
    )


def _sifted(cursor: duckdb.DuckDBPyConnection, job: Job, staged: Staged) -> Staged:
    """Add what only the sieve knows."""
    has_unit = job.mapping.first(Role.UNIT) is not None
    fields = tuple(f"f{place}" for place in range(len(job.names)))
    text = Relation("raw", fields, ("VARCHAR",) * len(fields))
    mixed_zones, currency = _only_texts_tell(cursor, job, text)
    return replace(
        staged,
        rejects=job.rejects,
        rows_left_out=_count(cursor, "SELECT count(DISTINCT record) FROM problems"),
        merged=_merged(cursor),
        broken=_broken(cursor, job),
        blanks=_blank_lines(cursor, staged),
        repeated=_count(cursor, "SELECT count(*) FROM repeated") if has_unit else 0,
        crossed=_count(cursor, "SELECT count(*) FROM crossed") if has_unit else 0,
        mixed_zones=mixed_zones,
        currency=currency,
    )


def _look_closer(  # noqa: PLR0917  private, called once
    cursor: duckdb.DuckDBPyConnection,
    job: Job,
    staged: Staged,
    behind: quality.Rows,
    profile: Profile,
    jumps: Jumps,
) -> Staged:
    """Add what needs the rows themselves."""
    cuts = segment_cuts.cuts(cursor, behind.all, job.columns, profile)
    names = {column.position: column.name for column in job.columns}
    found = quality.findings(cursor, job, behind, profile, jumps)
    return replace(
        staged,
        leaks=tuple(names[position] for position, one in cuts.items() if one.leaks()),
        findings=found,
        damaged_units=sum(one.rows for one in found if one.code == "UNIT_ID_DAMAGED"),
        contradicted={
            position: pairs for position, one in cuts.items() if (pairs := one.contradicted())
        },
        same_as_arm=tuple(
            names[position]
            for position, one in cuts.items()
            if one.expected() and not one.contradicted()
        ),
        effects=effects(cursor, job, behind, cuts),
    )


def _hide_units(
    cursor: duckdb.DuckDBPyConnection, job: Job, staged: Staged, key: bytes
) -> Staged:
    """Put pseudonyms in the place of unit ids, now that everything about them was looked at."""
    for table in filter(None, (staged.table, staged.crossed_units)):
        cursor.execute(f"UPDATE {table} SET unit = {job.kept('unit')} WHERE unit IS NOT NULL")

    def hidden(one: Example) -> Example:
        unit = pseudonym(key, one.unit) if one.unit else ""
        return replace(one, unit=unit, value=unit if one.value == one.unit else one.value)

    findings = tuple(
        replace(found, examples=tuple(map(hidden, found.examples))) for found in staged.findings
    )
    return replace(staged, findings=findings)


def _jumps(cursor: duckdb.DuckDBPyConnection) -> Jumps:
    rows = cursor.execute("SELECT since, line_offset FROM jumps ORDER BY since").fetchall()
    return tuple(row[0] for row in rows), tuple(row[1] for row in rows)


def _count(cursor: duckdb.DuckDBPyConnection, sql: str) -> int:
    return int(one_row(cursor, sql)[0])


def _merged(cursor: duckdb.DuckDBPyConnection) -> dict[str, str]:
    rows = cursor.execute(
        "SELECT spelling, arm FROM arms WHERE arm IS NOT NULL AND spelling <> arm ORDER BY ALL"
    ).fetchall()
    return dict(rows)


def _broken(cursor: duckdb.DuckDBPyConnection, job: Job) -> tuple[Broken, ...]:
    rows = cursor.execute(
        "WITH counted AS (SELECT rule, count(DISTINCT record) AS records FROM problems "
        "GROUP BY rule) "
        f"SELECT rule, any_value(records), list(DISTINCT line ORDER BY line)[1:{SHOWN}], "
        f"first(column_name ORDER BY line), list(value ORDER BY line)[1:{SHOWN}] "
        f"FROM {job.rejects} JOIN counted USING (rule) GROUP BY rule ORDER BY min(line)"
    ).fetchall()
    return tuple(
        Broken(rule, count, tuple(lines), column, tuple(dict.fromkeys(values)))
        for rule, count, lines, column, values in rows
    )


def _blank_lines(
    cursor: duckdb.DuckDBPyConnection, staged: Staged
) -> dict[int, tuple[int, int]]:
    """Say where the first blank cell of each measure stands."""
    names = {column.position: column.column for column in staged.columns}
    return {
        position: (
            count,
            _count(
                cursor,
                "SELECT coalesce(min(record + line_offset), 0) FROM good ASOF JOIN jumps "
                f"ON record >= since WHERE {names[position]} IS NULL",
            ),
        )
        for position, (count, _) in staged.blanks.items()
    }


def _only_texts_tell(
    cursor: duckdb.DuckDBPyConnection, job: Job, text: Relation
) -> tuple[bool, tuple[str, ...]]:
    """Whether only some times say their offset, and the columns of amounts with a sign.

    One pass over the texts, and none where the reader has checked all these columns itself.

    Raises:
        InvalidInputError: a column has amounts in several currencies, which cannot be added.
    """
    unread = [
        place for place in range(len(job.names)) if text is not job.text or _is_text(job, place)
    ]
    amounts = [
        column
        for column in job.columns
        if column.role in {Role.VALUE, Role.COVARIATE} and column.position in unread
    ]
    asked = [
        conversion_numbers.has_currency(text.fields[column.position]) for column in amounts
    ]
    time = job.mapping.first(Role.TIME)
    if time is not None and time.position in unread:
        field = conversion_text.trimmed(text.fields[time.position])
        offset = conversion_times.has_offset(field)
        asked += [f"{field} <> '' AND {offset}", f"{field} <> '' AND NOT {offset}"]
    if not asked:
        return False, ()
    counts = ", ".join(f"count(*) FILTER ({one})" for one in asked)
    found = one_row(cursor, f"SELECT {counts} FROM {text.sql}")
    signed = [column for column, count in zip(amounts, found, strict=False) if count]
    for column in signed:
        refuse_currencies(cursor, column.name, text.fields[column.position], text)
    return all(found[len(amounts) :] or (0,)), tuple(column.name for column in signed)


def _is_text(job: Job, position: int) -> bool:
    """Whether the one pass took a column as text and converted it by itself."""
    return job.typed.types[position] == "VARCHAR"


def _extremes(columns: Sequence[StagedColumn], profile: Profile) -> Iterator[Extreme]:
    for column in columns:
        if column.role is not Role.VALUE or not profile[f"{column.column}_sum"]:
            continue
        low, high = profile[f"{column.column}_low"], profile[f"{column.column}_high"]
        value = high if abs(high) >= abs(low) else low
        share = abs(value) / profile[f"{column.column}_sum"]
        if share > max(MUCH, FAIR_SHARES / profile[f"{column.column}_nonzero"]):
            yield Extreme(column.name, float(value), float(share))
