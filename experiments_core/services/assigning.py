"""Which arm a unit gets: asked by services, tried out by people, stored for good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from experiments_core.domain.access import Actor, Permission, require
from experiments_core.domain.assignment import (
    AssignmentSource,
    Decision,
    ProjectRules,
    Reason,
    Stored,
    first_run,
)
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.lifecycle import Status
from experiments_core.domain.unit_ids import check_unit, unit_problem
from experiments_core.domain.why import Step, walk
from experiments_core.errors import ConflictError, InvalidInputError, TooLargeError, UpshotError
from experiments_core.query.assignment import assignment_sql
from experiments_core.services.designs import ready
from experiments_core.services.participants import settle_listed
from experiments_core.services.project_rules import rules_for
from experiments_core.services.pseudonyms import kept_units
from experiments_core.services.saving import find
from experiments_core.services.workspace import Workspace
from experiments_core.store import catalog, deployments, eventlog
from experiments_core.store.eventlog import Assignment, write_assignments

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


@dataclass(frozen=True, slots=True)
class Trial:
    """What would happen to a unit, and every rule's answer."""

    decision: Decision
    steps: tuple[Step, ...]
    served: str


@dataclass(frozen=True, slots=True)
class _Known:
    """What is stored about some units of one experiment.

    Attributes:
        kept: Unit id -> the text under which it is stored; the other tables go by that.
    """

    overrides: Mapping[str, str]
    assignments: Mapping[str, Assignment]
    given: Mapping[str, str]
    project: ProjectRules
    kept: Mapping[str, str]

    def override(self, unit: str) -> str | None:
        """The arm that a tester asked for."""
        return self.overrides.get(self.kept[unit])

    def stored(self, unit: str) -> Stored | None:
        """What holds for a unit; a version given by hand goes before its assignment."""
        kept = self.kept[unit]
        if kept in self.given:
            return Stored(self.given[kept], AssignmentSource.DEPLOYED)
        found = self.assignments.get(kept)
        return None if found is None else Stored(found.variant, AssignmentSource(found.source))


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


def try_unit(
    ws: Workspace,
    actor: Actor,
    reference: str,
    unit_id: str,
    attributes: Mapping[str, Any] | None = None,
    *,
    as_if_running: bool = False,
) -> Trial:
    """Would this unit enter, and why? Nothing is stored.

    Args:
        ws: The workspace.
        actor: Who asks.
        reference: Id, key or slug.
        unit_id: The unit.
        attributes: For the targeting.
        as_if_running: Answer as the design would while the test runs.
    """
    require(actor, Permission.READ)
    with ws.db.read() as cursor:
        experiment = find(cursor, actor, reference)
    unit = check_unit(unit_id)
    known = _known(ws, experiment, [unit])
    design = ready(experiment, project=known.project)
    if as_if_running and design.place != Status.RUNNING:
        design = replace(design, place=Status.RUNNING)
    decision, steps = walk(
        design, unit, attributes, override=known.override(unit), stored=known.stored(unit)
    )
    return Trial(decision, steps, decision.variant or experiment.fallback.key)


def draw_list(
    ws: Workspace, actor: Actor, reference: str, units: Sequence[str]
) -> dict[str, tuple[str | None, str]]:
    """What many units would get that are not in the test yet, in one query; stores nothing.

    Targeting, overrides and stored assignments are not asked; the test is taken as running.

    Returns:
        Unit -> (variant, None for the fallback, ``holdout``; reason).

    Raises:
        InvalidInputError: the test uses a hash that cannot be drawn in a query.
        ConflictError: ``EXTERNAL_ASSIGNMENT``, or the units are listed by name.
    """
    require(actor, Permission.READ)
    with ws.db.read() as cursor:
        experiment = find(cursor, actor, reference)
        design = ready(experiment, project=rules_for(cursor, experiment))
    if experiment.assignment_mode != "hash":
        raise ConflictError(
            "This test does not draw its units.",
            code="EXTERNAL_ASSIGNMENT",
            hint="Only a test that Upshot assigns by hash does.",
        )
    cleaned = list(dict.fromkeys(check_unit(unit) for unit in units))
    sql = assignment_sql(design, "incoming_units")
    with ws.db.staging() as cursor:
        found = eventlog.draw_units(cursor, cleaned, sql)
    return {unit: (variant, reason) for unit, variant, reason in found}


def _answers(
    ws: Workspace,
    experiment: Experiment,
    pairs: Sequence[tuple[str, Mapping[str, Any] | None]],
    *,
    dry_run: bool = False,
) -> list[Answer]:
    if not dry_run:
        settle_listed(ws, experiment)
    known = _known(ws, experiment, [unit for unit, _ in pairs])
    design, now, since_run = (
        ready(experiment, project=known.project),
        ws.now(),
        first_run(experiment),
    )
    made: list[Decision | UpshotError] = []
    new: dict[str, Assignment] = {}
    for unit, attributes in pairs:
        try:
            decision = design.decide(
                unit, attributes, override=known.override(unit), stored=known.stored(unit)
            )
        except UpshotError as error:
            made.append(error)
            continue
        made.append(decision)
        if decision.is_new:
            kept = known.kept[unit]
            new[kept] = Assignment(
                experiment.id, kept, decision.variant, experiment.phases[-1].seq,
                experiment.run_no, AssignmentSource.HASH, now, since_run,
            )  # fmt: skip
    held = dict(known.assignments)
    if new and not dry_run:
        job = list(new.values())
        written = ws.writer.write(write_assignments, job, rows=len(job))
        held |= {one.unit: one for one in written}
    return [
        _answer(experiment, unit, decision, held.get(known.kept[unit]))
        for (unit, _), decision in zip(pairs, made, strict=True)
    ]


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


def _known(ws: Workspace, experiment: Experiment, units: Sequence[str]) -> _Known:
    with ws.db.read() as cursor:
        given = {
            one.unit_id: one.variant
            for one in deployments.deployments_of(cursor, experiment.org_id, experiment.id)
            if one.unit_id is not None and one.reverted_at is None
        }
        kept = kept_units(ws, cursor, experiment, units)
        return _Known(
            eventlog.overrides_of(cursor, experiment.id),
            eventlog.assignments_of(
                cursor, experiment.id, list(kept.values()), since_run=first_run(experiment)
            ),
            given,
            rules_for(cursor, experiment),
            kept,
        )


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
