"""What imports said about rows that are not in the data."""

from __future__ import annotations

from collections.abc import Iterable

from experiments_core.analysis.design import Quality
from experiments_core.domain.source import Role
from experiments_core.store.data_states import ImportFacts

CROSSED = "UNIT_IN_TWO_ARMS"
ON_PURPOSE = frozenset({
    CROSSED, "UNIT_REPEATED", "UNIT_DUPLICATE_ROWS", "UNIT_KNOWN", "UNIT_ERASED",
    "EMPTY_ROW", "REPEATED_HEADER", "TOTALS_ROW", "EVENT_OTHER", "EXPOSURE_AGAIN",
    "NOT_EXPOSED", "BEFORE_EXPOSURE", "OUTSIDE_WINDOW", "OTHER_EXPERIMENT", "EARLIER_SNAPSHOT",
    "READING_COPY", "OUTCOME_NOT_ASSIGNED",
})  # fmt: skip
"""Rows left out by a rule that somebody chose, or that are no data; others are rejected."""


def quality_of(imports: Iterable[ImportFacts]) -> Quality:
    """Add up what the imports said about rows that are not in the data."""
    known = list(imports)
    rules = [rule for one in known for rule in one.report.get("by_rule", ())]
    out = sum(one.rows_left_out for one in known)
    chosen = sum(int(rule["rows"]) for rule in rules if rule["rule"] in ON_PURPOSE)
    kept = any(one.mapping.get("crossovers") == "first_seen" for one in known)
    return Quality(
        rows_read=sum(one.rows_read for one in known),
        rows_left_out=out,
        rows_rejected=max(0, out - chosen),
        crossed_units=_crossed(known),
        crossed_left_out=not kept,
        served_otherwise=_logged(known, "served_otherwise"),
        contaminated=_logged(known, "contaminated") or 0,
    )


def _logged(known: Iterable[ImportFacts], name: str) -> int | None:
    """What the log counted; None where no data came as events."""
    counts = [one.report["counts"] for one in known if "counts" in one.report]
    return sum(int(one.get(name, 0)) for one in counts) if counts else None


def _crossed(known: Iterable[ImportFacts]) -> int | None:
    """Units in two arms; None where no column identifies a unit."""
    identified = [
        one
        for one in known
        if any(column["role"] == Role.UNIT for column in one.mapping.get("columns", ()))
    ]
    if not identified:
        return None
    return sum(int(one.report.get("crossed_units") or 0) for one in identified)
