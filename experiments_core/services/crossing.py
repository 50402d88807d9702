"""The units of an experiment under each rule for those seen in two arms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from experiments_core.domain.source import Role
from experiments_core.query.crossovers import EXCLUDE, FIRST_SEEN
from experiments_core.services.readings import Reading
from experiments_core.store import crossovers
from experiments_core.store.data_states import DataState, ImportFacts

AS_IMPORTED = "as_imported"
"""The imports of one experiment go by different rules."""
NO_TIMES = (
    "Nothing says where units in both versions were first seen, so they were not tried there: "
    "that needs a column of times."
)
OLDER = (
    "Units in both versions were tried by the rule of their import only: it is older than the "
    "keeping of both readings. Undo that import and redo it, or import the file again, to try "
    "the other rule too."
)


@dataclass(frozen=True, slots=True)
class Rules:
    """What is done with units in both versions.

    Attributes:
        kept: The rule that the data go by.
        others: Those that can be tried besides; none where there are no such units.
        note: Why a rule cannot be tried.
    """

    kept: str
    others: tuple[str, ...] = ()
    note: str = ""


def rules_of(reading: Reading) -> Rules:
    """Say which rule the data go by, and which others can be tried."""
    data = reading.data
    if data is None or data.from_events:
        crossed = bool(reading.quality.crossed_units)
        return Rules(EXCLUDE, (FIRST_SEEN,) if crossed else ())
    crossed_in = [one for one in data.imports if one.report.get("crossed_units")]
    told = {str(one.mapping.get("crossovers")) for one in crossed_in}
    kept = AS_IMPORTED if len(told) > 1 else next(iter(told), EXCLUDE)
    note = next(_lacking(crossed_in), "")
    others = tuple(rule for rule in (EXCLUDE, FIRST_SEEN) if rule != kept)
    return Rules(kept, () if note or not crossed_in else others, note)


def table_under(cursor: Any, reading: Reading, data: DataState, rule: str) -> str:
    """A table of the experiment's units under another rule than the kept one.

    Args:
        cursor: From ``Database.read()``; the table is there as long as it lives.
        reading: The experiment.
        data: Its data.
        rule: One of the others of :func:`rules_of`.
    """
    if not data.from_events:
        ids = [one.id for one in data.imports]
        return crossovers.other_units(cursor, data.dataset_id, ids, rule)
    experiment = reading.experiment.org_id, reading.experiment.id
    since = reading.query.since if reading.query else None
    return crossovers.first_seen_events(cursor, data.dataset_id, experiment, since)


def _lacking(crossed_in: list[ImportFacts]) -> Iterator[str]:
    for one in crossed_in:
        if not one.report.get("has_crossed"):
            columns = one.mapping.get("columns", ())
            timed = any(column["role"] == Role.TIME for column in columns)
            yield OLDER if timed else NO_TIMES
