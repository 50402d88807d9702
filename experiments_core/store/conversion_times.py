"""Cells as times, in SQL: in UTC, NULL for blank, infinity for what cannot be read."""

from __future__ import annotations

from experiments_core.query.literals import quoted
from experiments_core.store.conversion_numbers import is_number
from experiments_core.store.conversion_text import is_like, listed, once, text_of, trimmed
from experiments_core.tabular.text import BLANK_WORDS
from experiments_core.tabular.times import (
    DAYS_BEFORE_1970,
    EPOCH_MILLISECONDS,
    EPOCH_SECONDS,
    EXCEL_PATTERN,
    ISO,
    ISO_PATTERN,
)

NUMBERED = frozenset({EPOCH_SECONDS, EPOCH_MILLISECONDS, *DAYS_BEFORE_1970})
EPOCH_PATTERN = r"[+-]?[0-9]{1,18}(?:\.[0-9]*)?"
STAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
STAMP_WITH_OFFSET = STAMP + r"(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])"
"""How programs write ISO times; told apart whole, which is much less work than taking apart."""


def time(field: str, sql_type: str, time_format: str, zone: str = "") -> str:
    """Write a time in UTC, NULL for blank, infinity for what cannot be read.

    Args:
        field: SQL identifier of the field.
        sql_type: Type in which it arrives.
        time_format: As in :class:`ColumnMapping`.
        zone: IANA zone of times that do not say theirs; UTC when empty.
    """
    if sql_type == "TIMESTAMP":
        return local(field, zone)
    if sql_type.startswith(("TIMESTAMP", "DATE")):
        return f"CAST({field} AS TIMESTAMP)"
    if not time_format:
        return "CAST(NULL AS TIMESTAMP)"  # nobody has said yet how to read it
    if is_number(sql_type) and time_format not in NUMBERED:
        return "CAST('infinity' AS TIMESTAMP)"
    text = "the_time"
    if time_format == EPOCH_SECONDS:
        value = f"make_timestamp(1000000 * {_cast_epoch(text)})"
    elif time_format == EPOCH_MILLISECONDS:
        value = f"make_timestamp(1000 * {_cast_epoch(text)})"
    elif time_format in DAYS_BEFORE_1970:
        value = local(_cast_days(text, DAYS_BEFORE_1970[time_format]), zone)
    elif time_format == ISO or time_format.startswith("%Y-%m-%d"):
        value = iso(text)
        if zone not in {"", "UTC"}:
            value = f"CASE WHEN {has_offset(text)} THEN {value} ELSE {local(value, zone)} END"
    else:
        value = local(f"try_strptime({text}, {quoted(time_format)})", zone)
    read = (
        f"CASE WHEN lower({text}) IN ({listed(BLANK_WORDS)}) THEN NULL "
        f"ELSE {_or_infinity(value)} END"
    )
    found = once(text, trimmed(text_of(field, sql_type)), read)
    at_once = stamps(text_of(field, sql_type), zone) if time_format == ISO else ""
    return f"CASE WHEN {field} IS NULL THEN NULL {at_once}ELSE {found} END"


def local(value: str, zone: str) -> str:
    """A time of a zone, as UTC; infinity for one that a change of clocks left out there."""
    if zone in {"", "UTC"}:
        return value
    name, written = quoted(zone), "the_local"
    there = f"timezone({name}, {written})"
    moved = (
        f"CASE WHEN {written} IS NULL OR NOT isfinite({written}) THEN {written} "
        f"WHEN timezone({name}, {there}) = {written} THEN timezone('UTC', {there}) "
        "ELSE CAST('infinity' AS TIMESTAMP) END"
    )
    return once(written, value, moved)


def iso(text: str) -> str:
    """Read ISO 8601 with or without an offset, as UTC; a name of a zone is not read."""
    match = f"regexp_extract({text}, {quoted('^' + ISO_PATTERN + '$')}, ['d', 'c', 'o'])"
    day, time, offset = (f"struct_extract(the_parts, '{part}')" for part in "dco")
    clock = f"replace(coalesce(nullif({time}, ''), '00:00'), ',', '.')"
    seconds = f"CASE WHEN length({clock}) <= 5 THEN {clock} || ':00' ELSE {clock} END"
    there = f"TRY_CAST({day} || ' ' || {seconds} AS TIMESTAMP)"
    digits = f"regexp_replace({offset}, '[^0-9]', '', 'g')"
    sign = f"CASE WHEN {offset} LIKE '-%' THEN -1 ELSE 1 END"
    minutes = (
        f"{sign} * (60 * CAST(left({digits}, 2) AS INTEGER) "
        f"+ coalesce(TRY_CAST(substr({digits}, 3, 2) AS INTEGER), 0))"
    )
    moved = f"CASE WHEN {digits} = '' THEN {there} ELSE {there} - to_minutes({minutes}) END"
    return once("the_parts", match, moved)


def stamps(text: str, zone: str) -> str:
    """Branches of a CASE that read the usual ISO times as :func:`iso` does."""
    moved = f"make_timestamp(epoch_us(TRY_CAST({text} AS TIMESTAMPTZ)))"
    naive = local(f"TRY_CAST({text} AS TIMESTAMP)", zone)
    return (
        f"WHEN {is_like(text, STAMP_WITH_OFFSET)} THEN {_or_infinity(moved)} "
        f"WHEN {is_like(text, STAMP)} THEN {_or_infinity(naive)} "
    )


def has_offset(text: str) -> str:
    """Whether an ISO time says its offset."""
    taken_apart = f"regexp_extract({text}, {quoted('^' + ISO_PATTERN + '$')}, 3) <> ''"
    return (
        f"CASE WHEN {is_like(text, STAMP_WITH_OFFSET)} THEN TRUE "
        f"WHEN {is_like(text, STAMP)} THEN FALSE ELSE {taken_apart} END"
    )


def _or_infinity(value: str) -> str:
    return f"coalesce({value}, CAST('infinity' AS TIMESTAMP))"


def _cast_epoch(text: str) -> str:
    """Read seconds or milliseconds; a cast alone would take ``0x10`` and ``1_000`` too."""
    plain = f"regexp_full_match({text}, {quoted(EPOCH_PATTERN)})"
    return f"TRY_CAST(CASE WHEN {plain} THEN {text} END AS BIGINT)"


def _cast_days(text: str, before: int) -> str:
    """Read the days of a spreadsheet, to the millisecond."""
    plain = f"regexp_full_match({text}, {quoted(EXCEL_PATTERN)})"
    days = f"CAST(CASE WHEN {plain} THEN replace({text}, ',', '.') END AS DOUBLE)"
    return f"make_timestamp(1000 * CAST(round(({days} - {before}) * 86400000) AS BIGINT))"
