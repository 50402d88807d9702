"""Experiments that arrive with a status: started at once, or recorded as history."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from experiments_core.domain.access import Actor, Permission, require
from experiments_core.domain.experiment import CONCLUSIONS, Experiment, ExperimentDraft, Phase
from experiments_core.domain.lifecycle import Status
from experiments_core.domain.validation import refuse
from experiments_core.errors import Problem
from experiments_core.services import acting, experiments
from experiments_core.services.saving import Save
from experiments_core.services.workspace import Workspace


@dataclass(frozen=True, slots=True)
class History:
    """How a test that ended elsewhere went.

    Attributes:
        started_at: When it began; now when nobody knows.
        stopped_at: When it ended; the same.
        conclusion: None leaves it unstated.
    """

    started_at: datetime | None = None
    stopped_at: datetime | None = None
    conclusion: str | None = None
    note: str = ""


def create_with_status(
    ws: Workspace,
    actor: Actor,
    draft: ExperimentDraft,
    status: str = Status.DRAFT,
    *,
    history: History | None = None,
) -> Experiment:
    """Make an experiment that is a draft, is running at once, or was over before it came here.

    Args:
        ws: The workspace.
        actor: Who makes it.
        draft: What was typed.
        status: ``draft``, ``running`` (created and started in one transaction), or with a
            ``history`` any other.
        history: For an experiment that is recorded after the fact; nobody is ever assigned.

    Raises:
        InvalidInputError: fields that break a rule, or a status that needs a history.
        ConflictError: ``DUPLICATE_KEY``, or ``CHECKLIST`` when it cannot start.
    """
    require(actor, Permission.EDIT)
    refuse(_problems(ws, status, history))
    with ws.db.write():
        made = experiments.create_experiment(ws, actor, draft)
        if history is not None:
            return _record(ws, actor, made, Status(status), history)
        if status == Status.RUNNING:
            return acting.transition(ws, actor, made.id, "start", version=made.version)
    return made


def _record(
    ws: Workspace, actor: Actor, made: Experiment, status: Status, history: History
) -> Experiment:
    now = ws.now()
    began = history.started_at or now
    ended = max(began, history.stopped_at or now)

    def change(before: Experiment) -> Experiment:
        if status is Status.DRAFT:
            return replace(before, historical=True)
        over = status not in {Status.RUNNING, Status.PAUSED}
        phase = Phase(
            1, 1, "start", began, ended if over or status is Status.PAUSED else None,
            before.weights_bp, max(1, before.allocation_bp), before.holdout_bp,
            "recorded after the fact", actor.name,
        )  # fmt: skip
        concluded = status in {Status.COMPLETED, Status.ARCHIVED}
        return replace(
            before,
            status=status,
            historical=True,
            phases=(phase,),
            run_no=1,
            first_started_at=began,
            started_at=began,
            stopped_at=ended if over else None,
            completed_at=ended if concluded else None,
            conclusion=history.conclusion if concluded else None,
            conclusion_note=history.note if concluded else "",
            archived_at=now if status is Status.ARCHIVED else None,
            archived_from=Status.COMPLETED if status is Status.ARCHIVED else None,
        )

    return Save(ws, actor, "record").change(made.id, made.version, change)


def _problems(ws: Workspace, status: str, history: History | None) -> list[Problem]:
    choices = tuple(Status) if history is not None else (Status.DRAFT, Status.RUNNING)
    if status not in choices:
        known = status in set(Status)
        more = "; other statuses only with historical: true" if known else ""
        message = f"status is “{status}”; choose one of {', '.join(choices)}{more}"
        return [Problem("status", status, "UNKNOWN_CHOICE", message)]
    if history is None:
        return []
    problems = []
    if history.conclusion is not None and history.conclusion not in CONCLUSIONS:
        message = f"conclusion is one of {', '.join(CONCLUSIONS)}"
        problems.append(Problem("conclusion", history.conclusion, "UNKNOWN_CHOICE", message))
    for name in ("started_at", "stopped_at"):
        moment = getattr(history, name)
        if moment is not None and (moment.tzinfo is None or moment > ws.now()):
            message = f"{name} must be a time with its zone that is not in the future"
            problems.append(Problem(name, str(moment), "RANGE", message))
    return problems
