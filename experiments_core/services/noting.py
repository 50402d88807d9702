"""Decide, forecast and annotate; each is a row of its own and a line in the audit trail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from experiments_core.analysis.results import ExperimentResult
from experiments_core.domain import notes as rules
from experiments_core.domain.access import Actor, Permission, event_by, require
from experiments_core.domain.documents import moment_text
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.lifecycle import BIN, invalid_transition
from experiments_core.domain.notes import Annotation, Decision, Forecast
from experiments_core.domain.text import clean
from experiments_core.domain.validation import refuse
from experiments_core.errors import ConflictError, NotFoundError
from experiments_core.services import analyses
from experiments_core.services.saving import find, look_up
from experiments_core.services.workspace import Workspace
from experiments_core.stats.estimate import Undefined, Value
from experiments_core.store import audit, looks
from experiments_core.store import notes as rows


@dataclass(frozen=True, slots=True)
class Outcome:
    """A forecast beside what the look says.

    Attributes:
        lift: Relative lift of the look, a fraction; None where the metric is not in it.
        lower: Lower end of its interval.
        upper: Upper end.
        inside: Whether the lift lies in the range that was guessed; None without a range or
            without a lift.
    """

    forecast: Forecast
    lift: Value | None
    lower: Value | None
    upper: Value | None
    inside: bool | None


def decide(
    ws: Workspace,
    actor: Actor,
    reference: str,
    *,
    action: str,
    variant: str | None = None,
    note: str = "",
    look: int | None = None,
) -> Decision:
    """Write down what was decided on a look.

    Args:
        ws: The workspace.
        actor: Who decides.
        reference: Id, key or slug of the experiment.
        action: ``ship``, ``roll_back``, ``extend``, ``stop_flat`` or ``invalidate``.
        variant: Key of the variant it is about; needed to ship.
        note: Why; needed where it departs from the recommendation.
        look: Number of the look it rests on; the present one when left out.

    Raises:
        NotFoundError: there is no such look.
        InvalidInputError: what was said breaks a rule.
        ConflictError: the experiment is in the bin.
    """
    require(actor, Permission.EDIT)
    view = (
        analyses.look(ws, actor, reference)
        if look is None
        else analyses.past_look(ws, actor, reference, look)
    )
    experiment, result = view.experiment, view.result
    _check_place(experiment)
    advice = result.recommendation
    departing = rules.departs(action, variant, advice.action, advice.variant)
    refuse(rules.decision_problems(
        experiment, action=action, variant=variant, note=note, departing=departing
    ))  # fmt: skip
    decision = Decision(
        id=ws.new_id(),
        experiment_id=experiment.id,
        look=result.look,
        action=action,
        variant=variant,
        note=clean(note),
        recommended=advice.action,
        departs=departing,
        by=actor.name,
        created_at=ws.now(),
        org_id=actor.org_id,
    )
    said = {"look": result.look, "action": action, "variant": variant, "departs": departing}
    with ws.db.write() as cursor:
        rows.insert_note(cursor, decision)
        _record(ws, actor, cursor, decision, verb="decide", said=said, why=decision.note)
    return decision


def decisions(ws: Workspace, actor: Actor, reference: str) -> tuple[Decision, ...]:
    """Every decision of an experiment, the oldest first."""
    return _listed(ws, actor, Decision, reference)


def forecast(
    ws: Workspace,
    actor: Actor,
    reference: str,
    *,
    metric: str,
    guess: float,
    variant: str | None = None,
    lower: float | None = None,
    upper: float | None = None,
) -> Forecast:
    """Write down a guess before anybody has looked.

    Args:
        ws: The workspace.
        actor: Who guesses.
        reference: Id, key or slug of the experiment.
        metric: Key of one of its metrics.
        guess: Relative lift, a fraction (0.05 = 5 %).
        variant: Key of a treatment; the first one when left out.
        lower: Lower end of the likely range, with ``upper``.
        upper: Upper end.

    Raises:
        ConflictError: ``FORECAST_CLOSED``: somebody has looked at the results.
        InvalidInputError: what was said breaks a rule.
    """
    require(actor, Permission.FORECAST)
    with ws.db.write() as cursor:
        experiment = find(cursor, actor, reference)
        _check_place(experiment)
        if looks.count_looks(cursor, [experiment.id]).get(experiment.id):
            raise ConflictError(
                "The results have been looked at, so a guess would not be one any more.",
                code="FORECAST_CLOSED",
                hint="Forecasts are taken before the first look.",
            )
        treatment = variant or next(
            one.key for one in experiment.variants if not one.is_control
        )
        numbers: Mapping[str, object] = {"guess": guess, "lower": lower, "upper": upper}
        refuse(rules.forecast_problems(
            experiment, metric=metric, variant=treatment, numbers=numbers
        ))  # fmt: skip
        made = Forecast(
            id=ws.new_id(),
            experiment_id=experiment.id,
            metric=metric,
            variant=treatment,
            guess=float(guess),
            lower=lower,
            upper=upper,
            by=actor.name,
            created_at=ws.now(),
            org_id=actor.org_id,
        )
        rows.insert_note(cursor, made)
        said = {"metric": metric, "variant": treatment, **numbers}
        _record(ws, actor, cursor, made, verb="forecast", said=said)
    return made


def forecasts(ws: Workspace, actor: Actor, reference: str) -> tuple[Forecast, ...]:
    """Every forecast of an experiment, the oldest first."""
    return _listed(ws, actor, Forecast, reference)


def outcomes(
    ws: Workspace, actor: Actor, reference: str, result: ExperimentResult
) -> tuple[Outcome, ...]:
    """Every forecast of an experiment beside what a look says."""
    return tuple(_outcome(one, result) for one in forecasts(ws, actor, reference))


def annotate(
    ws: Workspace,
    actor: Actor,
    reference: str,
    *,
    text: str,
    kind: str = "note",
    starts: datetime | None = None,
    ends: datetime | None = None,
) -> Annotation:
    """Write down what happened, at a moment or over a range of time.

    Args:
        ws: The workspace.
        actor: Who writes; a comment is open to everybody who may read.
        reference: Id, key or slug of the experiment.
        text: At most 2,000 characters.
        kind: ``note``, ``incident``, ``release``, ``comment`` or ``deviation``.
        starts: When; now when left out.
        ends: The end of a range.

    Raises:
        InvalidInputError: what was said breaks a rule.
        ConflictError: the experiment is in the bin.
    """
    require(actor, Permission.COMMENT if kind == "comment" else Permission.EDIT)
    begun = starts or ws.now()
    refuse(rules.annotation_problems(text=text, kind=kind, starts=begun, ends=ends))
    with ws.db.write() as cursor:
        experiment = find(cursor, actor, reference)
        _check_place(experiment)
        made = Annotation(
            id=ws.new_id(),
            experiment_id=experiment.id,
            starts=begun,
            ends=ends,
            text=clean(text),
            kind=kind,
            by=actor.name,
            created_at=ws.now(),
            org_id=actor.org_id,
        )
        rows.insert_note(cursor, made)
        _record(ws, actor, cursor, made, verb="annotate", said=_told(made))
    return made


def annotations_of(ws: Workspace, actor: Actor, reference: str) -> tuple[Annotation, ...]:
    """Every annotation of an experiment, by the time they are about."""
    found = _listed(ws, actor, Annotation, reference)
    return tuple(sorted(found, key=lambda one: (one.starts, one.id)))


def remove_annotation(ws: Workspace, actor: Actor, reference: str, annotation_id: str) -> None:
    """Take an annotation away: one's own, or any with the right to edit.

    Raises:
        NotFoundError: the experiment has no such annotation.
    """
    require(actor, Permission.COMMENT)
    with ws.db.write() as cursor:
        experiment = find(cursor, actor, reference)
        found = {
            one.id: one
            for one in rows.notes_of(cursor, Annotation, actor.org_id, experiment.id)
        }
        if annotation_id not in found:
            raise NotFoundError(f"There is no annotation “{annotation_id}”.")
        gone = found[annotation_id]
        if gone.by != actor.name:
            require(actor, Permission.EDIT)
        rows.delete_annotation(cursor, actor.org_id, annotation_id)
        _record(ws, actor, cursor, gone, verb="remove", said=_told(gone))


def _outcome(forecast: Forecast, result: ExperimentResult) -> Outcome:
    contrast = None
    for metric in result.metrics:
        for arm in metric.arms:
            if (metric.key, arm.variant) == (forecast.metric, forecast.variant):
                contrast = arm.contrast
    if contrast is None:
        return Outcome(forecast, None, None, None, None)
    early = not result.final
    source = contrast.sequential if early and contrast.sequential else contrast
    lift, inside = contrast.relative_lift, None
    if (
        not isinstance(lift, Undefined)
        and forecast.lower is not None
        and forecast.upper is not None
    ):
        inside = forecast.lower <= lift <= forecast.upper
    return Outcome(
        forecast, lift, source.relative_lift_ci_lower, source.relative_lift_ci_upper, inside
    )


def _listed(
    ws: Workspace, actor: Actor, cls: type[rows.Note], reference: str
) -> tuple[rows.Note, ...]:
    require(actor, Permission.READ)
    experiment = look_up(ws, actor, reference)
    return ws.db.recall(
        ("notes", cls, actor.org_id, experiment.id),
        lambda cursor: rows.notes_of(cursor, cls, actor.org_id, experiment.id),
    )


def _check_place(experiment: Experiment) -> None:
    if experiment.place == BIN:
        raise invalid_transition(BIN, "Restore it to write something down about it.")


def _told(annotation: Annotation) -> dict[str, Any]:
    return {
        "text": annotation.text,
        "kind": annotation.kind,
        "starts": moment_text(annotation.starts),
        "ends": moment_text(annotation.ends) if annotation.ends else None,
    }


def _record(
    ws: Workspace,
    actor: Actor,
    cursor: Any,
    note: Decision | Forecast | Annotation,
    *,
    verb: str,
    said: dict[str, Any],
    why: str = "",
) -> None:
    event = event_by(
        actor,
        ws.now(),
        verb,
        type(note).__name__.lower(),
        note.id,
        before=said if verb == "remove" else None,
        after=None if verb == "remove" else {"experiment": note.experiment_id, **said},
        note=why,
    )
    audit.append_event(cursor, ws.db.secret, event)
