"""Several rows of one unit: what counts of them, in words."""

from __future__ import annotations

from experiments_core.domain.source import REPEATS_OF, Mapping

FILE_RULES = {
    "max": "the highest value of each outcome counts",
    "sum": "converted at least once counts, numbers are added up",
    "mean": "converted at least once counts, of numbers the mean",
    "first": "the first row counts",
    "last": "the last row counts",
}
COLUMN_RULES = {
    "sum": "the sum", "mean": "the mean", "max": "the highest value", "min": "the lowest value",
    "first": "the first value", "last": "the last value", "count": "the number of filled rows",
    "rows": "every row (for a quantile; else their sum)",
}  # fmt: skip


def repeats_in_words(mapping: Mapping) -> str:
    """What counts of several rows of one unit: the file's rule, then those of columns."""
    told = [
        f"of “{column.name}” {COLUMN_RULES[column.repeats]} counts"
        for column in mapping.columns
        if column.repeats and column.role in REPEATS_OF
    ]
    if mapping.repeats in FILE_RULES and not all(c.repeats for c in mapping.measures):
        told.insert(0, FILE_RULES[mapping.repeats])
    return "; ".join(told)
