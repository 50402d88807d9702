"""Change split, allocation, holdout or targeting, or tell what that would do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from experiments_core.domain import traffic as rules
from experiments_core.domain.access import Actor, Permission, require
from experiments_core.domain.assignment import first_run
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.text import clean
from experiments_core.domain.traffic import TrafficPreview
from experiments_core.errors import ConflictError, Problem
from experiments_core.services import places
from experiments_core.services.saving import Save, find, moment
from experiments_core.services.workspace import Workspace
from experiments_core.store import assignments, catalog


def change_traffic(
    ws: Workspace,
    actor: Actor,
    reference: str,
    *,
    version: int,
    weights_bp: Mapping[str, int] | None = None,
    allocation_bp: int | None = None,
    holdout_bp: int | None = None,
    targeting: dict[str, Any] | None = None,
    reason: str,
    at: datetime | None = None,
) -> Experiment:
    """Change split or allocation; in a started test this opens a phase.

    Args:
        ws: The workspace.
        actor: Who does it.
        reference: Id, key or slug.
        version: The version the actor last read.
        weights_bp: Variant key -> basis points, all variants; None keeps the split.
        allocation_bp: Basis points; only upward once started; None keeps it.
        holdout_bp: Basis points, for new units only; None keeps it.
        targeting: A condition tree; ``{}`` lets everybody in, None keeps what is.
        reason: Why, 3 to 500 characters.
        at: When it happened, for history recorded after the fact; now when left out.

    Raises:
        ConflictError: ``ALLOCATION_SHRINKS`` or ``INVALID_TRANSITION``.
        InvalidInputError: ``SPLIT_SUM`` with the actual sum, or another rule.
        VersionStaleError: somebody saved since that version.
    """
    require(actor, Permission.EDIT)

    def change(experiment: Experiment) -> Experiment:
        places.check_strict(ws, actor, experiment)
        return rules.change_traffic(
            experiment,
            weights_bp=weights_bp,
            allocation_bp=allocation_bp,
            holdout_bp=holdout_bp,
            targeting=targeting,
            reason=reason,
            at=moment(at, ws.now(), experiment),
            by=actor.name,
        )

    return Save(ws, actor, "traffic", clean(reason), at).change(reference, version, change)


def preview_traffic(
    ws: Workspace,
    actor: Actor,
    reference: str,
    *,
    weights_bp: Mapping[str, int] | None = None,
    allocation_bp: int | None = None,
    holdout_bp: int | None = None,
    targeting: dict[str, Any] | None = None,
) -> TrafficPreview:
    """Tell what a change of traffic would do, also when it would be refused."""
    require(actor, Permission.READ)
    with ws.db.read() as cursor:
        experiment = find(cursor, actor, reference)
        units = catalog.units_imported(cursor, experiment.id)
        if units is None and experiment.first_started_at is not None:
            counted = assignments.count_assignments(
                cursor, experiment.id, since_run=first_run(experiment)
            )
            units = sum(n for _, _, n in counted) or None
    seen = rules.preview_traffic(
        experiment,
        weights_bp=weights_bp,
        allocation_bp=allocation_bp,
        holdout_bp=holdout_bp,
        targeting=targeting,
        units=units,
    )
    try:
        places.check_strict(ws, actor, experiment)
    except ConflictError as strict:
        problem = Problem("project", experiment.project, strict.code, strict.message)
        seen = replace(seen, problems=(problem, *seen.problems), sentence=strict.message)
    return seen
