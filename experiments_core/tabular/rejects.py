"""Rules that a row can break: stable codes, whether they block, and the words for them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass

from experiments_core.domain.text import grouped
from experiments_core.tabular.text import LONGEST_UNIT, neutral, shorten


@dataclass(frozen=True, slots=True)
class Rule:
    """Why a row is not used.

    Attributes:
        code: Stable code.
        blocking: A person has to choose to leave such rows out; else they are left out with a
            warning.
        message: About one row; ``{column}`` and ``{value}`` are filled in.
        summary: What such rows have in common.
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
        Rule("EMPTY_ROW", False, "the row is empty", "empty"),
        Rule("REPEATED_HEADER", False, "the header stands here again", "the header again"),
        Rule("TOTALS_ROW", False, "a totals row, not data", "totals, not data"),
        Rule("VARIANT_BLANK", False, "no variant", "no variant"),
        Rule("VARIANT_UNKNOWN", True, "“{value}” is no variant of this experiment",
             "a variant that the experiment does not have"),
        Rule("UNIT_BLANK", False, "no {column}", "no identifier"),
        Rule("UNIT_LENGTH", True, f"an identifier has at most {LONGEST_UNIT} characters",
             f"an identifier longer than {LONGEST_UNIT} characters"),
        Rule("CELL_LENGTH", True, "a cell has at most 64 KB", "a cell longer than 64 KB"),
        Rule("OUTCOME_WORD", True, "“{value}” is not a yes or no (1/0, true/false, yes/no …)",
             "an outcome that is no yes or no"),
        Rule("OUTCOME_RANGE", True, "{value} is not 0 or 1", "an outcome that is not 0 or 1"),
        Rule("NUMBER", True, "“{value}” is not a number", "not a number"),
        Rule("NOT_FINITE", True, "{value} is not a finite number", "not a finite number"),
        Rule("SPREADSHEET_ERROR", True, "{value} is an error of a spreadsheet, not a value",
             "an error of a spreadsheet instead of a value"),
        Rule("TIME", True, "“{value}” cannot be read as a time", "an unreadable time"),
        Rule("UNIT_DUPLICATE_ROWS", False, "an exact copy of an earlier row of “{value}”",
             "duplicates, exact copies of an earlier row"),
        Rule("UNIT_IN_TWO_ARMS", False, "“{value}” stands in more than one variant",
             "units in more than one variant"),
        Rule("UNIT_REPEATED", False, "a further row of “{value}”",
             "further rows of units that stand several times"),
        Rule("VARIANT_CONTRADICTED", False, "{column} “{value}” belongs to another variant",
             "another column says another variant"),
        Rule("EVENT_BLANK", False, "no event", "no event"),
        Rule("EVENT_OTHER", False, "“{value}” is neither an exposure nor a conversion",
             "events that are neither an exposure nor a conversion"),
        Rule("EXPOSURE_AGAIN", False, "a later exposure of “{value}”",
             "later exposures; the first one counts"),
        Rule("NOT_EXPOSED", False, "“{value}” was never exposed",
             "events of units that were never exposed"),
        Rule("BEFORE_EXPOSURE", False, "before the first exposure",
             "events before the first exposure of their unit"),
        Rule("OUTSIDE_WINDOW", False, "later than the conversion window",
             "events after the conversion window"),
        Rule("TIME_BLANK", False, "no time", "no time, so nobody knows the order"),
        Rule("OTHER_EXPERIMENT", False, "belongs to “{value}”", "rows of other experiments"),
        Rule("EARLIER_SNAPSHOT", False, "an earlier reading than the last one",
             "earlier readings of running totals; the last one counts"),
        Rule("READING_COPY", False, "says again what another row says",
             "rows that say the same of one variant, metric and time as another one"),
        Rule("READING_TWICE", True, "another row has this variant, metric and time",
             "a second row of one variant, metric and time"),
        Rule("VARIANCE", True, "{value} is not a number of 0 or more",
             "a variance that is not a number of 0 or more"),
        Rule("UNIT_KNOWN", False, "“{value}” was imported before",
             "units that were imported before"),
        Rule("UNIT_ERASED", False, "“{value}” was erased", "units that were erased on request"),
        Rule("VISITORS_ZERO", True, "0 visitors", "0 visitors"),
        Rule("COUNT", True, "{value} is not a whole number of 0 or more",
             "a count that is not a whole number of 0 or more"),
        Rule("COUNT_LARGE", True,
             "{value} is more than the largest count, 9 007 199 254 740 992",
             "a count above the largest that is exact"),
        Rule("RATE", True,
             "“{value}” is no share between 0 and 100 %, or not written as the others",
             "a rate that is no share between 0 and 100 %, or not written as the others"),
        Rule("RATE_NOT_WHOLE", True, "{value}, which is no whole number",
             "a rate that gives no whole number of conversions"),
        Rule("RATE_COARSE", True, "{value}: the rate is rounded too far to give the count",
             "a rate that is rounded too far to give one number of conversions"),
        Rule("PERCENT", True, "“{value}” has no percent sign, unlike the others",
             "a number without the percent sign that the others have"),
        Rule("COUNT_ABOVE", True, "{value}: more than there were visitors",
             "more conversions than visitors"),
    )
}  # fmt: skip
"""All rules about rows, by code."""


def words(rule: str, column: str, value: str) -> str:
    """Say what is wrong with one row."""
    text = RULES[rule].message
    return text.replace("{column}", column).replace("{value}", shorten(value))


def summary(rule: str, rows: int) -> str:
    """Say what was found in all rows: “3 rows left out: no variant”."""
    verb = "cannot be used" if RULES[rule].blocking else "left out"
    return f"{grouped(rows)} row{'' if rows == 1 else 's'} {verb}: {RULES[rule].summary}"


def to_csv(rejects: Iterable[Reject], *, for_spreadsheet: bool = True) -> bytes:
    """Write rejects as CSV in UTF-8.

    Args:
        rejects: Rows left out.
        for_spreadsheet: With a byte-order mark, and no cell that a spreadsheet would run;
            False writes every cell as it stands in the file.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(("line", "column", "value", "rule", "message", "row"))
    for reject in rejects:
        texts = (reject.column, reject.value, reject.rule, reject.message, reject.raw)
        cells = (neutral(text) for text in texts) if for_spreadsheet else texts
        writer.writerow((reject.line, *cells))
    return out.getvalue().encode("utf-8-sig" if for_spreadsheet else "utf-8")
