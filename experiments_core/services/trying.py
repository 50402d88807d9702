"""What units would get, and why; nothing is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from experiments_core.domain.access import Actor, Permission, require
from experiments_core.domain.assignment import Decision
from experiments_core.domain.lifecycle import Status
from experiments_core.domain.unit_ids import check_unit
from experiments_core.domain.why import Step, walk
from experiments_core.errors import ConflictError
from experiments_core.query.assignment import assignment_sql
from experiments_core.services.designs import ready
from experiments_core.services.known_units import known_units
from experiments_core.services.project_rules import rules_for
from experiments_core.services.saving import find
from experiments_core.services.workspace import Workspace
from experiments_core.store import assignments


@dataclass(frozen=True, slots=True)
class Trial:
    """What would happen to a unit, and every rule's answer."""

    decision: Decision
    steps: tuple[Step, ...]
    served: str


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
    known = known_units(ws, experiment, [unit])
    design = ready(ws, experiment, project=known.project)
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
        design = ready(ws, experiment, project=rules_for(cursor, experiment))
    if experiment.assignment_mode != "hash":
        raise ConflictError(
            "This test does not draw its units.",
            code="EXTERNAL_ASSIGNMENT",
            hint="Only a test that Upshot assigns by hash does.",
        )
    cleaned = list(dict.fromkeys(check_unit(unit) for unit in units))
    sql = assignment_sql(design, "incoming_units")
    with ws.db.staging() as cursor:
        found = assignments.draw_units(cursor, cleaned, sql)
    return {unit: (variant, reason) for unit, variant, reason in found}
