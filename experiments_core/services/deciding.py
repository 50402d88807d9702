"""What was decided on a look, and whether that departs from what the look recommends."""

from __future__ import annotations

from experiments_core.domain import notes as rules
from experiments_core.domain.access import Actor, Permission, require
from experiments_core.domain.notes import Decision
from experiments_core.domain.text import clean
from experiments_core.domain.validation import refuse
from experiments_core.services import analyses
from experiments_core.services.noting import check_place, notes_of, record
from experiments_core.services.workspace import Workspace
from experiments_core.store import notes as rows


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
    check_place(experiment)
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
        record(ws, actor, cursor, decision, verb="decide", said=said, why=decision.note)
    return decision


def decisions(ws: Workspace, actor: Actor, reference: str) -> tuple[Decision, ...]:
    """Every decision of an experiment, the oldest first."""
    return notes_of(ws, actor, Decision, reference)
