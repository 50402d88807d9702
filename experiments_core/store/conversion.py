"""From a cell to a typed value, in SQL: one expression per role.

A value that cannot be right becomes a sentinel instead of an error, so that one pass over the
file both loads it and finds out whether anything is wrong: 2 in an outcome, NaN or infinity in
a number, infinity in a time. NULL means blank.
"""

from __future__ import annotations

from experiments_core.domain.source import ColumnMapping, Dialect, Role
from experiments_core.store.conversion_numbers import (
    cast_number,
    is_number,
    number,
    without_currency,
)
from experiments_core.store.conversion_text import is_blank, listed, once, text_of, trimmed
from experiments_core.store.conversion_times import time
from experiments_core.tabular.rates import PERCENT
from experiments_core.tabular.text import (
    BLANK_WORDS,
    FALSE_WORDS,
    SPREADSHEET_ERRORS,
    TRUE_WORDS,
)

TYPES = {
    Role.OUTCOME: "TINYINT",
    Role.VALUE: "DOUBLE",
    Role.COVARIATE: "DOUBLE",
    Role.SEGMENT: "VARCHAR",
}
"""Roles that get a column of their own (``c0``, ``c1`` …), and its type."""


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
            return arm(text_of(field, sql_type))
        case _:
            return f"nullif({trimmed(text_of(field, sql_type))}, '')"


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
    word, plain = "the_word", cast_number("replace(the_word, ',', '.')")
    above = f"WHEN {plain} > 0 AND {plain} = floor({plain}) THEN 1" if converted else ""
    read = (
        f"CASE WHEN {word} IN ({listed(BLANK_WORDS)}) THEN {empty} "
        f"WHEN {word} IN ({listed(TRUE_WORDS)}) THEN 1 WHEN {word} IN ({listed(FALSE_WORDS)}) "
        f"THEN 0 WHEN {plain} = 1 THEN 1 WHEN {plain} = 0 THEN 0 {above} ELSE 2 END"
    )
    found = once(word, f"lower({trimmed(text_of(field, sql_type))})", read)
    rest = f"CASE WHEN {field} IS NULL THEN {empty} ELSE {found} END"
    return f"CAST(CASE {field} WHEN '1' THEN 1 WHEN '0' THEN 0 ELSE {rest} END AS TINYINT)"


def happened(field: str, sql_type: str, time_format: str) -> str:
    """1 where a time says when it happened, 0 for blank, 2 for what is no time."""
    text = text_of(field, sql_type)
    moment = time(field, sql_type, time_format)
    real = f"isfinite({moment})" if time_format else f"regexp_matches({text}, '[1-9]')"
    return f"CAST(CASE WHEN {is_blank(text)} THEN 0 WHEN {real} THEN 1 ELSE 2 END AS TINYINT)"


def is_wrong(role: Role, value: str) -> str:
    """Whether a converted value is the sentinel of its role."""
    if role is Role.OUTCOME:
        return f"coalesce({value} = 2, FALSE)"
    return f"coalesce(NOT isfinite({value}), FALSE)"


def rule_of(role: Role, field: str, *, percent: bool = False) -> str:
    """Write the code of the rule that a wrong cell breaks."""
    word, cell = "lower(the_cell)", "the_cell"
    error = f"({word} IN ({listed(SPREADSHEET_ERRORS)}) OR regexp_full_match({word}, '#+'))"
    plain = "replace(the_amount, ',', '.')" if percent else "the_amount"
    number_like = f"{cast_number(plain)} IS NOT NULL"
    if role is Role.OUTCOME:
        wrong = f"CASE WHEN {number_like} THEN 'OUTCOME_RANGE' ELSE 'OUTCOME_WORD' END"
    elif role is Role.TIME:
        wrong = "'TIME'"
    else:
        infinite = "NOT isfinite(TRY_CAST(the_amount AS DOUBLE))"
        unsigned = f"WHEN {number_like} THEN 'PERCENT' " if percent else ""
        known = f"WHEN coalesce({infinite}, FALSE) THEN 'NOT_FINITE' {unsigned}"
        wrong = f"CASE {known}ELSE 'NUMBER' END"
    wrong = once("the_amount", without_currency(cell), wrong)
    rule = f"CASE WHEN {error} THEN 'SPREADSHEET_ERROR' ELSE {wrong} END"
    return once(cell, trimmed(field), rule)
