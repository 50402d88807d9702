"""Which arm a unit gets: asked by services, stored for good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from experiments_core.domain.access import Actor, Permission, require
from experiments_core.domain.assignment import (
    AssignmentSource,
    Decision,
    Reason,
    Rules,
    first_run,
)
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.lifecycle import Status
from experiments_core.domain.unit_ids import check_unit, unit_problem
from experiments_core.errors import InvalidInputError, TooLargeError, UpshotError
from experiments_core.services.designs import ready
from experiments_core.services.known_units import KnownUnits, known_units
from experiments_core.services.participants import settle_listed
from experiments_core.services.saving import find
from experiments_core.services.workspace import Workspace
from experiments_core.store import catalog
from experiments_core.store.assignments import Assignment, write_assignments

MOST_UNITS = 1_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service is told about one unit in one experiment.

    Attributes:
        variant: Key of the arm; None for the fallback.
        value: What to serve: the arm's value, or the fallback's.
        reason: The rule that answered.
        source: How a stored assignment came about; None when nothing is stored.
        phase: Number of the phase of the assignment.
        error: Why there is no answer, in a call for many units.
    """

    unit_id: str
    experiment: str
    variant: str | None = None
    value: Any = None
    reason: str = ""
    source: str | None = None
    phase: int | None = None
    assigned_at: datetime | None = None
    in_experiment: bool = False
    error: UpshotError | None = None


def assign(
    ws: Workspace,
    actor: Actor,
    reference: str,
    unit_id: str,
    attributes: Mapping[str, Any] | None = None,
    *,
    dry_run: bool = False,
) -> Answer:
    """Tell which arm a unit gets; a new assignment is on disk before this returns.

    Args:
        ws: The workspace.
        actor: Who asks.
        reference: Id, key or slug of the experiment.
        unit_id: 1 to 256 characters, compared exactly.
        attributes: For the targeting.
        dry_run: Tell, and store nothing.

    Raises:
        ConflictError: ``EXTERNAL_ASSIGNMENT``.
        NotFoundError: there is no such experiment.
        InvalidInputError: the unit id cannot be used.
        BusyError: too much waits to be written; nothing was stored.
    """
    require(actor, Permission.ASSIGN)
    with ws.db.read() as cursor:
        experiment = find(cursor, actor, reference)
    pairs = [(check_unit(unit_id), attributes)]
    answer = _answers(ws, experiment, pairs, dry_run=dry_run)[0]
    if answer.error is not None:
        raise answer.error
    return answer


def assign_many(
    ws: Workspace,
    actor: Actor,
    units: Sequence[tuple[object, Mapping[str, Any] | None]],
    references: Sequence[str] = (),
) -> list[Answer]:
    """Answer for many units in many experiments, in the order units × experiments.

    Args:
        ws: The workspace.
        actor: Who asks.
        units: (unit id, attributes) of each.
        references: Experiments; every running one that Upshot assigns when empty.

    Raises:
        TooLargeError: more than 1 000 units. A problem with one unit or experiment is told
            in its own answer.
    """
    require(actor, Permission.ASSIGN)
    if len(units) > MOST_UNITS:
        raise TooLargeError(
            f"{len(units)} units; at most {MOST_UNITS} in one call.",
            hint="Ask for them in several calls.",
        )
    tests = _tests(ws, actor, references)
    good = [(str(unit).strip(), a) for unit, a in units if unit_problem(unit) is None]
    by_test = {
        name: {answer.unit_id: answer for answer in _answers(ws, test, good)}
        for name, test in tests
        if isinstance(test, Experiment)
    }
    answers = []
    for unit, _ in units:
        wrong = unit_problem(unit)
        for name, test in tests:
            if wrong is not None:
                error = InvalidInputError(f"{wrong.message}.", details=(wrong,))
                answers.append(Answer(str(unit)[:256], name, error=error))
            elif isinstance(test, Experiment):
                answers.append(by_test[name][str(unit).strip()])
            else:
                answers.append(Answer(str(unit).strip(), name, error=test))
    return answers


def _answers(
    ws: Workspace,
    experiment: Experiment,
    pairs: Sequence[tuple[str, Mapping[str, Any] | None]],
    *,
    dry_run: bool = False,
) -> list[Answer]:
    if not dry_run:
        settle_listed(ws, experiment)
    known = known_units(ws, experiment, [unit for unit, _ in pairs])
    design = ready(ws, experiment, project=known.project)
    made = [_decided(design, known, unit, attributes) for unit, attributes in pairs]
    new = {
        known.kept[unit]: decision.variant
        for (unit, _), decision in zip(pairs, made, strict=True)
        if isinstance(decision, Decision) and decision.is_new
    }
    held = {**known.assignments, **({} if dry_run else _stored(ws, experiment, new))}
    return [
        _answer(experiment, unit, decision, held.get(known.kept[unit]))
        for (unit, _), decision in zip(pairs, made, strict=True)
    ]


def _decided(
    design: Rules, known: KnownUnits, unit: str, attributes: Mapping[str, Any] | None
) -> Decision | UpshotError:
    try:
        return design.decide(
            unit, attributes, override=known.override(unit), stored=known.stored(unit)
        )
    except UpshotError as error:
        return error


def _stored(
    ws: Workspace, experiment: Experiment, new: Mapping[str, str | None]
) -> dict[str, Assignment]:
    """Store new assignments (unit -> arm); what holds for each, whoever was first."""
    if not new:
        return {}
    now, since_run, phase = ws.now(), first_run(experiment), experiment.phases[-1].seq
    job = [
        Assignment(
            experiment.id, unit, variant, phase, experiment.run_no, AssignmentSource.HASH,
            now, since_run,
        )
        for unit, variant in new.items()
    ]  # fmt: skip
    return {one.unit: one for one in ws.writer.write(write_assignments, job, rows=len(job))}


def _answer(
    experiment: Experiment,
    unit: str,
    decision: Decision | UpshotError,
    held: Assignment | None,
) -> Answer:
    if isinstance(decision, UpshotError):
        return Answer(unit, experiment.key, error=decision)
    variant = held.variant if held is not None and decision.is_new else decision.variant
    values = {one.key: one.value for one in experiment.variants}
    served = experiment.fallback.value if variant is None else values.get(variant)
    stored = held if decision.reason in _STORED_REASONS or decision.is_new else None
    return Answer(
        unit_id=unit,
        experiment=experiment.key,
        variant=variant,
        value=served,
        reason=decision.reason.value,
        source="override" if decision.reason is Reason.OVERRIDE else _source(stored, decision),
        phase=stored.phase if stored else None,
        assigned_at=stored.assigned_at if stored else None,
        in_experiment=variant is not None and decision.in_experiment,
    )


_STORED_REASONS = frozenset({Reason.STORED, Reason.HOLDOUT})


def _source(stored: Assignment | None, decision: Decision) -> str | None:
    if stored is not None and stored.variant == decision.variant:
        return stored.source
    if decision.reason is Reason.STORED:
        return AssignmentSource.DEPLOYED
    return AssignmentSource.HASH if decision.is_new else None


def _tests(
    ws: Workspace, actor: Actor, references: Sequence[str]
) -> list[tuple[str, Experiment | UpshotError]]:
    with ws.db.read() as cursor:
        if not references:
            running = [
                one
                for one in catalog.all_experiments(cursor, actor.org_id)
                if one.place == Status.RUNNING and one.assignment_mode != "external"
            ]
            return [(one.key, one) for one in sorted(running, key=lambda one: one.key)]
        found: list[tuple[str, Experiment | UpshotError]] = []
        for name in references:
            try:
                found.append((name, find(cursor, actor, name)))
            except UpshotError as error:
                found.append((name, error))
        return found
