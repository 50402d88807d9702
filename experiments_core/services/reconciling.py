"""Two sources of one experiment, held against each other: every difference with its reason.

The same bench serves a newer export of data that are there, and another tool's figures.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from experiments_core.domain.source import Mapping, Role, Shape
from experiments_core.domain.text import grouped
from experiments_core.services.checked import Checked
from experiments_core.services.reconciliation import Reason, Reconciliation
from experiments_core.store.database import Database
from experiments_core.store.imports import DatasetRow
from experiments_core.store.reconciled import Reconciled, Side, Why
from experiments_core.store.reconciliation import reconcile_units
from experiments_core.tabular.rejects import RULES
from experiments_core.tabular.text import fold, shorten

DUPLICATES = ("UNIT_DUPLICATE_ROWS", "UNIT_REPEATED")

Totals = dict[str, tuple[int, dict[str, float]]]
"""Arm -> units, and the sum of each measure."""


def reconcile_with_data(
    db: Database,
    dataset: DatasetRow,
    checked: Checked,
    mapping: Mapping,
    *,
    names: tuple[str, str] = ("the data", "this file"),
) -> Reconciliation:
    """Hold a file that was read against the data of its experiment.

    Args:
        db: The workspace.
        dataset: A, the data.
        checked: B, the file in staging.
        mapping: Of the file.
        names: What they are called in sentences.
    """
    shape = mapping.shape
    named = any(column["role"] == Role.UNIT for column in dataset.mapping["columns"])
    if dataset.shape == shape == Shape.UNIT and named and mapping.named(Role.UNIT):
        with db.staging() as cursor:
            a = _dataset_side(cursor, dataset)
            b = _staged_side(cursor, checked)
            return of_units(reconcile_units(cursor, a, b), names)
    with db.staging() as cursor:
        ours = _totals(cursor, dataset.table_name, dataset.shape, dataset.columns, dataset.id)
        theirs = _totals(cursor, checked.table, shape.value, checked.columns, "")
        known = _left_out(cursor, checked.rejects) if checked.rejects else {}
    return of_totals(ours, theirs, names, known_b=known)


def of_units(found: Reconciled, names: tuple[str, str]) -> Reconciliation:
    """Put what the bench has found into words."""
    reasons = [_reason(why, names) for why in found.whys]
    reasons += [
        Reason(
            "OTHER_VARIANT", 0, f"“{shorten(theirs)}” of {names[1]} is “{shorten(ours)}” of "
            f"{names[0]}: nearly all of its units are the same.", detail=theirs,
        )
        for theirs, ours in found.names.items()
    ]  # fmt: skip
    return Reconciliation(
        names, "units", found.units, found.both, found.arms, found.sums, tuple(reasons),
        found.compared,
    )  # fmt: skip


def of_totals(
    ours: Totals,
    theirs: Totals,
    names: tuple[str, str],
    *,
    known_a: dict[str, int] | None = None,
    known_b: dict[str, int] | None = None,
) -> Reconciliation:
    """Compare counts per arm; what was left out on a side may account for a difference.

    Args:
        ours: A.
        theirs: B.
        names: What they are called.
        known_a: Rule -> rows left out of A.
        known_b: Rule -> rows left out of B.
    """
    spelled = {fold(arm): arm for arm in ours}
    theirs = {spelled.get(fold(arm), arm): counts for arm, counts in theirs.items()}
    arms = {
        arm: (ours.get(arm, (0, {}))[0], theirs.get(arm, (0, {}))[0])
        for arm in sorted({*ours, *theirs})
    }
    first = next(iter(ours.values()), (0, {}))[1]
    shared = [m for m in first if any(m in sums for _, sums in theirs.values())]
    sums = {
        measure: {
            arm: (ours.get(arm, (0, {}))[1].get(measure, 0.0),
                  theirs.get(arm, (0, {}))[1].get(measure, 0.0))
            for arm in arms
        }
        for measure in shared
    }  # fmt: skip
    reasons = [
        *_about_units(arms, names, (known_a or {}, known_b or {})),
        *_about_sums(sums, names),
    ]
    total = tuple(sum(pair[side] for pair in arms.values()) for side in (0, 1))
    return Reconciliation(
        names, "totals", (total[0], total[1]), None, arms, sums, tuple(reasons), tuple(shared)
    )


def _about_units(
    arms: dict[str, tuple[int, int]],
    names: tuple[str, str],
    known: tuple[dict[str, int], dict[str, int]],
) -> Iterator[Reason]:
    difference = sum(b - a for a, b in arms.values())
    more, less = (names[1], names[0]) if difference > 0 else (names[0], names[1])
    left_out = known[0] if difference > 0 else known[1]
    count = abs(difference)
    for rule, rows in left_out.items():
        if rows == count and count:
            code = "DUPLICATES" if rule in DUPLICATES else "FILTERED"
            text = (
                f"{more} has {grouped(count)} more, which is as many rows as were "
                f"left out of {less}: {RULES[rule].summary}."
            )
            yield Reason(code, count, text, detail=rule)
            return
    for arm, (a, b) in arms.items():
        if a == b:
            continue
        if not a or not b:
            there, n = (names[1], b) if not a else (names[0], a)
            code = "ONLY_IN_B" if not a else "ONLY_IN_A"
            yield Reason(code, n, f"“{shorten(arm)}” is only in {there}.", detail=arm)
        else:
            text = (
                f"“{shorten(arm)}” has {grouped(a)} units in {names[0]} and {grouped(b)} in "
                f"{names[1]}; only a file with one row per unit can tell which."
            )
            yield Reason("UNEXPLAINED", abs(b - a), text, detail=arm)


def _about_sums(
    sums: dict[str, dict[str, tuple[float, float]]], names: tuple[str, str]
) -> Iterator[Reason]:
    for measure, by_arm in sums.items():
        for arm, (a, b) in by_arm.items():
            ours, theirs = grouped(a, ".10g"), grouped(b, ".10g")
            if a != b:
                yield Reason(
                    "OTHER_OUTCOME", 0, f"“{shorten(measure)}” of “{shorten(arm)}” adds up to "
                    f"{ours} in {names[0]} and {theirs} in {names[1]}.",
                    detail=measure,
                )  # fmt: skip


def _reason(why: Why, names: tuple[str, str]) -> Reason:
    a, b = names
    here, there = (a, b) if why.side == "a" else (b, a)
    n = f"{grouped(why.units)} unit{'' if why.units == 1 else 's'}"
    rule = RULES[why.detail].summary if why.detail in RULES else ""
    only = {
        "FILTERED": f"{n} of {here} were left out of {there}: {rule}.",
        "LATE": f"{n} of {here} came after the last time in {there}.",
        "OUTSIDE_WINDOW": f"{n} of {here} came before the first time in {there}.",
        "ZONE_SHIFT": f"{n} of {here} lie outside the times of {there} only because of the "
        "other time zone.",
    }
    both = {
        "ID_FORMAT": f"{n} are written in another way{_such_as(why)}.",
        "OTHER_VARIANT": f"{n} are in another variant.",
        "OTHER_OUTCOME": f"{n} have another “{shorten(why.detail)}”.",
        "DUPLICATES": f"{grouped(why.units)} rows of {a if why.detail == 'A' else b} were left "
        "out as copies or further rows of a unit.",
    }
    if why.code == "ZONE_SHIFT" and not why.side:
        text = f"The times of {b} are {_hours(int(why.detail))} those of {a} in {n}."
    elif why.side:
        text = only.get(why.code, f"{n} are only in {here}.")
    else:
        text = both[why.code]
    return Reason(why.code, why.units, text, why.side, why.detail, why.cases)


def _such_as(why: Why) -> str:
    case = next(iter(why.cases), None)
    return f", such as “{shorten(case.a or '')}” and “{shorten(case.b or '')}”" if case else ""


def _hours(minutes: int) -> str:
    hours, rest = divmod(abs(minutes), 60)
    parts = [f"{hours} h"] if hours else []
    parts += [f"{rest} min"] if rest else []
    return f"{' '.join(parts)} {'ahead of' if minutes > 0 else 'behind'}"


def _dataset_side(cursor: Any, dataset: DatasetRow) -> Side:
    committed = (
        "SELECT id FROM imports WHERE state = 'committed' AND dataset_id = "
        f"'{dataset.id.replace(chr(39), '')}'"
    )
    kept = f"rejects WHERE import_id IN ({committed})"
    return _side(cursor, dataset.table_name, dataset.columns, kept)


def _staged_side(cursor: Any, checked: Checked) -> Side:
    kept = f"{checked.rejects} WHERE TRUE" if checked.rejects else ""
    return _side(cursor, checked.table, checked.columns, kept)


def _side(cursor: Any, table: str, columns: Sequence[dict[str, str]], rejects: str) -> Side:
    """Describe a table of units and what was left out of it."""
    duplicates = 0
    if rejects:
        row = cursor.execute(
            f"SELECT count(DISTINCT (line, raw)) FROM {rejects} AND rule IN {DUPLICATES}"
        ).fetchone()
        duplicates = int(row[0]) if row else 0
    left_out = f"SELECT value AS unit, rule FROM {rejects} AND starts_with(rule, 'UNIT_')"
    return Side(
        table,
        {c["name"]: (c["column"], Role(c["role"])) for c in columns if c["column"]},
        left_out=left_out if rejects else "",
        duplicates=duplicates,
    )


def _left_out(cursor: Any, table: str) -> dict[str, int]:
    rows = cursor.execute(
        f"SELECT rule, count(DISTINCT line) FROM {table} GROUP BY rule"
    ).fetchall()
    return {rule: int(count) for rule, count in rows}


def _sum(found: Any) -> float:
    """A count, or the sum that moments stand for."""
    return found["n"] * found["mean"] if isinstance(found, dict) else float(found or 0)


def _totals(
    cursor: Any, table: str, shape: str, columns: Sequence[dict[str, str]], dataset_id: str
) -> Totals:
    if shape == Shape.UNIT:
        measures = [c for c in columns if c["role"] in {Role.OUTCOME, Role.VALUE}]
        wanted = "".join(f", coalesce(sum({c['column']}), 0)" for c in measures)
        rows = cursor.execute(f"SELECT arm, count(*){wanted} FROM {table} GROUP BY arm")
        names = [c["name"] for c in measures]
        return {
            arm: (int(n), dict(zip(names, map(float, sums), strict=True)))
            for arm, n, *sums in rows.fetchall()
        }
    source = "totals WHERE dataset_id = ?" if dataset_id else table
    told = [dataset_id] if dataset_id else []
    found: Totals = {}
    for arm, visitors, conversions in cursor.execute(
        f"SELECT arm, visitors, conversions FROM {source}", told
    ).fetchall():
        units, sums = found.get(arm, (0, {}))
        more = json.loads(conversions)
        both = {m: sums.get(m, 0.0) + _sum(more.get(m)) for m in {*sums, *more}}
        found[arm] = (units + int(visitors), both)
    return found
