"""What a client needs to decide by itself, and whether it may."""

from __future__ import annotations

from typing import Any

from experiments_core.domain.access import Actor, Permission, require
from experiments_core.domain.assignment import first_run
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.lifecycle import Status
from experiments_core.services.project_rules import rules_for
from experiments_core.services.pseudonyms import is_pseudonymised
from experiments_core.services.workspace import Workspace
from experiments_core.store import catalog, deployments, named_units


def snapshot(ws: Workspace, actor: Actor) -> list[dict[str, Any]]:
    """Running experiments as a client needs them to decide by itself.

    ``local`` tells whether it may: only while the run has had one split, one targeting and one
    holdout, no project or list has a say, nobody was given a version by hand, and no override
    is kept under a pseudonym.
    """
    require(actor, Permission.ASSIGN)
    with ws.db.read() as cursor:
        running = [
            one
            for one in catalog.all_experiments(cursor, actor.org_id)
            if one.place == Status.RUNNING and one.assignment_mode == "hash"
        ]
        return [_snapshot(cursor, one) for one in sorted(running, key=lambda one: one.key)]


def may_decide_locally(experiment: Experiment) -> bool:
    """Whether a client that knows only the present design gives every unit its arm."""
    run = [p for p in experiment.phases if p.run_no >= first_run(experiment)]
    designs = {repr((p.weights_bp, p.targeting, p.holdout_bp)) for p in run}
    return len(designs) == 1 and experiment.place == Status.RUNNING


def _snapshot(cursor: Any, experiment: Experiment) -> dict[str, Any]:
    slot, project = experiment.namespace, rules_for(cursor, experiment)
    given = [
        one
        for one in deployments.deployments_of(cursor, experiment.org_id, experiment.id)
        if one.unit_id is not None and one.reverted_at is None
    ]
    overrides = named_units.overrides_of(cursor, experiment.id)
    hidden = bool(overrides) and is_pseudonymised(cursor, experiment.org_id, experiment.project)
    return {
        "key": experiment.key,
        "id": experiment.id,
        "version": experiment.version,
        "local": may_decide_locally(experiment) and not given and not hidden,
        "hash_method": experiment.hash_method,
        "hash_seed": experiment.hash_seed,
        "allocation_bp": experiment.allocation_bp,
        "holdout_bp": experiment.holdout_bp,
        "targeting": experiment.targeting,
        "namespace": None if slot is None else {
            "key": slot.key, "from_bp": slot.from_bp, "to_bp": slot.to_bp,
        },
        "project": {"key": project.key, "global_holdout_bp": project.global_holdout_bp},
        "fallback": experiment.fallback.value,
        "variants": [
            {"key": v.key, "weight_bp": v.weight_bp, "value": v.value}
            for v in experiment.variants
        ],
        "overrides": overrides,
    }  # fmt: skip
