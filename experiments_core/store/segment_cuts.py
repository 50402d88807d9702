"""How a segment goes with the variant: which value belongs to an arm, and whether it leaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from experiments_core.domain.source import Role
from experiments_core.query.literals import quoted
from experiments_core.store.profile import Profile
from experiments_core.store.staged import StagedColumn

MOST_CODES = 20  # a column with more values does not name the variant
AGREE = 0.9  # share of rows in which a column has to say the same as the variant
DECIDED = 0.01  # share of an outcome's variance that a segment leaves: no more, and it leaks
LEAK_VALUES = 100
FEW = 20  # fewer rows than this show no regularity


@dataclass(frozen=True, slots=True)
class Cut:
    """How the variant and one segment go together.

    Attributes:
        counts: (arm, value) -> rows, rows with the outcome known, sum of the outcome.
    """

    counts: dict[tuple[str, str | None], tuple[int, int, float]]

    def expected(self) -> dict[str, str]:
        """Value that belongs to each arm; empty when the column does not name the variant."""
        arms: dict[str, dict[str, int]] = {}
        for (arm, value), (rows, _, _) in self.counts.items():
            if value is not None:
                arms.setdefault(arm, {})[value] = rows
        values = {value for _, value in self.counts if value is not None}
        if not 2 <= len(values) <= MOST_CODES or len(arms) < 2:
            return {}
        best = {arm: max(found, key=lambda v: found[v]) for arm, found in arms.items()}
        total = sum(sum(found.values()) for found in arms.values())
        agree = sum(found[best[arm]] for arm, found in arms.items())
        if len(set(best.values())) < len(arms) or agree < AGREE * total or total < FEW:
            return {}
        return best

    def contradicted(self) -> dict[tuple[str, str], int]:
        """Rows in which the column names another variant, by (arm, value)."""
        best = self.expected()
        return {
            (arm, value): rows
            for (arm, value), (rows, _, _) in self.counts.items()
            if best and value is not None and value != best.get(arm)
        }

    def leaks(self) -> bool:
        """Whether the segment leaves next to nothing of the outcome open."""
        groups: dict[str | None, tuple[int, float]] = {}
        for (_, value), (_, known, converted) in self.counts.items():
            n, x = groups.get(value, (0, 0.0))
            groups[value] = (n + known, x + converted)
        units = sum(n for n, _ in groups.values())
        events = sum(x for _, x in groups.values())
        if not 0 < events < units or len(groups) < 2 or units < FEW:
            return False
        inside = sum(x * (1 - x / n) for n, x in groups.values() if n)
        return bool(inside <= DECIDED * events * (1 - events / units))


def cut(cursor: duckdb.DuckDBPyConnection, rows: str, segment: str, outcome: str | None) -> Cut:
    """Count arms by the values of one segment, in one pass."""
    known = f"count({outcome}), coalesce(sum({outcome}), 0)" if outcome else "0, 0"
    found = cursor.execute(
        f"SELECT arm, {segment}, count(*), {known} FROM {rows} GROUP BY ALL"
    ).fetchall()
    return Cut({(arm, value): (n, k, float(x)) for arm, value, n, k, x in found})


def outcome_of(columns: Sequence[StagedColumn]) -> str | None:
    """Expression of the first outcome, or whether the first number is more than nothing."""
    outcome = next((c.column for c in columns if c.role is Role.OUTCOME), None)
    if outcome is not None:
        return outcome
    value = next((c.column for c in columns if c.role is Role.VALUE), None)
    return f"CAST({value} <> 0 AS INTEGER)" if value else None


def cuts(
    cursor: duckdb.DuckDBPyConnection,
    rows: str,
    columns: Sequence[StagedColumn],
    profile: Profile,
) -> dict[int, Cut]:
    """Position of each segment with few values -> how it goes with the variant.

    Args:
        cursor: With the staging tables.
        rows: A relation with arm and the values.
        columns: Columns of the staging table.
        profile: How many values each has.
    """
    outcome = outcome_of(columns)
    return {
        column.position: cut(cursor, rows, column.column, outcome)
        for column in columns
        if column.role is Role.SEGMENT and profile[f"{column.column}_values"] <= LEAK_VALUES
    }


def disagrees(segment: str, one: Cut) -> str:
    """Condition of a row whose segment names another variant."""
    pairs = " ".join(
        f"WHEN {quoted(arm)} THEN {segment} <> {quoted(value)}"
        for arm, value in one.expected().items()
    )
    return f"coalesce(CASE arm {pairs} ELSE FALSE END, FALSE)"


def agrees(segment: str, one: Cut) -> str:
    """Condition of a row whose segment does not name another variant."""
    return f"NOT {disagrees(segment, one)}"
