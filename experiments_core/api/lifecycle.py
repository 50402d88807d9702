"""What is done with an experiment: the verbs, traffic, arms, phases, history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

from pydantic import Field
from starlette.responses import Response

from experiments_core.api.answers import listed, nothing, one
from experiments_core.api.call import Page, The
from experiments_core.api.door import Door
from experiments_core.api.experiment_answers import (
    ExperimentAnswer,
    PhaseAnswer,
    VariantAnswer,
    variant_body,
)
from experiments_core.api.experiment_bodies import (
    Conclusion,
    NewVariant,
    VariantChange,
    variant_draft,
)
from experiments_core.api.experiments import shown
from experiments_core.api.rules import Rule
from experiments_core.api.shapes import Answer, BasisPoints, Body, Many, One, moment
from experiments_core.domain.access import AuditEvent, Permission
from experiments_core.domain.documents import phase_to_document
from experiments_core.domain.experiment import Experiment
from experiments_core.services import acting, arms, experiments, flowing, traffic

door = Door("Lifecycle")

Reason = Annotated[str, Field(max_length=500)]
CHANGE = Rule(
    permission=Permission.EDIT, answer=One[ExperimentAnswer], version=True, errors=(409,)
)


class Nothing(Body):
    """A verb that is told nothing."""


class Why(Body):
    """A reason."""

    reason: Reason = ""


class Start(Body):
    """A new run keeps every unit's arm, or assigns afresh."""

    reassign: Annotated[str, Field(pattern="^(keep|fresh)$")] = "keep"
    reason: Reason = ""


class Stop(Body):
    """Why, and perhaps the variant that everybody gets from now on."""

    reason: Reason = ""
    winner: Annotated[str, Field(min_length=1, max_length=100)] | None = None


class Complete(Body):
    """How the test ended."""

    conclusion: Conclusion
    reason: Reason = ""
    note: Annotated[str, Field(max_length=10_000)] = ""
    winner: Annotated[str, Field(min_length=1, max_length=100)] | None = None


class TrafficChange(Body):
    """A new split, allocation, holdout or targeting, and why."""

    weights_bp: dict[str, BasisPoints] | None = None
    allocation_bp: BasisPoints | None = None
    holdout_bp: Annotated[int, Field(ge=0, le=5_000)] | None = None
    targeting: dict[str, Any] | None = None
    reason: Reason = ""
    dry_run: bool = False


class CountedPhase(PhaseAnswer):
    """A phase, and who was assigned in it: units per arm, and those held out."""

    counts: dict[str, int]
    held_out: int


class TrafficAnswer(Answer):
    """The phase that began, and what the change does; no phase when nothing was changed."""

    phase: PhaseAnswer | None
    preview: dict[str, Any]


class HistoryAnswer(Answer):
    """One change."""

    seq: int
    at: str
    actor: str
    verb: str
    object: str
    object_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    note: str
    request_id: str
    via: str


def _verb(name: str, doc: str, shape: type[Body]) -> None:
    def act(call: The, experiment: str, body: Body | None = None) -> Response:
        told = body.given() if body is not None else {}
        saved = acting.transition(
            call.ws, call.actor, experiment, name, version=call.version(), **told
        )
        return shown(call, saved)

    act.__annotations__["body"] = shape | None
    act.__doc__ = doc
    act.__name__ = name
    door.post(f"/experiments/{{experiment}}/{name}", CHANGE)(act)


for _name, _doc, _shape in (
    ("start", "Start a draft, resume a pause, or begin a new run.", Start),
    ("pause", "Let nobody new in; who is in keeps the variant.", Why),
    ("resume", "Let new units in again.", Why),
    ("stop", "End the test; with a winner everybody gets it.", Stop),
    ("complete", "Record how the test ended.", Complete),
    ("reopen", "Take the conclusion back.", Why),
    ("archive", "Take it out of the list.", Nothing),
    ("unarchive", "Put it back into the list.", Nothing),
    ("restore", "Take it out of the bin.", Nothing),
):
    _verb(_name, _doc, _shape)


@door.post(
    "/experiments/{experiment}/traffic",
    Rule(permission=Permission.EDIT, answer=One[TrafficAnswer], version=True, errors=(409,)),
)
def change_traffic(call: The, experiment: str, body: TrafficChange) -> Response:
    """Change the traffic; units keep their variant. ``dry_run`` only tells."""
    change: dict[str, Any] = {
        "weights_bp": body.weights_bp,
        "allocation_bp": body.allocation_bp,
        "holdout_bp": body.holdout_bp,
        "targeting": body.targeting or ({} if "targeting" in body.given() else None),
    }
    version = call.version()
    preview = asdict(traffic.preview_traffic(call.ws, call.actor, experiment, **change))
    preview["problems"] = [problem["message"] for problem in preview["problems"]]
    if body.dry_run:
        found = experiments.get_experiment(call.ws, call.actor, experiment)
        return one({"phase": None, "preview": preview}, version=found.version)
    saved = traffic.change_traffic(
        call.ws, call.actor, experiment, version=version, reason=body.reason, **change
    )
    phase = phase_to_document(saved.phases[-1]) if saved.phases else None
    return one({"phase": phase, "preview": preview}, version=saved.version)


@door.get(
    "/experiments/{experiment}/phases",
    Rule(permission=Permission.READ, answer=One[list[CountedPhase]]),
)
def read_phases(call: The, experiment: str) -> Response:
    """Every phase, the oldest first, with the units that were assigned in it."""
    found = experiments.get_experiment(call.ws, call.actor, experiment)
    counted = flowing.phase_units(call.ws, call.actor, found.id)
    return one([
        phase_to_document(phase)
        | {
            "counts": {arm: counted.get((phase.seq, arm), 0) for arm in phase.weights_bp},
            "held_out": counted.get((phase.seq, None), 0),
        }
        for phase in found.phases
    ])  # fmt: skip


@door.post(
    "/experiments/{experiment}/variants",
    Rule(
        permission=Permission.EDIT,
        answer=One[VariantAnswer],
        status=201,
        version=True,
        errors=(409,),
    ),
)
def add_variant(call: The, experiment: str, body: NewVariant) -> Response:
    """Add an arm to a draft; its weight comes from control, and is 0 unless said."""
    saved = arms.add(
        call.ws, call.actor, experiment, variant_draft(body), version=call.version()
    )
    return _variant(saved, saved.variants[-1].id, status=201)


@door.patch(
    "/experiments/{experiment}/variants/{variant}",
    Rule(permission=Permission.EDIT, answer=One[VariantAnswer], version=True, errors=(409,)),
)
def change_variant(call: The, experiment: str, variant: str, body: VariantChange) -> Response:
    """Change an arm of a draft; what its weight gains or loses is the control's."""
    saved, changed = arms.change(
        call.ws, call.actor, experiment, variant, body.given(), version=call.version()
    )
    return _variant(saved, changed)


@door.delete(
    "/experiments/{experiment}/variants/{variant}",
    Rule(permission=Permission.EDIT, status=204, version=True, errors=(409,)),
)
def delete_variant(call: The, experiment: str, variant: str) -> Response:
    """Take an arm out of a draft; its weight goes to control."""
    arms.remove(call.ws, call.actor, experiment, variant, version=call.version())
    return nothing()


@door.get(
    "/experiments/{experiment}/history",
    Rule(permission=Permission.READ, answer=Many[HistoryAnswer]),
)
def read_history(call: The, experiment: str, page: Page) -> Response:
    """Every change of an experiment, the newest first."""
    events = experiments.history(call.ws, call.actor, experiment)[::-1]
    place: Callable[[AuditEvent], tuple[Any, ...]] = lambda event: (event.seq,)  # noqa: E731
    return listed(call.request_id, events, page, place, event_body, down=True)


def event_body(event: AuditEvent) -> dict[str, Any]:
    """Render an audit event."""
    body = asdict(event)
    del body["org_id"]
    return body | {"at": moment(body.pop("ts"))}


def _variant(experiment: Experiment, variant_id: str, *, status: int = 200) -> Response:
    place = [arm.id for arm in experiment.variants].index(variant_id)
    body = variant_body(experiment.variants[place], place)
    return one(body, status=status, version=experiment.version)
