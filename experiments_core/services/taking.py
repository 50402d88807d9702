"""How a look is taken, kept, and found again when the same data are opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

from experiments_core.analysis.body import to_dict
from experiments_core.analysis.engine import ENGINE_VERSION, analyze
from experiments_core.domain.access import Actor
from experiments_core.domain.experiment import Experiment
from experiments_core.services import cutting, readings
from experiments_core.services.cutting import Cut
from experiments_core.services.following import follow_log, follow_logs
from experiments_core.services.readings import Reading
from experiments_core.services.saving import look_up
from experiments_core.services.workspace import Workspace
from experiments_core.store import data_states, looks
from experiments_core.store.looks import StoredLook

SAME_VISIT = timedelta(minutes=30)
"""A page that redraws itself is one view, not many."""


def reading_of_now(
    ws: Workspace, actor: Actor, experiment_id: str, *, reference: str | None = None
) -> Reading:
    """Definitions and data of an experiment as they are now; looks at no rows."""
    experiment = look_up(ws, actor, experiment_id)
    follow_log(ws, experiment)
    data, taken = ws.db.recall(
        ("data and looks", experiment.id),
        lambda cursor: (
            readings.data_of(ws.db, cursor, experiment),
            readings.looks_of(ws.db, cursor, experiment.id),
        ),
    )
    return readings.read(experiment, data, now=ws.now(), looks=taken, reference=reference)


def readings_of_now(ws: Workspace, experiments: Sequence[Experiment]) -> list[Reading]:
    """The same of several, with as few queries as for one."""
    follow_logs(ws, experiments)
    ids = tuple(one.id for one in experiments)
    states, taken = ws.db.recall(
        ("data and looks", ids),
        lambda cursor: (
            data_states.data_states(cursor, ids),
            looks.units_at_looks(cursor, ids),
        ),
    )
    now = ws.now()
    return [
        readings.read(one, states.get(one.id), now=now, looks=taken.get(one.id, ()))
        for one in experiments
    ]


def stored_look(ws: Workspace, reading: Reading) -> StoredLook | None:
    """The look that was taken of these data under these settings."""
    wanted = reading.experiment.id, reading.data_hash, reading.settings_hash
    return ws.db.recall(("look", *wanted), lambda cursor: looks.find_look(cursor, *wanted))


def look_of_today(ws: Workspace, reading: Reading) -> StoredLook | None:
    """The newest look, where the plan spends its alpha and has had its look of today."""
    plan, now = reading.design.plan, ws.now()
    spends = plan.method == "sequential" and plan.planned_units is not None
    if not spends or reading.design.finished:
        return None
    with ws.db.read() as cursor:
        latest = looks.latest_look(cursor, reading.experiment.id)
    if latest is None or latest.taken_at.date() != now.date():
        return None
    same = latest.settings["settings"]["reference"] == reading.design.reference
    return latest if same and latest.data_hash != reading.data_hash else None


def take(ws: Workspace, actor: Actor, reading: Reading, trigger: str = "page") -> StoredLook:
    """Analyse and keep; if somebody was faster with the same data, theirs is the look."""
    with ws.db.read() as cursor:
        reading = _as_now(ws, cursor, reading)
        table = readings.fetch(cursor, reading)
    result = analyze(table.cells, reading.design, reading.quality, data_hash=reading.data_hash)
    kept = {
        "settings": reading.settings,
        "newest": reading.design.newest.isoformat() if reading.design.newest else None,
        "past_units": list(reading.design.past_units),
        "quality": asdict(reading.quality),
        "sql": table.sql,
        "cells": looks.cells_to_json(table.cells),
    }
    key = reading.experiment.id

    def taken(number: int | None) -> StoredLook:
        return StoredLook(
            id=ws.new_id(),
            experiment_id=key,
            no=number or 0,
            taken_at=ws.now(),
            actor=actor.name,
            trigger=trigger,
            data_hash=reading.data_hash,
            settings_hash=reading.settings_hash,
            engine_version=ENGINE_VERSION,
            settings=kept,
            results=to_dict(replace(result, look=number)),
            verdict=result.verdict.code,
        )

    if ws.db.damage:
        return taken(None)  # shown, but nothing can be kept
    with ws.db.write() as cursor:
        known = looks.find_look(cursor, key, reading.data_hash, reading.settings_hash)
        if known is not None:
            return known
        found = taken(looks.count_looks(cursor, [key]).get(key, 0) + 1)
        looks.insert_look(cursor, found)
    return found


def _as_now(ws: Workspace, cursor: Any, reading: Reading) -> Reading:
    """The reading on the data as this transaction sees them; an import may have come since."""
    key = reading.experiment.id
    data = readings.data_of(ws.db, cursor, reading.experiment)
    if data == reading.data:
        return reading
    return readings.read(
        reading.experiment,
        data,
        now=ws.now(),
        looks=readings.looks_of(ws.db, cursor, key),
        reference=reading.design.reference,
    )


def note_view(ws: Workspace, actor: Actor, stored: StoredLook) -> None:
    """Count an opening of a look; several within half an hour are one."""
    if ws.db.damage:
        return
    now, key = ws.now(), (stored.id, actor.name)
    before = ws.known.get("visit", key)
    if before is not None and now - before < SAME_VISIT:
        return
    ws.known.keep("visit", key, now)
    with ws.db.write() as cursor:
        looks.raise_views(cursor, stored.id)


def cut_reading(
    ws: Workspace, cursor: Any, experiment: Experiment, cut: Cut
) -> tuple[Reading, tuple[str, ...]]:
    """The reading of some of the units, and what tells people which."""
    data = readings.data_of(ws.db, cursor, experiment)
    until = cutting.assigned_afresh_after(experiment, cut.run)
    if until is not None and data is not None and data.from_events:
        data = data_states.earlier_data(cursor, data, until)
    taken = readings.looks_of(ws.db, cursor, experiment.id)
    return cutting.cut_reading(experiment, data, cut, now=ws.now(), looks=taken)
