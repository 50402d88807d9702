"""Find, make and edit experiments.

Every change takes the version that its author last read. It is compared inside the one
transaction that also writes the phase and the audit row, so nobody's edit vanishes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from experiments_core.domain import checklist as rules
from experiments_core.domain.access import Actor, AuditEvent, Permission, require
from experiments_core.domain.arms import DEFAULT_ARMS, LEAST, make_variants
from experiments_core.domain.checklist import ChecklistItem
from experiments_core.domain.experiment import Experiment, ExperimentDraft
from experiments_core.domain.fields import cleaned, field_problems, threshold_problems
from experiments_core.domain.lifecycle import Status
from experiments_core.domain.sealing import check_edit, merge_metrics
from experiments_core.domain.text import clean, slugify, unused
from experiments_core.domain.validation import refuse
from experiments_core.errors import ConflictError, Problem
from experiments_core.services import places
from experiments_core.services.project_rules import check_slot
from experiments_core.services.pseudonyms import check_may_move
from experiments_core.services.saving import (
    EXPERIMENT,
    Save,
    check_version,
    find,
    look_up,
    moment,
    sees,
)
from experiments_core.services.workspace import Workspace
from experiments_core.store import audit, catalog


def list_experiments(
    ws: Workspace, actor: Actor, *, include_archived: bool = False, in_bin: bool = False
) -> list[Experiment]:
    """List experiments, the last changed first.

    Args:
        ws: The workspace.
        actor: Who asks.
        include_archived: Also those in the archive.
        in_bin: Only the deleted ones instead.
    """
    require(actor, Permission.READ)
    known = ws.db.recall(
        ("experiments", actor.org_id),
        lambda cursor: catalog.all_experiments(cursor, actor.org_id),
    )
    found = [experiment for experiment in known if sees(actor, experiment)]
    if in_bin:
        return [experiment for experiment in found if experiment.deleted_at]
    hidden = set() if include_archived else {Status.ARCHIVED}
    return [e for e in found if not e.deleted_at and e.status not in hidden]


def get_experiment(ws: Workspace, actor: Actor, reference: str) -> Experiment:
    """Find an experiment by id, key or slug; one in the bin is found too.

    Raises:
        NotFoundError: there is none, or it belongs to another organisation.
    """
    require(actor, Permission.READ)
    return look_up(ws, actor, reference)


def find_external(ws: Workspace, actor: Actor, system: str, external: str) -> Experiment | None:
    """The experiment that has an id in another system; None when there is none."""
    require(actor, Permission.READ)
    with ws.db.read() as cursor:
        return catalog.find_by_external(cursor, actor.org_id, system, external)


def create_experiment(
    ws: Workspace, actor: Actor, draft: ExperimentDraft, *, at: datetime | None = None
) -> Experiment:
    """Make an experiment in status draft.

    Args:
        ws: The workspace.
        actor: Who makes it.
        draft: What was typed.
        at: When, for an experiment recorded after the fact.

    Raises:
        InvalidInputError: fields that break a rule, all of them at once.
        ConflictError: ``DUPLICATE_KEY``.
    """
    require(actor, Permission.EDIT)
    fields = _draft_fields(draft)
    fields["environment"] = draft.environment or places.environment_of(ws, actor, draft.project)
    refuse([
        *field_problems(fields, assignment_mode=draft.assignment_mode),
        *threshold_problems(fields["promote_threshold"], fields["metrics"]),
        *places.place_problems(ws, actor, fields),
    ])  # fmt: skip
    now = ws.now()
    with ws.db.write() as cursor:
        places.check_external_ids(cursor, actor, "", draft.external_ids)
        taken = catalog.taken_names(cursor, actor.org_id)
        key = _choose_key(clean(draft.key), clean(draft.name), taken)
        values = {name: cleaned(name, value) for name, value in fields.items()}
        values["variants"] = make_variants(values["variants"], ws.new_id)
        experiment = Experiment(**values | {
            "id": ws.new_id(),
            "key": key,
            "slug": unused(slugify(draft.name, key.lower()), frozenset(taken)),
            "version": 1,
            "status": Status.DRAFT,
            "created_at": moment(at, now),
            "updated_at": now,
            "created_by": actor.name,
            "org_id": actor.org_id,
            "owner": values["owner"] or actor.name,
            "hash_seed": values.get("hash_seed") or key,
            "sample": draft.sample,
        })  # fmt: skip
        check_slot(cursor, experiment)
        catalog.insert_experiment(cursor, experiment)
        Save(ws, actor, "create", at=at).record(cursor, None, experiment)
    return experiment


def edit_experiment(
    ws: Workspace,
    actor: Actor,
    reference: str,
    changes: Mapping[str, Any],
    *,
    version: int,
    merge: bool = False,
    least_arms: int = LEAST,
) -> Experiment:
    """Change fields; those that the start sealed are refused.

    Args:
        ws: The workspace.
        actor: Who edits.
        reference: Id, key or slug.
        changes: Field -> new value; ``variants`` takes ``VariantDraft`` values, ``metrics``
            the whole list.
        version: The version the editor last read.
        merge: A stale version will do if nobody has touched these fields since.
        least_arms: Arms that a draft keeps at least.

    Raises:
        VersionStaleError: somebody saved since then.
        InvalidInputError: fields that break a rule, all of them at once.
        ConflictError: ``SEALED``, ``KEY_FROZEN``, ``DUPLICATE_KEY`` or ``INVALID_TRANSITION``.
    """
    require(actor, Permission.EDIT)

    def change(before: Experiment) -> Experiment:
        _check_changes(ws, actor, before, changes, least_arms)
        return replace(before, **_new_values(ws, actor, before, changes))

    def also(cursor: Any, before: Experiment, after: Experiment) -> None:
        if before.namespace != after.namespace:
            check_slot(cursor, after)
        if before.project != after.project:
            check_may_move(cursor, before, after)

    touched = frozenset(changes) if merge else frozenset()
    save = Save(ws, actor, "edit", merges=touched)
    return save.change(reference, version, change, also)


def checklist(ws: Workspace, actor: Actor, reference: str) -> tuple[ChecklistItem, ...]:
    """What is missing before the start, and what would make the test better."""
    return rules.checklist(get_experiment(ws, actor, reference))


def expect_version(ws: Workspace, actor: Actor, experiment: Experiment, version: int) -> None:
    """Refuse an experiment that is no longer as the actor read it.

    Raises:
        VersionStaleError: says who changed what since.
    """
    with ws.db.read() as cursor:
        check_version(ws, actor, cursor, experiment, version)


def history(ws: Workspace, actor: Actor, reference: str) -> list[AuditEvent]:
    """Every change of an experiment, the oldest first."""
    require(actor, Permission.READ)
    with ws.db.read() as cursor:
        experiment = find(cursor, actor, reference)
        return audit.events_of(cursor, actor.org_id, EXPERIMENT, experiment.id)


def _check_changes(
    ws: Workspace,
    actor: Actor,
    before: Experiment,
    changes: Mapping[str, Any],
    least_arms: int,
) -> None:
    """Refuse fields that break a rule, all of them at once, and those that are sealed."""
    mode = str(changes.get("assignment_mode", before.assignment_mode))
    refuse([
        *field_problems(changes, assignment_mode=mode, least_arms=least_arms),
        *threshold_problems(
            changes.get("promote_threshold", before.promote_threshold),
            changes.get("metrics", before.metrics),
        ),
        *places.place_problems(ws, actor, {"project": before.project, **changes}),
    ])  # fmt: skip
    check_edit(before, changes)
    if "external_ids" in changes:
        with ws.db.write() as cursor:
            places.check_external_ids(cursor, actor, before.id, changes["external_ids"])


def _new_values(
    ws: Workspace, actor: Actor, before: Experiment, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """What the fields become."""
    values = {name: cleaned(name, value) for name, value in changes.items()}
    if "variants" in values:
        values["variants"] = make_variants(values["variants"], ws.new_id, before.variants)
    if "metrics" in values and before.is_sealed:
        values["metrics"] = merge_metrics(before.metrics, values["metrics"], started=True)
    if values.get("key", before.key) != before.key:
        _check_key_free(ws, actor, before, values["key"])
        if before.hash_seed == before.key:
            values.setdefault("hash_seed", values["key"])
    return values


def _draft_fields(draft: ExperimentDraft) -> dict[str, Any]:
    names = (
        "name", "hypothesis", "metrics", "plan", "assignment_mode", "unit", "tags",
        "description", "type", "owner", "allocation_bp", "holdout_bp", "targeting",
        "namespace", "hash_method", "data_finished", "project", "environment", "resource",
        "external_ids", "stored_results", "auto_promote", "promote_threshold",
        "promote_after_days",
    )  # fmt: skip
    fields = {name: getattr(draft, name) for name in names}
    fields["variants"] = draft.variants or DEFAULT_ARMS
    for name in ("key", "hash_seed"):
        if clean(getattr(draft, name)):
            fields[name] = getattr(draft, name)
    return fields


def _choose_key(wanted: str, name: str, taken: Mapping[str, str]) -> str:
    if not wanted:
        return unused(slugify(name, "experiment"), frozenset(taken))
    if wanted.lower() in taken:
        raise _duplicate(wanted, taken[wanted.lower()])
    return wanted


def _check_key_free(ws: Workspace, actor: Actor, experiment: Experiment, key: str) -> None:
    with ws.db.read() as cursor:
        taken = catalog.taken_names(cursor, actor.org_id)
    if key.lower() in taken and key.lower() not in {experiment.key.lower(), experiment.slug}:
        raise _duplicate(key, taken[key.lower()])


def _duplicate(key: str, name: str) -> ConflictError:
    return ConflictError(
        f"The key “{key}” belongs to the experiment “{name}”.",
        code="DUPLICATE_KEY",
        hint="Choose another key; an experiment in the bin keeps its own.",
        details=(Problem("key", key, "NOT_UNIQUE", "keys are unique in any spelling"),),
    )
