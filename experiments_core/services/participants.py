"""Who gets an arm by name: participants of a listed test, and overrides for testers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from experiments_core.domain.access import Actor, Permission, event_by, require
from experiments_core.domain.assignment import AssignmentSource, first_run
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.lifecycle import Status
from experiments_core.domain.participants import cut_list, duplicates
from experiments_core.domain.unit_ids import check_unit
from experiments_core.errors import ConflictError, InvalidInputError, NotFoundError, Problem
from experiments_core.services.pseudonyms import kept_units, stand_in
from experiments_core.services.saving import EXPERIMENT, find
from experiments_core.services.workspace import Workspace
from experiments_core.store import assignments, audit, deployments, named_units
from experiments_core.store.assignments import Assignment, write_assignments

MOST_PARTICIPANTS = 100_000


@dataclass(frozen=True, slots=True)
class Participant:
    """A named unit of a listed test."""

    unit_id: str
    variant: str
    batch: int
    added_at: datetime


def set_override(
    ws: Workspace, actor: Actor, reference: str, unit_id: str, variant: str | None
) -> None:
    """Give a tester an arm, or take it back with None; such units are not analysed.

    Raises:
        InvalidInputError: there is no such variant.
        NotFoundError: there is no such experiment, or no override to take back.
    """
    require(actor, Permission.EDIT)
    unit = check_unit(unit_id)
    with ws.db.write() as cursor:
        experiment = find(cursor, actor, reference)
        kept = kept_units(ws, cursor, experiment, [unit])[unit]
        before = named_units.overrides_of(cursor, experiment.id).get(kept)
        if variant is None and before is None:
            raise NotFoundError(f"“{unit}” has no override in “{experiment.name}”.")
        if variant is not None:
            _check_variant(experiment, variant)
        named_units.set_override(
            cursor, experiment.id, kept, variant, at=ws.now(), by=actor.name
        )
        told = stand_in(ws, actor.org_id, unit)
        _note(ws, actor, cursor, experiment, "override", {told: before}, {told: variant})


def overrides(ws: Workspace, actor: Actor, reference: str) -> dict[str, str]:
    """Unit -> the arm that a tester asked for."""
    require(actor, Permission.READ)
    with ws.db.read() as cursor:
        return named_units.overrides_of(cursor, find(cursor, actor, reference).id)


def add_participants(
    ws: Workspace, actor: Actor, reference: str, unit_ids: Sequence[object]
) -> list[Participant]:
    """Name a batch of units of a listed test; it is cut at the weights on its own.

    Raises:
        ConflictError: ``NOT_LISTED``, the test assigns units itself; ``INVALID_TRANSITION``.
        InvalidInputError: ``DUPLICATE_PARTICIPANT``, or an id that cannot be used.
    """
    require(actor, Permission.EDIT)
    units = [check_unit(unit, f"unit_ids[{i}]") for i, unit in enumerate(unit_ids)]
    _check_size(units)
    with ws.db.write() as cursor:
        experiment = find(cursor, actor, reference)
        _check_listed(experiment)
        present = named_units.participants_of(cursor, experiment.id)
        kept = kept_units(ws, cursor, experiment, units)
        named = [kept[unit] for unit in units]
        twice = set(duplicates([*(unit for unit, _, _ in present), *named]))
        if twice:
            told = list(dict.fromkeys(unit for unit in units if kept[unit] in twice))
            message = f"“{told[0]}” is on the list already"
            problem = Problem("unit_ids", told[:20], "DUPLICATE_PARTICIPANT", message)
            raise InvalidInputError(
                f"{message}.", code="DUPLICATE_PARTICIPANT", details=(problem,)
            )
        batch = max((number for _, number, _ in present), default=0) + 1
        named_units.insert_participants(
            cursor, experiment.id, named, batch=batch, at=ws.now(), by=actor.name
        )
        after = {"batch": batch, "participants": len(units)}
        _note(ws, actor, cursor, experiment, "participants", {}, after)
    settle_listed(ws, experiment)
    return participants(ws, actor, reference)


def participants(ws: Workspace, actor: Actor, reference: str) -> list[Participant]:
    """The named units of a listed test with the arm that each gets, in the order of naming.

    An arm that was deployed to a unit goes before the one it was assigned.
    """
    require(actor, Permission.READ)
    with ws.db.read() as cursor:
        experiment = find(cursor, actor, reference)
    return participants_of_all(ws, actor, [experiment])[experiment.id]


def participants_of_all(
    ws: Workspace, actor: Actor, experiments: Sequence[Experiment]
) -> dict[str, list[Participant]]:
    """The same of several tests that were found already, by id, with as few queries."""
    require(actor, Permission.READ)
    ids = [one.id for one in experiments]
    with ws.db.read() as cursor:
        listed = named_units.participants_in(cursor, ids)
        assigned = named_units.assigned_participants(cursor, ids)
        given = deployments.given_to_units(cursor, actor.org_id, ids)
    found: dict[str, list[Participant]] = {}
    for one in experiments:
        named, since_run = listed.get(one.id, []), first_run(one)
        known = {
            unit: variant
            for unit, variant, run_no in assigned.get(one.id, ())
            if run_no >= since_run
        }
        arms = _cut(one, named)
        arms |= {unit: variant for unit, variant in known.items() if variant is not None}
        arms |= given.get(one.id, {})
        found[one.id] = [Participant(unit, arms[unit], batch, at) for unit, batch, at in named]
    return found


def settle_listed(ws: Workspace, experiment: Experiment) -> None:
    """Store the arms of named units once the test runs; costs nothing when it is done."""
    if experiment.assignment_mode != "listed" or experiment.place != Status.RUNNING:
        return
    since_run = first_run(experiment)
    with ws.db.read() as cursor:
        listed = named_units.participants_of(cursor, experiment.id)
        units = [unit for unit, _, _ in listed]
        known = assignments.assignments_of(cursor, experiment.id, units, since_run=since_run)
    missing = [one for one in listed if one[0] not in known]
    if not missing:
        return
    arms, now = _cut(experiment, listed), ws.now()
    job = [
        Assignment(
            experiment.id, unit, arms[unit], experiment.phases[-1].seq, experiment.run_no,
            AssignmentSource.EXPLICIT, now, since_run,
        )
        for unit, _, _ in missing
    ]  # fmt: skip
    ws.writer.write(write_assignments, job, rows=len(job))


def _cut(experiment: Experiment, listed: Sequence[tuple[str, int, datetime]]) -> dict[str, str]:
    """Arms of named units: each batch cut at the weights that held when it was named."""
    batches: dict[int, list[str]] = {}
    added: dict[int, datetime] = {}
    for unit, batch, at in listed:
        batches.setdefault(batch, []).append(unit)
        added[batch] = at
    arms: dict[str, str] = {}
    for batch, units in batches.items():
        weights = _weights_at(experiment, added[batch])
        arms |= cut_list(experiment.hash_seed, units, weights)
    return arms


def _weights_at(experiment: Experiment, moment: datetime) -> Mapping[str, int]:
    run = [p for p in experiment.phases if p.run_no >= first_run(experiment)]
    if not run:
        return experiment.weights_bp
    earlier = [phase for phase in run if phase.started_at <= moment]
    return (earlier[-1] if earlier else run[0]).weights_bp


def _check_variant(experiment: Experiment, variant: str) -> None:
    keys = [one.key for one in experiment.variants]
    if variant not in keys:
        message = f"there is no variant “{variant}”; there are {', '.join(keys)}"
        problem = Problem("variant", variant, "UNKNOWN_CHOICE", message)
        raise InvalidInputError(f"{message.capitalize()}.", details=(problem,))


def _check_listed(experiment: Experiment) -> None:
    if experiment.assignment_mode != "listed":
        raise ConflictError(
            "This test has no list of participants.",
            code="NOT_LISTED",
            hint="Choose “only named participants” before the start.",
        )
    if experiment.place not in {Status.DRAFT, Status.RUNNING, Status.PAUSED}:
        raise ConflictError(
            f"This experiment is {experiment.place}; participants are added before the end.",
            code="INVALID_TRANSITION",
        )


def _check_size(units: Sequence[str]) -> None:
    if 1 <= len(units) <= MOST_PARTICIPANTS:
        return
    message = f"{len(units)} participants; name 1 to {MOST_PARTICIPANTS} at a time"
    problem = Problem("unit_ids", len(units), "RANGE", message)
    raise InvalidInputError(f"{message}.", details=(problem,))


def _note(  # noqa: PLR0917  what an audit row has
    ws: Workspace,
    actor: Actor,
    cursor: Any,
    experiment: Experiment,
    verb: str,
    before: dict[str, Any],
    after: dict[str, Any],
) -> None:
    event = event_by(
        actor, ws.now(), verb, EXPERIMENT, experiment.id, before=before, after=after
    )
    audit.append_event(cursor, ws.db.secret, event)
