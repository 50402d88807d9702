"""Take exposures and events: checked, durable before the answer, once for ever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from experiments_core.domain.access import Actor, Permission, require
from experiments_core.domain.assignment import (
    AssignmentSource,
    ProjectRules,
    Rules,
    first_run,
    phase_at,
)
from experiments_core.domain.events import EXPOSURE, Event, read_event
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.pseudonym import keyed, pseudonym, unit_key
from experiments_core.errors import InvalidInputError, Problem, TooLargeError
from experiments_core.services.designs import ready
from experiments_core.services.participants import settle_listed
from experiments_core.services.project_rules import rules_for
from experiments_core.services.pseudonyms import is_pseudonymised, way_of_all
from experiments_core.services.workspace import Workspace
from experiments_core.store import catalog, named_units
from experiments_core.store.assignments import Assignment
from experiments_core.store.eventlog import BatchAnswer, EventBatch, write_events

MOST_EVENTS = 10_000


@dataclass(frozen=True, slots=True)
class Rejected:
    """An event that was not taken, and why.

    Attributes:
        index: Its place in the call, from 0.
    """

    index: int
    problem: Problem


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a call; everything accepted is on disk.

    Attributes:
        accepted: Events stored by this call.
        duplicates: Events that were stored before, with the same content.
    """

    accepted: int
    duplicates: int
    rejected: tuple[Rejected, ...]


def receive_events(
    ws: Workspace, actor: Actor, sent: Sequence[object], *, atomic: bool = False
) -> Receipt:
    """Store events; a retry with the same ids costs nothing.

    Args:
        ws: The workspace.
        actor: Who sends them.
        sent: JSON objects: event_id, type (exposure or metric), unit_id, experiment, name,
            variant, at, value, attributes.
        atomic: All or none.

    Raises:
        TooLargeError: more than 10 000 events.
        InvalidInputError: ``atomic``, and one of them is not valid.
        BusyError: too much waits to be written; nothing of this call was stored.
    """
    require(actor, Permission.EVENTS)
    if len(sent) > MOST_EVENTS:
        raise TooLargeError(
            f"{len(sent)} events; at most {MOST_EVENTS} in one call.",
            hint="Send them in several calls.",
        )
    batch, places, rejected = _check(ws, actor, sent, atomic=atomic)
    if atomic and rejected:
        raise _refuse(rejected)
    answer = BatchAnswer()
    if batch.events:
        answer = ws.writer.write(write_events, batch, rows=len(batch.events))
    reused = [
        Rejected(places[place], Problem(
            "event_id", batch.events[place].event_id, "EVENT_ID_REUSED",
            "this id was used before for an event with other content; the first one stands",
        ))
        for place in answer.reused
    ]  # fmt: skip
    if atomic and reused:
        raise _refuse(reused)
    everything = sorted([*rejected, *reused], key=lambda one: one.index)
    return Receipt(answer.accepted, answer.duplicates, tuple(everything))


def _check(
    ws: Workspace, actor: Actor, sent: Sequence[object], *, atomic: bool
) -> tuple[EventBatch, list[int], list[Rejected]]:
    """Tell good events from others; give the places of the good ones."""
    now = ws.now()
    good: list[Event] = []
    ids: list[str | None] = []
    places: list[int] = []
    rejected: list[Rejected] = []
    assignments: list[Assignment] = []
    tests = _Tests(ws, actor)
    for index, one in enumerate(sent):
        event = read_event(one, now)
        if isinstance(event, Problem):
            rejected.append(Rejected(index, event))
            continue
        test = tests.of(event)
        problem = _test_problem(event, test) or tests.shared_problem(event)
        if problem is not None:
            rejected.append(Rejected(index, problem))
            continue
        good.append(tests.as_kept(event, test))
        places.append(index)
        ids.append(test.id if test else None)
        if test is not None and event.type == EXPOSURE:
            assignments += tests.assignment(test, event)
    batch = EventBatch(actor.org_id, good, ids, assignments, atomic)
    return batch, places, rejected


def _test_problem(event: Event, test: Experiment | None) -> Problem | None:
    if event.experiment is not None and test is None:
        message = f"there is no experiment “{event.experiment}”"
        return Problem("experiment", event.experiment, "NOT_FOUND", message)
    if test is None or event.type != EXPOSURE:
        return None
    if test.assignment_mode == "external" and event.variant is None:
        message = "variant is missing: this test's arms come with its exposures"
        return Problem("variant", None, "REQUIRED", message)
    return None


class _Tests:
    """The experiments that a call names, each read once."""

    def __init__(self, ws: Workspace, actor: Actor) -> None:
        self._ws, self._actor = ws, actor
        self._found: dict[str, Experiment | None] = {}
        self._overrides: dict[str, dict[str, str]] = {}
        self._projects: dict[str, ProjectRules] = {}
        self._key = unit_key(ws.db.secret, actor.org_id)
        self._hashed: dict[str, bool] = {}
        self._designs: dict[tuple[str, int], Rules] = {}
        with ws.db.read() as cursor:
            self._way_of_all = way_of_all(cursor, actor.org_id)

    def of(self, event: Event) -> Experiment | None:
        """The experiment that an event names; None if it names none, or none that exists."""
        name = event.experiment
        if name is None:
            return None
        if name not in self._found:
            org = self._actor.org_id
            test = self._ws.db.recall(
                ("experiment", "of an event", org, name),
                lambda cursor: catalog.find_experiment(cursor, org, name),
            )
            self._found[name] = test
            if test is not None:
                with self._ws.db.read() as cursor:
                    self._overrides[test.id] = named_units.overrides_of(cursor, test.id)
                    self._projects[test.id] = rules_for(cursor, test)
                    self._hashed[test.id] = is_pseudonymised(cursor, test.org_id, test.project)
            if test is not None:
                settle_listed(self._ws, test)
        return self._found[name]

    def as_kept(self, event: Event, test: Experiment | None) -> Event:
        """The event under the name that its unit is kept under."""
        hashed = self._way_of_all if test is None else self._hashed[test.id]
        if not hashed:
            return event
        unit, content = pseudonym(self._key, event.unit), keyed(self._key, event.content)
        return event._replace(unit=unit, content=content)

    def shared_problem(self, event: Event) -> Problem | None:
        """An event of all experiments needs one way of keeping ids in all projects."""
        if event.experiment is not None or self._way_of_all is not None:
            return None
        message = (
            "experiment is missing: some projects keep unit ids as pseudonyms and others do "
            "not, so an event has to say where it belongs"
        )
        return Problem("experiment", None, "REQUIRED", message)

    def assignment(self, test: Experiment, event: Event) -> list[Assignment]:
        """The assignment of an exposed unit, by the rules of the phase it was exposed in.

        It is stored only if the unit has none: an exposure of a unit not yet assigned assigns
        it then; what the client says it served never does.
        """
        kept = self.as_kept(event, test).unit
        if test.assignment_mode != "hash" or kept in self._overrides[test.id]:
            return []
        phase = phase_at(test, event.ts)
        if phase is None:
            return []
        design = self._designs.get((test.id, phase.seq))
        if design is None:
            design = ready(self._ws, test, project=self._projects[test.id], phase=phase)
            self._designs[test.id, phase.seq] = design
        decision = design.decide(event.unit, event.attributes)
        if not decision.is_new:
            return []
        return [
            Assignment(
                test.id, kept, decision.variant, phase.seq, phase.run_no,
                AssignmentSource.HASH, event.ts, first_run(test),
            )
        ]  # fmt: skip


def _refuse(rejected: Sequence[Rejected]) -> InvalidInputError:
    details = tuple(
        Problem(f"events[{one.index}].{one.problem.field}", one.problem.value,
                one.problem.rule, one.problem.message)
        for one in rejected
    )  # fmt: skip
    code = "EVENT_ID_REUSED" if details[0].rule == "EVENT_ID_REUSED" else None
    message = f"Nothing was stored: {details[0].field}: {details[0].message}."
    return InvalidInputError(message, code=code, details=details)
