"""Rules that a row can break: stable codes, whether they block, and the words for them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass

from experiments_core.tabular.text import LONGEST_UNIT, neutral, shorten


@dataclass(frozen=True, slots=True)
class Rule:
    """Why a row is not used.

    Attributes:
        code: Stable code.
        blocking: A person has to choose to leave such rows out; else they are left out with a
            warning.
        message: About one row; ``{column}`` and ``{value}`` are filled in.
        summary: About all of them; ``{rows}`` is filled in.
    """

    code: str
    blocking: bool
    message: str
    summary: str


@dataclass(frozen=True, slots=True)
class Reject:
    """One row that is not used.

    Attributes:
        line: Physical line on which the row begins; the header is line 1.
        column: Header of the column at fault, empty when it is the whole row.
        value: The cell as it stands in the file.
        rule: Code of the rule.
        message: The rule in words, with the value.
        raw: The whole row.
    """

    line: int
    column: str
    value: str
    rule: str
    message: str
    raw: str = ""


RULES: dict[str, Rule] = {
    rule.code: rule
    for rule in (
        Rule("EMPTY_ROW", False, "the row is empty", "{rows} empty rows were left out"),
        Rule("REPEATED_HEADER", False, "the header stands here again",
             "the header stands again in {rows} rows; they were left out"),
        Rule("TOTALS_ROW", False, "a totals row, not data", "{rows} totals rows were left out"),
        Rule("VARIANT_BLANK", False, "no variant", "{rows} rows without a variant left out"),
        Rule("VARIANT_UNKNOWN", True, "“{value}” is no variant of this experiment",
             "{rows} rows belong to variants that the experiment does not have"),
        Rule("UNIT_BLANK", False, "no {column}", "{rows} rows without an identifier left out"),
        Rule("UNIT_LENGTH", True,
             f"an identifier has at most {LONGEST_UNIT} characters",
             f"{{rows}} identifiers are longer than {LONGEST_UNIT} characters"),
        Rule("OUTCOME_WORD", True, "“{value}” is not a yes or no (1/0, true/false, yes/no …)",
             "{rows} cells of an outcome are no yes or no"),
        Rule("OUTCOME_RANGE", True, "{value} is not 0 or 1",
             "{rows} cells of an outcome are neither 0 nor 1"),
        Rule("NUMBER", True, "“{value}” is not a number", "{rows} cells are not numbers"),
        Rule("NOT_FINITE", True, "{value} is not a finite number",
             "{rows} numbers are not finite"),
        Rule("SPREADSHEET_ERROR", True, "{value} is an error of a spreadsheet, not a value",
             "{rows} cells hold an error of a spreadsheet"),
        Rule("TIME", True, "“{value}” cannot be read as a time",
             "{rows} times cannot be read"),
        Rule("UNIT_DUPLICATE_ROWS", False, "an exact copy of an earlier row of “{value}”",
             "{rows} duplicate rows (exact copies) were left out"),
        Rule("UNIT_IN_TWO_ARMS", False, "“{value}” stands in more than one variant",
             "{rows} rows of units in more than one variant were left out"),
        Rule("UNIT_REPEATED", False, "a further row of “{value}”",
             "{rows} further rows of units that stand several times were left out"),
        Rule("UNIT_KNOWN", False, "“{value}” was imported before",
             "{rows} rows of units that were imported before were left out"),
        Rule("VISITORS_ZERO", True, "0 visitors", "{rows} rows have 0 visitors"),
        Rule("COUNT", True, "{value} is not a whole number of 0 or more",
             "{rows} counts are not whole numbers of 0 or more"),
        Rule("COUNT_ABOVE", True, "{value}: more than there were visitors",
             "{rows} rows count more conversions than visitors"),
    )
}  # fmt: skip
"""All rules about rows, by code."""


def words(rule: str, column: str, value: str) -> str:
    """Say what is wrong with one row."""
    text = RULES[rule].message
    return text.replace("{column}", column).replace("{value}", shorten(value))


def summary(rule: str, rows: int) -> str:
    """Say what was found in all rows, without a full stop."""
    text = RULES[rule].summary.replace("{rows}", f"{rows:,}")
    if rows != 1:
        return text
    for many, one in (
        ("rows", "row"), ("were", "was"), ("cells", "cell"), ("counts", "count"),
        ("identifiers", "identifier"), ("numbers", "number"), ("times", "time"),
        (" hold ", " holds "), (" have ", " has "), (" are ", " is "), (" belong ", " belongs "),
    ):  # fmt: skip
        text = text.replace(many, one, 1)
    return text


def to_csv(rejects: Iterable[Reject]) -> bytes:
    """Write rejects as CSV (UTF-8 with a byte-order mark); nothing in it runs in a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(("line", "column", "value", "rule", "message", "row"))
    for reject in rejects:
        texts = (reject.column, reject.value, reject.rule, reject.message, reject.raw)
        writer.writerow((reject.line, *(neutral(text) for text in texts)))
    return out.getvalue().encode("utf-8-sig")
