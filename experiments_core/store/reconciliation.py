"""Two tables of units of one experiment, held against each other: who is where, and why.

A is what is there, B is what comes from elsewhere. Every unit of A and of B is in exactly one
place: paired (by the same identifier, or by one that is written in another way), or only on
one side for one reason, so the counts add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from experiments_core.domain.source import Role
from experiments_core.query.literals import quoted
from experiments_core.store.lines import line_of
from experiments_core.store.profile import one_row

SHOWN = 100
SHARED = 0.9  # share of pairs that makes a regularity: one shift of times, one name of an arm
FEW = 20
STEP, FURTHEST = 15, 14 * 60  # minutes: zones differ by quarters of an hour, at most so much
CLOSE = 1e-9  # relative; sums written by two programs differ in the last digits
NUMBERS = frozenset({Role.VALUE, Role.COVARIATE})

PLAIN_ID = (
    "regexp_replace(regexp_replace(lower(trim({0})), '\\.0+$', ''), '[^a-z0-9]', '', 'g')"
)
"""An identifier without case, signs and a decimal that a spreadsheet has added."""
BARE_ID = "regexp_replace(" + PLAIN_ID + ", '^[a-z]*0*', '')"
"""That, without a leading word and leading zeros: ``user_0042`` and ``42``. Two different words
are two different units."""


@dataclass(frozen=True, slots=True)
class Side:
    """One table of units.

    Attributes:
        table: With unit, arm, first_ts and the columns below.
        columns: Header -> (column, role).
        left_out: Query of ``unit, rule`` of units that were left out; empty when unknown.
        duplicates: Rows left out as copies or further rows of a unit.
    """

    table: str
    columns: dict[str, tuple[str, Role]]
    left_out: str = ""
    duplicates: int = 0


@dataclass(frozen=True, slots=True)
class Case:
    """One unit that shows a difference; what is not there is None or empty."""

    unit: str
    line: int | None
    a: str | None
    b: str | None


@dataclass(frozen=True, slots=True)
class Why:
    """Units that differ for one reason.

    Attributes:
        code: ``ONLY_IN_A``, ``ONLY_IN_B``, ``OTHER_VARIANT``, ``OTHER_OUTCOME``,
            ``DUPLICATES``, ``ZONE_SHIFT``, ``OUTSIDE_WINDOW``, ``LATE``, ``FILTERED`` or
            ``ID_FORMAT``.
        side: ``a`` or ``b`` when the unit is on that side only, else empty.
        units: How many.
        detail: Column, rule or shift that it is about.
        cases: The first 100.
    """

    code: str
    side: str
    units: int
    detail: str = ""
    cases: tuple[Case, ...] = ()


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What two sources say about the same units.

    Attributes:
        units: Units of A and of B.
        both: Units on both sides.
        arms: Arm -> units of A and of B, under the names of A.
        sums: Measure -> arm -> sum in A and in B.
        whys: Reasons, with counts.
        names: Name of an arm in B -> its name in A, where they differ.
        shift: Minutes that the times of B are ahead of those of A; 0 when they are not.
        compared: Columns that both have.
    """

    units: tuple[int, int]
    both: int
    arms: dict[str, tuple[int, int]]
    sums: dict[str, dict[str, tuple[float, float]]]
    whys: tuple[Why, ...]
    names: dict[str, str] = field(default_factory=dict)
    shift: int = 0
    compared: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for side, units in zip("ab", self.units, strict=True):
            alone = sum(why.units for why in self.whys if why.side == side)
            if self.both + alone != units:
                message = (
                    f"{units} units of {side}, but {self.both} + {alone} are accounted for"
                )
                raise RuntimeError(message)


def reconcile_units(cursor: duckdb.DuckDBPyConnection, a: Side, b: Side) -> Reconciled:
    """Pair the units of two tables and say why the others have no partner.

    Args:
        cursor: On which temporary tables may be made.
        a: What is there.
        b: What comes from elsewhere.
    """
    return _Bench(cursor, a, b).run()


@dataclass(slots=True)
class _Bench:
    cursor: duckdb.DuckDBPyConnection
    a: Side
    b: Side

    def run(self) -> Reconciled:
        self._pair()
        names = self._names()
        shift = self._shift()
        self._alone(shift)
        shared = [name for name in self.a.columns if name in self.b.columns]
        whys = [
            *self._only("a"),
            *self._only("b"),
            *self._formats(),
            *self._shifted(shift),
            *self._moved(names),
            *(why for name in shared for why in self._changed(name)),
            *self._doubled(),
        ]
        both = self._count(f"SELECT count(*) FROM {self._pairs()}")
        return Reconciled(
            units=(self._size(self.a), self._size(self.b)),
            both=both,
            arms=self._arms(names),
            sums={name: self._sums(name, names) for name in shared if self._is_measure(name)},
            whys=tuple(whys),
            names={theirs: ours for theirs, ours in names.items() if theirs != ours},
            shift=shift,
            compared=tuple(shared),
        )

    def _pair(self) -> None:
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

    def _pairs(self, *values: str) -> str:
        """Relation of pairs; ``values`` are expressions over ``a`` and ``b``."""
        wanted = ", ".join(["a.unit AS unit", *values])
        a, b = self.a.table, self.b.table
        return (
            f"(SELECT {wanted} FROM {a} a JOIN {b} b ON a.unit = b.unit UNION ALL "
            f"SELECT {wanted} FROM formats f JOIN {a} a ON a.unit = f.unit_a "
            f"JOIN {b} b ON b.unit = f.unit_b)"
        )

    def _names(self) -> dict[str, str]:
        """Name of each arm of B in A: its own, or that of the arm that nearly all are in."""
        ours = {row[0] for row in self._rows(f"SELECT DISTINCT arm FROM {self.a.table}")}
        theirs = {row[0] for row in self._rows(f"SELECT DISTINCT arm FROM {self.b.table}")}
        names = {arm: arm for arm in theirs & ours}
        strange = theirs - ours
        if not strange:
            return names
        best: dict[str, tuple[str, int, int]] = {}
        for their, our, count in self._rows(
            "SELECT theirs, ours, count(*) AS n FROM "
            f"{self._pairs('b.arm AS theirs', 'a.arm AS ours')} GROUP BY ALL ORDER BY n DESC"
        ):
            arm, most, total = best.get(their, (our, count, 0))
            best[their] = (arm, most, total + count)
        for their in strange:
            arm, most, total = best.get(their, ("", 0, 0))
            free = arm and arm not in names.values()
            sure = total >= FEW and most >= SHARED * total
            names[their] = arm if free and sure else their
        return names

    def _shift(self) -> int:
        """Minutes between the times of B and A that nearly all pairs share."""
        found = self._rows(
            "SELECT d, count(*) AS n FROM "
            + self._pairs("date_diff('minute', a.first_ts, b.first_ts) AS d")
            + " WHERE d IS NOT NULL GROUP BY d ORDER BY n DESC, d"
        )
        total = sum(count for _, count in found)
        if not found or total < FEW or found[0][1] < SHARED * total:
            return 0
        minutes = int(found[0][0])
        return minutes if minutes % STEP == 0 and abs(minutes) <= FURTHEST else 0

    def _alone(self, shift: int) -> None:
        """Make ``alone_a`` and ``alone_b``: units without a partner, each with one reason."""
        for name, side, other, ahead in (
            ("a", self.a, self.b, shift), ("b", self.b, self.a, -shift),
        ):  # fmt: skip
            first, last = one_row(
                self.cursor, f"SELECT min(first_ts), max(first_ts) FROM {other.table}"
            )
            seen = f"s.first_ts + to_minutes({ahead})"
            rules = [
                ("rule IS NOT NULL", "'FILTERED'"),
                *self._window(seen, "s.first_ts", first, last, ahead),
            ]
            cases = " ".join(f"WHEN {condition} THEN {code}" for condition, code in rules)
            filtered = other.left_out or "SELECT NULL::VARCHAR AS unit, '' AS rule WHERE FALSE"
            line = line_of(self.cursor, side.table).format("s")
            self.cursor.execute(
                f"CREATE OR REPLACE TEMP TABLE alone_{name} AS SELECT s.unit, s.arm, {line} "
                f"AS line, s.first_ts, rule, CASE {cases} "
                f"ELSE 'ONLY_IN_{name.upper()}' END AS why "
                f"FROM {side.table} s JOIN left_{name} l ON s.unit = l.unit LEFT JOIN "
                f"(SELECT unit, any_value(rule) AS rule FROM ({filtered}) GROUP BY unit) r "
                "ON s.unit = r.unit"
            )

    def _window(
        self, seen: str, plain: str, first: Any, last: Any, ahead: int
    ) -> Sequence[tuple[str, str]]:
        """Times at which the other side has nothing; a shift alone may put them there."""
        if first is None:
            return ()
        begin, end = (f"TIMESTAMP {quoted(str(one))}" for one in (first, last))
        rules = []
        if ahead:
            inside = f"{plain} BETWEEN {begin} AND {end}"
            outside = f"({seen} NOT BETWEEN {begin} AND {end})"
            rules.append((f"{inside} AND {outside}", "'ZONE_SHIFT'"))
        rules.append((f"{seen} > {end}", "'LATE'"))
        rules.append((f"{seen} < {begin}", "'OUTSIDE_WINDOW'"))
        return rules

    def _only(self, side: str) -> list[Why]:
        found = self._rows(
            f"SELECT why, coalesce(rule, ''), count(*) AS n FROM alone_{side} "
            "GROUP BY ALL ORDER BY n DESC, why, 2"
        )
        return [
            Why(code, side, count, rule, self._cases_alone(side, code, rule))
            for code, rule, count in found
        ]

    def _cases_alone(self, side: str, code: str, rule: str) -> tuple[Case, ...]:
        a, b = ("arm", "NULL") if side == "a" else ("NULL", "arm")
        return self._cases(
            f"SELECT unit, line, {a}, {b} FROM alone_{side} WHERE why = {quoted(code)} AND "
            f"coalesce(rule, '') = {quoted(rule)} ORDER BY line, unit"
        )

    def _formats(self) -> list[Why]:
        count = self._count("SELECT count(*) FROM formats")
        if not count:
            return []
        cases = self._cases("SELECT unit_a, NULL, unit_a, unit_b FROM formats ORDER BY ALL")
        return [Why("ID_FORMAT", "", count, "", cases)]

    def _shifted(self, shift: int) -> list[Why]:
        if not shift:
            return []
        pairs = self._pairs("a.first_ts AS x", "b.first_ts AS y")
        condition = f"date_diff('minute', x, y) = {shift}"
        count = self._count(f"SELECT count(*) FROM {pairs} WHERE {condition}")
        cases = self._cases(
            f"SELECT unit, NULL, x::VARCHAR, y::VARCHAR FROM {pairs} WHERE {condition} "
            "ORDER BY unit"
        )
        return [Why("ZONE_SHIFT", "", count, f"{shift}", cases)]

    def _moved(self, names: dict[str, str]) -> list[Why]:
        pairs = self._pairs("a.arm AS x", f"{_named('b.arm', names)} AS y", self._line())
        found = self._count(f"SELECT count(*) FROM {pairs} WHERE x <> y")
        if not found:
            return []
        cases = self._cases(
            f"SELECT unit, line, x, y FROM {pairs} WHERE x <> y ORDER BY line, unit"
        )
        return [Why("OTHER_VARIANT", "", found, "", cases)]

    def _changed(self, name: str) -> list[Why]:
        (ours, role), (theirs, _) = self.a.columns[name], self.b.columns[name]
        different = "x IS DISTINCT FROM y"
        if role in NUMBERS:
            size = f"{CLOSE} * greatest(abs(x), abs(y))"
            different = f"coalesce(abs(x - y) > {size}, {different})"
        pairs = self._pairs(f"a.{ours} AS x", f"b.{theirs} AS y", self._line())
        found = self._count(f"SELECT count(*) FROM {pairs} WHERE {different}")
        if not found:
            return []
        cases = self._cases(
            f"SELECT unit, line, x::VARCHAR, y::VARCHAR FROM {pairs} WHERE {different} "
            "ORDER BY line, unit"
        )
        return [Why("OTHER_OUTCOME", "", found, name, cases)]

    def _doubled(self) -> list[Why]:
        return [
            Why("DUPLICATES", "", side.duplicates, name)
            for name, side in (("A", self.a), ("B", self.b))
            if side.duplicates
        ]

    def _arms(self, names: dict[str, str]) -> dict[str, tuple[int, int]]:
        ours = dict(self._rows(f"SELECT arm, count(*) FROM {self.a.table} GROUP BY arm"))
        theirs: dict[str, int] = {}
        for arm, count in self._rows(f"SELECT arm, count(*) FROM {self.b.table} GROUP BY arm"):
            theirs[names[arm]] = theirs.get(names[arm], 0) + count
        return {
            arm: (int(ours.get(arm, 0)), int(theirs.get(arm, 0)))
            for arm in sorted({*ours, *theirs})
        }

    def _sums(self, name: str, names: dict[str, str]) -> dict[str, tuple[float, float]]:
        found: dict[str, list[float]] = {}
        for place, side in enumerate((self.a, self.b)):
            column = side.columns[name][0]
            for arm, total in self._rows(
                f"SELECT arm, coalesce(sum({column}), 0) FROM {side.table} GROUP BY arm"
            ):
                key = arm if place == 0 else names[arm]
                found.setdefault(key, [0.0, 0.0])[place] += float(total)
        return {arm: (x, y) for arm, (x, y) in sorted(found.items())}

    def _is_measure(self, name: str) -> bool:
        roles = {self.a.columns[name][1], self.b.columns[name][1]}
        return roles <= {Role.OUTCOME, Role.VALUE}

    def _line(self) -> str:
        return f"{line_of(self.cursor, self.b.table).format('b')} AS line"

    def _size(self, side: Side) -> int:
        return self._count(f"SELECT count(*) FROM {side.table}")

    def _cases(self, sql: str) -> tuple[Case, ...]:
        return tuple(Case(*row) for row in self._rows(f"{sql} LIMIT {SHOWN}"))

    def _count(self, sql: str) -> int:
        return int(one_row(self.cursor, sql)[0])

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.cursor.execute(sql).fetchall()


def _named(arm: str, names: dict[str, str]) -> str:
    """Expression of an arm of B under its name in A."""
    pairs = " ".join(
        f"WHEN {quoted(theirs)} THEN {quoted(ours)}"
        for theirs, ours in names.items()
        if theirs != ours
    )
    return f"CASE {arm} {pairs} ELSE {arm} END" if pairs else arm
