"""Two tables of units of one experiment, held against each other: who is where, and why.

A is what is there, B is what comes from elsewhere. Every unit of A and of B is in exactly one
place: paired (by the same identifier, or by one that is written in another way), or only on
one side for one reason, so the counts add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from experiments_core.domain.source import Role
from experiments_core.query.literals import quoted
from experiments_core.store.lines import line_of
from experiments_core.store.pairing import Pairs
from experiments_core.store.profile import one_row
from experiments_core.store.reconciled import Case, Reconciled, Side, Why

SHOWN = 100
CLOSE = 1e-9  # relative; sums written by two programs differ in the last digits
NUMBERS = frozenset({Role.VALUE, Role.COVARIATE})


def reconcile_units(cursor: duckdb.DuckDBPyConnection, a: Side, b: Side) -> Reconciled:
    """Pair the units of two tables and say why the others have no partner.

    Args:
        cursor: On which temporary tables may be made.
        a: What is there.
        b: What comes from elsewhere.
    """
    pairs = Pairs(cursor, a, b)
    pairs.make()
    return _Bench(pairs).run()


@dataclass(frozen=True, slots=True)
class _Bench:
    pairs: Pairs

    def run(self) -> Reconciled:
        names = self.pairs.names()
        shift = self.pairs.shift()
        self._alone(shift)
        shared = [name for name in self.pairs.a.columns if name in self.pairs.b.columns]
        whys = [
            *self._only("a"),
            *self._only("b"),
            *self._formats(),
            *self._shifted(shift),
            *self._moved(names),
            *(why for name in shared for why in self._changed(name)),
            *self._doubled(),
        ]
        both = self._count(f"SELECT count(*) FROM {self.pairs.relation()}")
        return Reconciled(
            units=(self._size(self.pairs.a), self._size(self.pairs.b)),
            both=both,
            arms=self._arms(names),
            sums={name: self._sums(name, names) for name in shared if self._is_measure(name)},
            whys=tuple(whys),
            names={theirs: ours for theirs, ours in names.items() if theirs != ours},
            compared=tuple(shared),
        )

    def _alone(self, shift: int) -> None:
        """Make ``alone_a`` and ``alone_b``: units without a partner, each with one reason."""
        for name, side, other, ahead in (
            ("a", self.pairs.a, self.pairs.b, shift), ("b", self.pairs.b, self.pairs.a, -shift),
        ):  # fmt: skip
            first, last = one_row(
                self.pairs.cursor, f"SELECT min(first_ts), max(first_ts) FROM {other.table}"
            )
            seen = f"s.first_ts + to_minutes({ahead})"
            rules = [
                ("rule IS NOT NULL", "'FILTERED'"),
                *self._window(seen, "s.first_ts", first, last, ahead),
            ]
            cases = " ".join(f"WHEN {condition} THEN {code}" for condition, code in rules)
            filtered = other.left_out or "SELECT NULL::VARCHAR AS unit, '' AS rule WHERE FALSE"
            line = line_of(self.pairs.cursor, side.table).format("s")
            self.pairs.cursor.execute(
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
        found = self.pairs.rows(
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
        pairs = self.pairs.relation("a.first_ts AS x", "b.first_ts AS y")
        condition = f"date_diff('minute', x, y) = {shift}"
        count = self._count(f"SELECT count(*) FROM {pairs} WHERE {condition}")
        cases = self._cases(
            f"SELECT unit, NULL, x::VARCHAR, y::VARCHAR FROM {pairs} WHERE {condition} "
            "ORDER BY unit"
        )
        return [Why("ZONE_SHIFT", "", count, f"{shift}", cases)]

    def _moved(self, names: dict[str, str]) -> list[Why]:
        pairs = self.pairs.relation(
            "a.arm AS x", f"{_named('b.arm', names)} AS y", self._line()
        )
        found = self._count(f"SELECT count(*) FROM {pairs} WHERE x <> y")
        if not found:
            return []
        cases = self._cases(
            f"SELECT unit, line, x, y FROM {pairs} WHERE x <> y ORDER BY line, unit"
        )
        return [Why("OTHER_VARIANT", "", found, "", cases)]

    def _changed(self, name: str) -> list[Why]:
        (ours, role), (theirs, _) = self.pairs.a.columns[name], self.pairs.b.columns[name]
        different = "x IS DISTINCT FROM y"
        if role in NUMBERS:
            size = f"{CLOSE} * greatest(abs(x), abs(y))"
            different = f"coalesce(abs(x - y) > {size}, {different})"
        pairs = self.pairs.relation(f"a.{ours} AS x", f"b.{theirs} AS y", self._line())
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
            for name, side in (("A", self.pairs.a), ("B", self.pairs.b))
            if side.duplicates
        ]

    def _arms(self, names: dict[str, str]) -> dict[str, tuple[int, int]]:
        ours = dict(
            self.pairs.rows(f"SELECT arm, count(*) FROM {self.pairs.a.table} GROUP BY arm")
        )
        theirs: dict[str, int] = {}
        for arm, count in self.pairs.rows(
            f"SELECT arm, count(*) FROM {self.pairs.b.table} GROUP BY arm"
        ):
            theirs[names[arm]] = theirs.get(names[arm], 0) + count
        return {
            arm: (int(ours.get(arm, 0)), int(theirs.get(arm, 0)))
            for arm in sorted({*ours, *theirs})
        }

    def _sums(self, name: str, names: dict[str, str]) -> dict[str, tuple[float, float]]:
        found: dict[str, list[float]] = {}
        for place, side in enumerate((self.pairs.a, self.pairs.b)):
            column = side.columns[name][0]
            for arm, total in self.pairs.rows(
                f"SELECT arm, coalesce(sum({column}), 0) FROM {side.table} GROUP BY arm"
            ):
                key = arm if place == 0 else names[arm]
                found.setdefault(key, [0.0, 0.0])[place] += float(total)
        return {arm: (x, y) for arm, (x, y) in sorted(found.items())}

    def _is_measure(self, name: str) -> bool:
        roles = {self.pairs.a.columns[name][1], self.pairs.b.columns[name][1]}
        return roles <= {Role.OUTCOME, Role.VALUE}

    def _line(self) -> str:
        return f"{line_of(self.pairs.cursor, self.pairs.b.table).format('b')} AS line"

    def _size(self, side: Side) -> int:
        return self._count(f"SELECT count(*) FROM {side.table}")

    def _cases(self, sql: str) -> tuple[Case, ...]:
        return tuple(Case(*row) for row in self.pairs.rows(f"{sql} LIMIT {SHOWN}"))

    def _count(self, sql: str) -> int:
        return int(one_row(self.pairs.cursor, sql)[0])


def _named(arm: str, names: dict[str, str]) -> str:
    """Expression of an arm of B under its name in A."""
    pairs = " ".join(
        f"WHEN {quoted(theirs)} THEN {quoted(ours)}"
        for theirs, ours in names.items()
        if theirs != ours
    )
    return f"CASE {arm} {pairs} ELSE {arm} END" if pairs else arm
