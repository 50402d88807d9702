"""What is known of experiments that are fed by events: what came, and how far units follow."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from experiments_core.domain.event_columns import NamedColumn
from experiments_core.domain.events import EXPOSURE, METRIC
from experiments_core.query.event_numbers import names_of
from experiments_core.query.event_units import UnitsQuery
from experiments_core.store.facts import units_table
from experiments_core.store.parsed import parsed

LAYOUT = f"layout 2, {duckdb.__version__}"
"""Of the rows. It names the engine, since units are found by its own hash of a text."""
_STATES = (
    "SELECT experiment_id, dataset_id, spec, high_water, mark, counts FROM event_data "
    "WHERE list_contains(?, experiment_id)"
)
_NEWEST = (
    "SELECT greatest($after, (SELECT max(seq) FROM events WHERE seq > $after), "
    "(SELECT max(seq) FROM assignments WHERE seq > $after))"
)
_FED = (
    "SELECT (SELECT 1 FROM events WHERE type = 'exposure' AND experiment_id = $id LIMIT 1), "
    "(SELECT 1 FROM assignments WHERE experiment_id = $id LIMIT 1)"
)
_BY_HAND = (
    "SELECT experiment_id, unit, variant FROM overrides "
    "WHERE list_contains($ids, experiment_id) UNION ALL "
    "SELECT experiment_id, unit_id, variant FROM deployments "
    "WHERE list_contains($ids, experiment_id) "
    "AND target = 'participant' AND reverted_at IS NULL ORDER BY ALL"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the units of one experiment have to hold.

    Attributes:
        named: Columns under the names that the metrics know them by.
        query: With the columns of ``named``, each once, and no segments.
        earlier: The same for the units of runs before units were assigned afresh.
    """

    org_id: str
    experiment_id: str
    named: tuple[NamedColumn, ...]
    query: UnitsQuery
    earlier: tuple[UnitsQuery, ...] = ()


@dataclass(frozen=True, slots=True)
class State:
    """How far the units follow the log."""

    dataset_id: str
    spec: str
    high_water: int
    mark: int
    counts: dict[str, int]

    @property
    def segments(self) -> list[str]:
        """Attributes of exposures that the units have columns for."""
        return list(json.loads(self.spec)[1])


@dataclass(frozen=True, slots=True)
class Standing:
    """What the file tells of one experiment's log and of its units.

    Attributes:
        newest: The last commit that wrote an event or an assignment of any experiment; 0
            where there is none.
        exposed: The log has exposures of this one.
        assigned: It has assignments of this one.
        by_hand: Units that somebody gave an arm.
        state: How far the units follow; None before the first refresh.
    """

    newest: int
    exposed: bool = False
    assigned: bool = False
    by_hand: Sequence[list[str]] = ()
    state: State | None = None


def standing_of(cursor: duckdb.DuckDBPyConnection, experiment_id: str) -> Standing:
    """Read what is known of one experiment."""
    state = states_of(cursor, [experiment_id]).get(experiment_id)
    newest = newest_commit(cursor, state.high_water if state else 0)
    if not newest:
        return Standing(newest)
    row = cursor.execute(parsed(cursor, _FED), {"id": experiment_id}).fetchone() or (None, None)
    exposed, assigned = (found is not None for found in row)
    hands = by_hand(cursor, experiment_id) if exposed or assigned else ()
    return Standing(newest, exposed, assigned, hands, state)


def states_of(
    cursor: duckdb.DuckDBPyConnection, experiment_ids: Sequence[str]
) -> dict[str, State]:
    """How far the units of several experiments follow the log; without those that have none."""
    rows = cursor.execute(parsed(cursor, _STATES), [list(experiment_ids)]).fetchall()
    return {
        owner: State(dataset_id, spec, int(high_water), int(mark), json.loads(counts))
        for owner, dataset_id, spec, high_water, mark, counts in rows
    }


def fed(cursor: duckdb.DuckDBPyConnection) -> tuple[set[str], set[str]]:
    """Every experiment that the log has exposures of, and every one with assignments."""
    exposed = cursor.execute(
        "SELECT DISTINCT experiment_id FROM events WHERE type = 'exposure'"
    )
    found = {owner for (owner,) in exposed.fetchall()}
    assigned = cursor.execute("SELECT DISTINCT experiment_id FROM assignments").fetchall()
    return found, {owner for (owner,) in assigned}


def newest_commit(cursor: duckdb.DuckDBPyConnection, after: int = 0) -> int:
    """Number of the last commit that wrote an event or an assignment.

    Args:
        cursor: On the workspace.
        after: One that is known of; only what came after it is looked at.
    """
    row = cursor.execute(parsed(cursor, _NEWEST), {"after": after}).fetchone()
    return int(row[0]) if row else after


def by_hand(cursor: duckdb.DuckDBPyConnection, experiment_id: str) -> list[list[str]]:
    """Units that somebody gave an arm: overrides, and versions deployed to one unit."""
    return all_by_hand(cursor, [experiment_id]).get(experiment_id, [])


def all_by_hand(
    cursor: duckdb.DuckDBPyConnection, experiment_ids: Sequence[str]
) -> dict[str, list[list[str]]]:
    """The same for each of several experiments where there are any."""
    rows = cursor.execute(parsed(cursor, _BY_HAND), {"ids": list(experiment_ids)}).fetchall()
    found: dict[str, list[list[str]]] = {}
    for owner, unit, variant in rows:
        found.setdefault(owner, []).append([unit, variant])
    return found


@dataclass(frozen=True, slots=True)
class Came:
    """The newest commit that brought something of each kind, of those after some commit.

    Attributes:
        exposures: Experiment -> its exposures.
        assignments: Experiment -> its assignments.
        events: (organisation, experiment or None for all, name) -> such events.
    """

    exposures: dict[str, int]
    assignments: dict[str, int]
    events: dict[tuple[str, str | None, str], int]

    def newest(self, wanted: Wanted) -> int:
        """The newest commit with something that touches a unit of an experiment, or 0."""
        key = wanted.experiment_id
        named = names_of(wanted.query.columns)
        kinds = [(wanted.org_id, owner, name) for owner in (key, None) for name in named]
        told = [self.events.get(kind, 0) for kind in kinds]
        return max(self.exposures.get(key, 0), self.assignments.get(key, 0), *told, 0)


def came_after(cursor: duckdb.DuckDBPyConnection, seq: int) -> Came:
    """What came after a commit."""
    rows = cursor.execute(
        "SELECT type, org_id, experiment_id, name, max(seq) FROM events WHERE seq > ? "
        "GROUP BY ALL",
        [seq],
    ).fetchall()
    assigned = cursor.execute(
        "SELECT experiment_id, max(seq) FROM assignments WHERE seq > ? GROUP BY ALL", [seq]
    ).fetchall()
    return Came(
        {owner: int(last) for kind, _, owner, _, last in rows if kind == EXPOSURE},
        {owner: int(last) for owner, last in assigned},
        {
            (org, owner, name): int(last)
            for kind, org, owner, name, last in rows
            if kind == METRIC
        },
    )


def raise_high_water(
    cursor: duckdb.DuckDBPyConnection, experiment_ids: Sequence[str], newest: int
) -> None:
    """Note that nothing up to a commit touched the units of some experiments."""
    cursor.execute(
        "UPDATE event_data SET high_water = ? WHERE list_contains(?, experiment_id)",
        [newest, list(experiment_ids)],
    )


def spec_text(spec: str, segments: Sequence[str]) -> str:
    """Everything that would make all rows different, as it is kept."""
    return json.dumps([f"{spec} {LAYOUT}", list(segments)])


def is_same_spec(state: State, spec: str) -> bool:
    """Whether rows that are there keep their columns and meaning."""
    return bool(json.loads(state.spec)[0] == f"{spec} {LAYOUT}")


def is_current(state: State | None, spec: str, newest: int) -> bool:
    """Whether a refresh would find nothing to do."""
    return state is not None and state.high_water >= newest and is_same_spec(state, spec)


def log_table(dataset_id: str) -> str:
    """Name of the table with every unit that the log knows of, analysed or not."""
    return units_table(dataset_id).replace("units_", "log_", 1)


def earlier_table(table: str, until_run: int) -> str:
    """Name of the view of what came before a run that assigned afresh."""
    return f"{table}_before_{until_run}"


def drop_log(cursor: duckdb.DuckDBPyConnection, dataset_id: str) -> None:
    """Drop the units made of the log, those of earlier runs too."""
    names = (units_table(dataset_id), log_table(dataset_id))
    views = cursor.execute(
        "SELECT view_name FROM duckdb_views() WHERE database_name = 'upshot' AND "
        "(starts_with(view_name, ?) OR starts_with(view_name, ?)) ORDER BY view_name DESC",
        names,
    ).fetchall()
    for (view,) in views:
        cursor.execute(f"DROP VIEW {view}")
    cursor.execute(f"DROP TABLE IF EXISTS {log_table(dataset_id)}")


def count_log(cursor: duckdb.DuckDBPyConnection, log: str) -> dict[str, int]:
    """Units per reason, and how many were served another arm than they were assigned."""
    numbers = "count(*), count(*) FILTER (WHERE mismatch), sum(happened), sum(exposures)"
    sql = (
        f"WITH log AS (SELECT why, mismatch, happened, exposures FROM {log}) "
        f"SELECT 'counted', {numbers} FROM log WHERE why IS NULL HAVING count(*) > 0 "
        f"UNION ALL SELECT why, {numbers} FROM log WHERE why IS NOT NULL GROUP BY why"
    )  # most have no reason: these need no groups
    rows: Sequence[Any] = cursor.execute(parsed(cursor, sql)).fetchall()
    counts = {why: int(units) for why, units, *_ in rows}
    counts["served_otherwise"] = sum(
        int(wrong) for why, _, wrong, *_ in rows if why == "counted"
    )
    counts["outcomes_without_assignment"] = sum(
        int(n or 0) for why, _, _, n, _ in rows if why in {"not_exposed", "not_in_test"}
    )
    counts["outcomes"] = sum(int(n or 0) for _, _, _, n, _ in rows)
    counts["exposures"] = sum(int(n or 0) for *_, n in rows)
    return counts
