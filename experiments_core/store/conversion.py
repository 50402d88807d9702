"""From a cell to a typed value, in SQL: one expression per role.

A value that cannot be right becomes a sentinel instead of an error, so that one pass over the
file both loads it and finds out whether anything is wrong: 2 in an outcome, NaN or infinity in
a number, infinity in a time. NULL means blank.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from experiments_core.domain.source import ColumnMapping, Dialect, Role
from experiments_core.query.literals import quoted
from experiments_core.tabular.numbers import (
    CURRENCY,
    CURRENCY_AFTER,
    CURRENCY_BEFORE,
    PERCENT_AFTER,
    SPACES,
    pattern,
)
from experiments_core.tabular.rates import PERCENT
from experiments_core.tabular.text import (
    BLANK_WORDS,
    FALSE_WORDS,
    SPREADSHEET_ERRORS,
    TRUE_WORDS,
    WHITE,
)
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

TYPES = {
    Role.OUTCOME: "TINYINT",
    Role.VALUE: "DOUBLE",
    Role.COVARIATE: "DOUBLE",
    Role.SEGMENT: "VARCHAR",
}
"""Roles that get a column of their own (``c0``, ``c1`` …), and its type."""

NUMERIC_TYPES = frozenset({
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER",
    "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE",
})  # fmt: skip


def is_number(sql_type: str) -> bool:
    """Whether a column type is numeric."""
    return sql_type in NUMERIC_TYPES or sql_type.startswith("DECIMAL")


def trimmed(field: str) -> str:
    """The text of a cell without blanks and invisible characters around it.

    Trimming a set of characters costs as much as reading the file, so texts that plainly need
    it not are told apart first: as many bytes as characters is ASCII.
    """
    ascii_only = f"strlen({field}) = length({field})"
    breaks = f"contains({field}, '\t') OR contains({field}, '\n')"
    return (
        f"CASE WHEN {ascii_only} AND NOT (contains({field}, ' ') OR {breaks}) THEN {field} "
        f"WHEN {ascii_only} AND NOT ({breaks}) THEN trim({field}) "
        f"ELSE trim({field}, {quoted(WHITE)}) END"
    )


def is_blank(field: str) -> str:
    """Whether a cell of a number, yes/no or time column is blank."""
    return f"({field} IS NULL OR lower({trimmed(field)}) IN ({_list(BLANK_WORDS)}))"


def reader_type(column: ColumnMapping, dialect: Dialect) -> str:
    """Type under which the CSV reader itself can check a column; VARCHAR when it cannot."""
    if column.role in {Role.VALUE, Role.COVARIATE}:
        decimal, thousands = marks(column, dialect)
        plain = (decimal, thousands, column.rate) == (".", "", "")
        return "DOUBLE" if plain else "VARCHAR"
    if column.role is Role.TIME and column.time_format.startswith("%"):
        return "TIMESTAMP"
    return "VARCHAR"


def marks(column: ColumnMapping, dialect: Dialect) -> tuple[str, str]:
    """Decimal and thousands mark of a column."""
    return column.decimal or dialect.decimal, column.thousands or dialect.thousands


def convert(column: ColumnMapping, dialect: Dialect, field: str, sql_type: str) -> str:
    """Write the expression that turns a field into what is stored for its role.

    Args:
        column: Role, blank rule and formats.
        dialect: File-wide decimal and thousands mark.
        field: SQL identifier of the field.
        sql_type: Type in which the field arrives.
    """
    match column.role:
        case Role.OUTCOME if column.converted == "filled":
            return happened(field, sql_type, column.time_format)
        case Role.OUTCOME:
            return outcome(field, sql_type, blank=column.blank, converted=column.converted)
        case Role.VALUE | Role.COVARIATE:
            blank = column.blank if column.role is Role.VALUE else "exclude"
            percent = column.rate == PERCENT
            return number(
                field, sql_type, *marks(column, dialect), blank=blank, percent=percent
            )
        case Role.TIME:
            return time(field, sql_type, column.time_format, column.zone)
        case Role.VARIANT:
            return arm(_text(field, sql_type))
        case _:
            return f"nullif({trimmed(_text(field, sql_type))}, '')"


def arm(text: str) -> str:
    """Text of a variant cell; only plain blanks are trimmed, so that others are noticed."""
    padded = f"prefix({text}, ' ') OR suffix({text}, ' ')"
    return f"nullif(CASE WHEN {padded} THEN trim({text}, ' ') ELSE {text} END, '')"


def outcome(field: str, sql_type: str, *, blank: str = "", converted: str = "") -> str:
    """1, 0, NULL for blank, 2 for what is no yes or no."""
    empty = "0" if blank == "zero" else "NULL"
    if sql_type == "BOOLEAN":
        return f"CAST(coalesce(CAST({field} AS TINYINT), {empty}) AS TINYINT)"
    if is_number(sql_type):
        above = f"WHEN {field} > 0 AND {field} = floor({field}) THEN 1" if converted else ""
        value = (
            f"CASE WHEN {field} IS NULL OR isnan(CAST({field} AS DOUBLE)) THEN {empty} "
            f"WHEN {field} = 1 THEN 1 WHEN {field} = 0 THEN 0 {above} ELSE 2 END"
        )
        return f"CAST({value} AS TINYINT)"
    word, plain = "the_word", _cast_number("replace(the_word, ',', '.')")
    above = f"WHEN {plain} > 0 AND {plain} = floor({plain}) THEN 1" if converted else ""
    read = (
        f"CASE WHEN {word} IN ({_list(BLANK_WORDS)}) THEN {empty} "
        f"WHEN {word} IN ({_list(TRUE_WORDS)}) THEN 1 WHEN {word} IN ({_list(FALSE_WORDS)}) "
        f"THEN 0 WHEN {plain} = 1 THEN 1 WHEN {plain} = 0 THEN 0 {above} ELSE 2 END"
    )
    found = _once(word, f"lower({trimmed(_text(field, sql_type))})", read)
    rest = f"CASE WHEN {field} IS NULL THEN {empty} ELSE {found} END"
    return f"CAST(CASE {field} WHEN '1' THEN 1 WHEN '0' THEN 0 ELSE {rest} END AS TINYINT)"


def happened(field: str, sql_type: str, time_format: str) -> str:
    """1 where a time says when it happened, 0 for blank, 2 for what is no time."""
    text = _text(field, sql_type)
    moment = time(field, sql_type, time_format)
    real = f"isfinite({moment})" if time_format else f"regexp_matches({text}, '[1-9]')"
    return f"CAST(CASE WHEN {is_blank(text)} THEN 0 WHEN {real} THEN 1 ELSE 2 END AS TINYINT)"


def number(
    field: str,
    sql_type: str,
    decimal: str = ".",
    thousands: str = "",
    *,
    blank: str = "",
    percent: bool = False,
) -> str:
    """Write a finite number, NULL for blank, NaN for what is no number.

    With ``percent`` every cell has to carry the sign, and ``12.5 %`` is 0.125.
    """
    if is_number(sql_type):
        value = f"CAST({field} AS DOUBLE)"
        return f"coalesce({value}, 0)" if blank == "zero" else value
    if sql_type == "BOOLEAN":
        return f"CAST(CAST({field} AS TINYINT) AS DOUBLE)"
    empty = "0" if blank == "zero" else "NULL"
    text = _text(field, sql_type)
    amount = f"regexp_replace({trimmed(text)}, {quoted(PERCENT_AFTER)}, '')"
    bare = without_currency(amount if percent else text)
    surplus = SPACES if thousands == " " else thousands
    cleared = f"translate({bare}, {quoted(surplus)}, '')" if surplus else bare
    value = f"TRY_CAST(replace({cleared}, {quoted(decimal)}, '.') AS DOUBLE)"
    whole = f"regexp_full_match({bare}, {quoted(pattern(decimal, thousands))})"
    at_once = ""
    if percent:
        value, whole = f"{value} / 100", f"{has_percent(text)} AND {whole}"
    else:  # most cells are digits and a mark, and need neither trimming nor a look for signs
        plain = quoted(pattern_of_digits(decimal))
        read = f"TRY_CAST(replace({text}, {quoted(decimal)}, '.') AS DOUBLE)"
        at_once = f"WHEN regexp_full_match({text}, {plain}) THEN {_or_nan(read)} "
    return (
        f"CASE {at_once}WHEN {is_blank(text)} THEN {empty} WHEN {whole} "
        f"THEN {_or_nan(value)} ELSE CAST('nan' AS DOUBLE) END"
    )


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
        f"CASE WHEN lower({text}) IN ({_list(BLANK_WORDS)}) THEN NULL "
        f"ELSE {_or_infinity(value)} END"
    )
    found = _once(text, trimmed(_text(field, sql_type)), read)
    at_once = stamps(_text(field, sql_type), zone) if time_format == ISO else ""
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
    return _once(written, value, moved)


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
    return _once("the_parts", match, moved)


def stamps(text: str, zone: str) -> str:
    """Branches of a CASE that read the usual ISO times as :func:`iso` does."""
    moved = f"make_timestamp(epoch_us(TRY_CAST({text} AS TIMESTAMPTZ)))"
    naive = local(f"TRY_CAST({text} AS TIMESTAMP)", zone)
    return (
        f"WHEN {_is_like(text, STAMP_WITH_OFFSET)} THEN {_or_infinity(moved)} "
        f"WHEN {_is_like(text, STAMP)} THEN {_or_infinity(naive)} "
    )


def has_offset(text: str) -> str:
    """Whether an ISO time says its offset."""
    taken_apart = f"regexp_extract({text}, {quoted('^' + ISO_PATTERN + '$')}, 3) <> ''"
    return (
        f"CASE WHEN {_is_like(text, STAMP_WITH_OFFSET)} THEN TRUE "
        f"WHEN {_is_like(text, STAMP)} THEN FALSE ELSE {taken_apart} END"
    )


def is_wrong(role: Role, value: str) -> str:
    """Whether a converted value is the sentinel of its role."""
    if role is Role.OUTCOME:
        return f"coalesce({value} = 2, FALSE)"
    return f"coalesce(NOT isfinite({value}), FALSE)"


def rule_of(role: Role, field: str, *, percent: bool = False) -> str:
    """Write the code of the rule that a wrong cell breaks."""
    word, cell = "lower(the_cell)", "the_cell"
    error = f"({word} IN ({_list(SPREADSHEET_ERRORS)}) OR regexp_full_match({word}, '#+'))"
    plain = "replace(the_amount, ',', '.')" if percent else "the_amount"
    number_like = f"{_cast_number(plain)} IS NOT NULL"
    if role is Role.OUTCOME:
        wrong = f"CASE WHEN {number_like} THEN 'OUTCOME_RANGE' ELSE 'OUTCOME_WORD' END"
    elif role is Role.TIME:
        wrong = "'TIME'"
    else:
        infinite = "NOT isfinite(TRY_CAST(the_amount AS DOUBLE))"
        unsigned = f"WHEN {number_like} THEN 'PERCENT' " if percent else ""
        known = f"WHEN coalesce({infinite}, FALSE) THEN 'NOT_FINITE' {unsigned}"
        wrong = f"CASE {known}ELSE 'NUMBER' END"
    wrong = _once("the_amount", without_currency(cell), wrong)
    rule = f"CASE WHEN {error} THEN 'SPREADSHEET_ERROR' ELSE {wrong} END"
    return _once(cell, trimmed(field), rule)


def has_percent(field: str) -> str:
    """Whether a cell carries a percent sign."""
    return f"suffix({trimmed(field)}, '%')"


def without_currency(field: str) -> str:
    """Take a currency sign or code off an amount."""
    front = f"regexp_replace({trimmed(field)}, {quoted(CURRENCY_BEFORE)}, '\\1')"
    return f"regexp_replace({front}, {quoted(CURRENCY_AFTER)}, '')"


def currency(field: str) -> str:
    """The sign or code of an amount."""
    return f"regexp_extract({trimmed(field)}, {quoted(CURRENCY)})"


def has_currency(field: str) -> str:
    """Whether an amount carries a sign or code."""
    differs = f"{trimmed(field)} <> {without_currency(field)}"
    return f"CASE WHEN {_is_like(field, '[-+0-9.,]*')} THEN FALSE ELSE {differs} END"


def pattern_of_digits(decimal: str) -> str:
    """The regular expression of a number without anything but digits, sign and mark."""
    return rf"-?[0-9]+(?:{re.escape(decimal)}[0-9]+)?"


def _is_like(text: str, pattern_: str) -> str:
    return f"regexp_full_match({text}, {quoted(pattern_)})"


def _or_nan(value: str) -> str:
    return f"coalesce({value}, CAST('nan' AS DOUBLE))"


def _or_infinity(value: str) -> str:
    return f"coalesce({value}, CAST('infinity' AS TIMESTAMP))"


def _cast_number(text: str) -> str:
    """Read a text as DuckDB reads numbers, except that ``1_000`` is none."""
    return f"TRY_CAST(CASE WHEN contains({text}, '_') THEN NULL ELSE {text} END AS DOUBLE)"


def _cast_epoch(text: str) -> str:
    """Read seconds or milliseconds; a cast alone would take ``0x10`` and ``1_000`` too."""
    plain = f"regexp_full_match({text}, {quoted(EPOCH_PATTERN)})"
    return f"TRY_CAST(CASE WHEN {plain} THEN {text} END AS BIGINT)"


def _cast_days(text: str, before: int) -> str:
    """Read the days of a spreadsheet, to the millisecond."""
    plain = f"regexp_full_match({text}, {quoted(EXCEL_PATTERN)})"
    days = f"CAST(CASE WHEN {plain} THEN replace({text}, ',', '.') END AS DOUBLE)"
    return f"make_timestamp(1000 * CAST(round(({days} - {before}) * 86400000) AS BIGINT))"


def _once(name: str, value: str, expression: str) -> str:
    """Write an expression that uses a value several times, with the value worked out once.

    Written out at every place it costs more to plan than a short file costs to read.
    """
    return f"list_transform([{value}], lambda {name}: {expression})[1]"


def _text(field: str, sql_type: str) -> str:
    return field if sql_type == "VARCHAR" else f"CAST({field} AS VARCHAR)"


def _list(words: Iterable[str]) -> str:
    return ", ".join(quoted(word) for word in sorted(words))
