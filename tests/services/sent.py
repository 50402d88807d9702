"""Events as services send them, and what the analysis makes of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import Experiment, ExperimentDraft
from experiments_core.domain.metric_kinds import Mean, Proportion
from experiments_core.services import analyses
from experiments_core.services.acting import transition
from experiments_core.services.events import Receipt, receive_events
from experiments_core.services.experiments import create_experiment
from experiments_core.services.workspace import Workspace
from experiments_core.store.data_states import data_states

PAID = Proportion("paid")


SPENT = Mean("spent", key="spent")


def begin(ws: Workspace, **changes: Any) -> Experiment:
    draft: dict[str, Any] = {"name": "Checkout", "metrics": (PAID, SPENT)} | changes
    made = create_experiment(ws, LOCAL, ExperimentDraft(**draft))
    return transition(ws, LOCAL, made.id, "start", version=made.version)


def exposure(unit: str, at: datetime, number: str = "", **more: Any) -> dict[str, Any]:
    key = f"x-{unit}-{number or at.isoformat()}"[:64]
    return {
        "event_id": key, "type": "exposure", "experiment": "checkout", "unit_id": unit,
        "at": at.isoformat(), **more,
    }  # fmt: skip


def event(
    unit: str,
    name: str,
    at: datetime,
    value: float | None = None,
    number: str = "",
    **more: Any,
) -> dict[str, Any]:
    key = f"{name}-{unit}-{number or at.isoformat()}"[:64]
    known = {"event_id": key, "unit_id": unit, "name": name, "at": at.isoformat(), **more}
    return known if value is None else known | {"value": value}


def send(ws: Workspace, *events: dict[str, Any], atomic: bool = False) -> Receipt:
    return receive_events(ws, LOCAL, events, atomic=atomic)


def units(ws: Workspace, experiment: Experiment) -> dict[str, tuple[Any, ...]]:
    """Unit -> (arm, first exposure, paid, spent) as the analysis sees them."""
    analyses.look(ws, LOCAL, experiment.id)
    with ws.db.read() as cursor:
        data = data_states(cursor, [experiment.id])[experiment.id]
        rows = cursor.execute(
            f"SELECT unit, arm, first_ts, c0, c1 FROM {data.table} ORDER BY unit"
        ).fetchall()
    return {row[0]: row[1:] for row in rows}


def counts(ws: Workspace, experiment: Experiment) -> dict[str, int]:
    analyses.look(ws, LOCAL, experiment.id)
    with ws.db.read() as cursor:
        data = data_states(cursor, [experiment.id])[experiment.id]
    return dict(data.imports[0].report["counts"])
