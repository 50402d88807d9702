"""Which unit of one table is which of another, also where an id is written in another way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb

from experiments_core.store.reconciled import Side

SHARED = 0.9  # share of pairs that makes a regularity: one shift of times, one name of an arm
FEW = 20
STEP, FURTHEST = 15, 14 * 60  # minutes: zones differ by quarters of an hour, at most so much

PLAIN_ID = (
    "regexp_replace(regexp_replace(lower(trim({0})), '\\.0+$', ''), '[^a-z0-9]', '', 'g')"
)
"""An identifier without case, signs and a decimal that a spreadsheet has added."""
BARE_ID = "regexp_replace(" + PLAIN_ID + ", '^[a-z]*0*', '')"
"""That, without a leading word and leading zeros: ``user_0042`` and ``42``. Two different words
are two different units."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of the units of two tables; temporary tables of the cursor hold the rest.

    Attributes:
        a: What is there.
        b: What comes from elsewhere.
    """

    cursor: duckdb.DuckDBPyConnection
    a: Side
    b: Side

    def make(self) -> None:
        """Make ``formats``: units that are the same but for the way they are written."""
        for name, side, other in (("left_a", self.a, self.b), ("left_b", self.b, self.a)):
            self.cursor.execute(
                f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT unit FROM {side.table} "
                f"ANTI JOIN {other.table} USING (unit)"
            )
        self.cursor.execute(
            "CREATE OR REPLACE TEMP TABLE formats (unit_a VARCHAR, unit_b VARCHAR)"
        )
        for form in (PLAIN_ID, BARE_ID):
            once = (
                "SELECT k, any_value(unit) AS unit, any_value(word) AS word FROM (SELECT unit, "
                + form.format("unit")
                + f" AS k, regexp_extract({PLAIN_ID.format('unit')}, '^[a-z]*') AS word"
                + " FROM {0}) WHERE k <> '' GROUP BY k HAVING count(*) = 1"
            )
            self.cursor.execute(
                f"INSERT INTO formats SELECT x.unit, y.unit FROM ({once.format('left_a')}) x "
                f"JOIN ({once.format('left_b')}) y ON x.k = y.k "
                "AND (x.word = y.word OR '' IN (x.word, y.word))"
            )
            for name, column in (("left_a", "unit_a"), ("left_b", "unit_b")):
                self.cursor.execute(
                    f"DELETE FROM {name} WHERE unit IN (SELECT {column} FROM formats)"
                )

    def relation(self, *values: str) -> str:
        """Relation of pairs; ``values`` are expressions over ``a`` and ``b``."""
        wanted = ", ".join(["a.unit AS unit", *values])
        a, b = self.a.table, self.b.table
        return (
            f"(SELECT {wanted} FROM {a} a JOIN {b} b ON a.unit = b.unit UNION ALL "
            f"SELECT {wanted} FROM formats f JOIN {a} a ON a.unit = f.unit_a "
            f"JOIN {b} b ON b.unit = f.unit_b)"
        )

    def names(self) -> dict[str, str]:
        """Name of each arm of B in A: its own, or that of the arm that nearly all are in."""
        ours = {row[0] for row in self.rows(f"SELECT DISTINCT arm FROM {self.a.table}")}
        theirs = {row[0] for row in self.rows(f"SELECT DISTINCT arm FROM {self.b.table}")}
        names = {arm: arm for arm in theirs & ours}
        strange = theirs - ours
        if not strange:
            return names
        best: dict[str, tuple[str, int, int]] = {}
        for their, our, count in self.rows(
            "SELECT theirs, ours, count(*) AS n FROM "
            f"{self.relation('b.arm AS theirs', 'a.arm AS ours')} GROUP BY ALL ORDER BY n DESC"
        ):
            arm, most, total = best.get(their, (our, count, 0))
            best[their] = (arm, most, total + count)
        for their in strange:
            arm, most, total = best.get(their, ("", 0, 0))
            free = arm and arm not in names.values()
            sure = total >= FEW and most >= SHARED * total
            names[their] = arm if free and sure else their
        return names

    def shift(self) -> int:
        """Minutes between the times of B and A that nearly all pairs share."""
        found = self.rows(
            "SELECT d, count(*) AS n FROM "
            + self.relation("date_diff('minute', a.first_ts, b.first_ts) AS d")
            + " WHERE d IS NOT NULL GROUP BY d ORDER BY n DESC, d"
        )
        total = sum(count for _, count in found)
        if not found or total < FEW or found[0][1] < SHARED * total:
            return 0
        minutes = int(found[0][0])
        return minutes if minutes % STEP == 0 and abs(minutes) <= FURTHEST else 0

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Every row of a query."""
        return self.cursor.execute(sql).fetchall()
