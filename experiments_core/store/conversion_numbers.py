"""Cells as numbers, in SQL: finite, NULL for blank, NaN for what is no number."""

from __future__ import annotations

import re

from experiments_core.query.literals import quoted
from experiments_core.store.conversion_text import is_blank, is_like, text_of, trimmed
from experiments_core.tabular.numbers import (
    CURRENCY,
    CURRENCY_AFTER,
    CURRENCY_BEFORE,
    PERCENT_AFTER,
    SPACES,
    pattern,
)

NUMERIC_TYPES = frozenset({
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER",
    "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE",
})  # fmt: skip


def is_number(sql_type: str) -> bool:
    """Whether a column type is numeric."""
    return sql_type in NUMERIC_TYPES or sql_type.startswith("DECIMAL")


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
    text = text_of(field, sql_type)
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
    return f"CASE WHEN {is_like(field, '[-+0-9.,]*')} THEN FALSE ELSE {differs} END"


def pattern_of_digits(decimal: str) -> str:
    """The regular expression of a number without anything but digits, sign and mark."""
    return rf"-?[0-9]+(?:{re.escape(decimal)}[0-9]+)?"


def _or_nan(value: str) -> str:
    return f"coalesce({value}, CAST('nan' AS DOUBLE))"


def cast_number(text: str) -> str:
    """Read a text as DuckDB reads numbers, except that ``1_000`` is none."""
    return f"TRY_CAST(CASE WHEN contains({text}, '_') THEN NULL ELSE {text} END AS DOUBLE)"
