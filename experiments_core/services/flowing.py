"""Who gets what now: every gate on the way into a test, with its share."""

from __future__ import annotations

from dataclasses import dataclass

from experiments_core.domain.access import Actor, Permission, require
from experiments_core.domain.assignment import first_run
from experiments_core.domain.experiment import WHOLE_BP, Experiment
from experiments_core.domain.targeting_checks import count_conditions, expand
from experiments_core.services.project_rules import rules_for
from experiments_core.services.saving import find
from experiments_core.services.workspace import Workspace
from experiments_core.store import assignments


@dataclass(frozen=True, slots=True)
class Gate:
    """One step on the way.

    Attributes:
        name: ``everybody``, ``targeted``, ``project_holdout``, ``namespace``, ``allocated``,
            ``holdout``, or the key of an arm.
        words: For people.
        share: Of those who reach it, a fraction; None where the targeting decides.
        of_all: Of all units that the targeting lets in, a fraction.
        units: Units stored there so far; None where nothing is stored.
    """

    name: str
    words: str
    share: float | None
    of_all: float | None
    units: int | None = None


def flow(ws: Workspace, actor: Actor, reference: str) -> tuple[Gate, ...]:
    """The gates of an experiment in their order, the arms at the end."""
    require(actor, Permission.READ)
    with ws.db.read() as cursor:
        experiment = find(cursor, actor, reference)
        counted = assignments.count_assignments(
            cursor, experiment.id, since_run=first_run(experiment)
        )
        project = rules_for(cursor, experiment)
    units: dict[str | None, int] = {}
    for _, variant, n in counted:
        units[variant] = units.get(variant, 0) + n
    gates = [Gate("everybody", f"Every {experiment.unit}", 1.0, None)]
    if experiment.targeting:
        conditions = count_conditions(expand(experiment.targeting))
        noun = "condition" if conditions == 1 else "conditions"
        gates.append(Gate("targeted", f"Meets the targeting ({conditions} {noun})", None, 1.0))
    reach = 1.0
    for name, words, share in _shares(experiment, project.global_holdout_bp):
        reach *= share
        gates.append(Gate(name, words, share, reach))
    held = experiment.holdout_bp / WHOLE_BP
    if held:
        words = "Holdout: the fallback, measured"
        gates.append(Gate("holdout", words, held, reach * held, units.get(None, 0)))
    for arm in experiment.variants:
        share = arm.weight_bp / WHOLE_BP
        here = reach * (1 - held) * share
        words = f"Gets {arm.name or arm.key}"
        gates.append(Gate(arm.key, words, share, here, units.get(arm.key, 0)))
    return tuple(gates)


def phase_units(
    ws: Workspace, actor: Actor, reference: str
) -> dict[tuple[int, str | None], int]:
    """Units by the phase that assigned them and the arm they got; None is the holdout."""
    require(actor, Permission.READ)
    with ws.db.read() as cursor:
        experiment = find(cursor, actor, reference)
        counted = assignments.count_by_phase(cursor, experiment.id)
    return {(phase, variant): units for phase, variant, units in counted}


def _shares(experiment: Experiment, project_bp: int) -> list[tuple[str, str, float]]:
    shares = []
    if project_bp:
        share = 1 - project_bp / WHOLE_BP
        shares.append(("project_holdout", "Not held out of all tests of the project", share))
    slot = experiment.namespace
    if slot is not None:
        share = (slot.to_bp - slot.from_bp) / WHOLE_BP
        words = f"In this test's part of the namespace {slot.key}"
        shares.append(("namespace", words, share))
    shares.append(("allocated", "Allocated to the test", experiment.allocation_bp / WHOLE_BP))
    return shares
