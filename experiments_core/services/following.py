"""Let the units of an experiment follow the log of events, when somebody is about to look."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from experiments_core.domain.assignment import HOLDOUT
from experiments_core.domain.event_columns import columns_of
from experiments_core.domain.experiment import Experiment
from experiments_core.query.event_units import UnitsQuery
from experiments_core.services.workspace import Workspace
from experiments_core.store import event_refresh, event_units
from experiments_core.store.event_units import Standing, State, Wanted


def follow_log(ws: Workspace, experiment: Experiment) -> bool:
    """Bring the units up to date with exposures, events and assignments that came since.

    Costs one look at the newest commit when nothing came, and what the touched units cost
    when something did.

    Returns:
        Whether the experiment is fed by events at all.
    """
    found = _recall(ws, experiment)
    if not found.fed or found.current:
        return found.fed
    with ws.db.turn():  # many readers come at once; one of them writes
        found = _recall(ws, experiment)
        if found.fed and not found.current:
            with ws.db.write() as cursor:
                event_refresh.refresh(
                    cursor, found.wanted, found.spec, found.log,
                    commit=ws.db.last_commit + 1, dataset_id=ws.new_id(), now=ws.now(),
                )  # fmt: skip
    return found.fed


def follow_logs(ws: Workspace, experiments: Sequence[Experiment]) -> None:
    """The same for several; only those that something came for cost queries of their own."""
    named = tuple((one.id, one.version) for one in experiments)

    def recall() -> list[Experiment]:
        return ws.db.recall(
            ("behind the log", named), lambda cursor: _behind(cursor, experiments)
        )

    behind = recall()
    if len(behind) > 1:
        with ws.db.turn():
            behind = recall()
            if len(behind) > 1:
                with ws.db.write() as cursor:
                    behind = _touched(cursor, behind)
    for experiment in behind:
        follow_log(ws, experiment)


@dataclass(frozen=True, slots=True)
class _Standing:
    """How an experiment and its units stand to the log.

    Attributes:
        log: What is known of its log.
        wanted: What its units have to hold.
        spec: Name of everything that would make the units new.
    """

    log: Standing
    wanted: Wanted
    spec: str

    @property
    def fed(self) -> bool:
        """Whether events feed it."""
        return self.log.exposed or self.log.assigned

    @property
    def current(self) -> bool:
        """Whether its units have everything."""
        return event_units.is_current(self.log.state, self.spec, self.log.newest)


Wanting = tuple[Experiment, Wanted, State | None]


def _behind(cursor: Any, experiments: Sequence[Experiment]) -> list[Experiment]:
    """Those that are fed by events and whose units lack some, or are made by another spec."""
    newest = event_units.newest_commit(cursor)
    if not newest:
        return []
    return [
        one
        for one, _, state in _same_spec(cursor, experiments)
        if state is None or state.high_water < newest
    ]


def _touched(cursor: Any, behind: Sequence[Experiment]) -> list[Experiment]:
    """Those that something came for; of the others it is noted that nothing did."""
    newest = event_units.newest_commit(cursor)
    known = _same_spec(cursor, behind)
    marks = [state.high_water for _, _, state in known if state is not None]
    came = event_units.came_after(cursor, min(marks, default=newest))
    idle = {
        one.id
        for one, wanted, state in known
        if state is not None and came.newest(wanted) <= state.high_water
    }
    event_units.raise_high_water(cursor, sorted(idle), newest)
    return [one for one in behind if one.id not in idle]


def _same_spec(cursor: Any, experiments: Sequence[Experiment]) -> list[Wanting]:
    """Those that are fed by events, and how far their units follow; None for another spec."""
    exposed, assigned = event_units.fed(cursor)
    fed = [one for one in experiments if one.id in exposed or one.id in assigned]
    ids = [one.id for one in fed]
    states = event_units.states_of(cursor, ids)
    hands = event_units.all_by_hand(cursor, ids)
    found: list[Wanting] = []
    for one in fed:
        wanted, spec = _wanted(one, hands.get(one.id, []), exposed=one.id in exposed)
        state = states.get(one.id)
        same = state is not None and event_units.is_current(state, spec, 0)
        found.append((one, wanted, state if same else None))
    return found


def _recall(ws: Workspace, experiment: Experiment) -> _Standing:
    return ws.db.recall(
        ("follows", experiment.id, experiment.version),
        lambda cursor: _standing(cursor, experiment),
    )


def _standing(cursor: Any, experiment: Experiment) -> _Standing:
    log = event_units.standing_of(cursor, experiment.id)
    return _Standing(log, *_wanted(experiment, log.by_hand, exposed=log.exposed))


def _wanted(
    experiment: Experiment, by_hand: Sequence[list[str]], *, exposed: bool
) -> tuple[Wanted, str]:
    """What the units have to hold, and the name of everything that would make them new."""
    named = columns_of(experiment.metrics)
    query = UnitsQuery(
        columns=tuple(dict.fromkeys(one.column for one in named)),
        external=experiment.assignment_mode == "external",
        held=None if HOLDOUT in experiment.weights_bp else HOLDOUT,
        fallback=experiment.control.key,
        assigned_is_exposed=not exposed,
        by_hand=bool(by_hand),
    )
    *earlier, query = _by_assignment(experiment, query)
    told = [
        repr((query, *earlier)),
        [[n.metric, n.name, n.role.value, repr(n.column)] for n in named],
        list(by_hand),
    ]
    spec = hashlib.sha256(json.dumps(told).encode()).hexdigest()
    return Wanted(experiment.org_id, experiment.id, named, query, tuple(earlier)), spec


def _by_assignment(experiment: Experiment, query: UnitsQuery) -> list[UnitsQuery]:
    """One query for each stretch of runs that share their assignments, the present one last."""
    found = [query]
    for phase in experiment.phases:
        if phase.rerandomised:
            at, run = phase.started_at, phase.run_no
            found[-1] = replace(found[-1], until=at, until_run=run, by_hand=True)
            found.append(replace(query, since=at, since_run=run))
    return found
