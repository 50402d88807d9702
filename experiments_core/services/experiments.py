"""Make, edit, start, stop and read experiments.

Every change takes the version that its author last read. It is compared inside the one
transaction that also writes the phase and the audit row, so nobody's edit vanishes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from experiments_core.domain import checklist as rules
from experiments_core.domain import traffic
from experiments_core.domain.access import Actor, AuditEvent, Permission, may, require
from experiments_core.domain.acts import Act, needed_permission, perform
from experiments_core.domain.arms import DEFAULT_ARMS, LEAST, make_variants
from experiments_core.domain.assignment import first_run
from experiments_core.domain.checklist import ChecklistItem
from experiments_core.domain.experiment import Experiment, ExperimentDraft
from experiments_core.domain.lifecycle import Status, Verb, VerbInfo, allowed_actions
from experiments_core.domain.sealing import check_edit, merge_metrics
from experiments_core.domain.text import clean, slugify, unused
from experiments_core.domain.traffic import TrafficPreview
from experiments_core.domain.validation import (
    cleaned,
    field_problems,
    refuse,
    threshold_problems,
)
from experiments_core.errors import ConflictError, InvalidInputError, Problem
from experiments_core.services import deployed, deploying, erasing, places
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
from experiments_core.store import audit, catalog, eventlog


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
    changes: Mapping[str, object],
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

    def change(experiment: Experiment) -> Experiment:
        mode = str(changes.get("assignment_mode", experiment.assignment_mode))
        refuse([
            *field_problems(changes, assignment_mode=mode, least_arms=least_arms),
            *threshold_problems(
                changes.get("promote_threshold", experiment.promote_threshold),
                changes.get("metrics", experiment.metrics),
            ),
            *places.place_problems(ws, actor, {"project": experiment.project, **changes}),
        ])  # fmt: skip
        check_edit(experiment, changes)
        if "external_ids" in changes:
            with ws.db.write() as cursor:
                ids = dict(changes["external_ids"])  # type: ignore[call-overload]
                places.check_external_ids(cursor, actor, experiment.id, ids)
        values = {name: cleaned(name, value) for name, value in changes.items()}
        if "variants" in values:
            drafts = values["variants"]
            values["variants"] = make_variants(drafts, ws.new_id, experiment.variants)
        if "metrics" in values and experiment.is_sealed:
            added = values["metrics"]
            values["metrics"] = merge_metrics(experiment.metrics, added, started=True)
        if values.get("key", experiment.key) != experiment.key:
            _check_key_free(ws, actor, experiment, values["key"])
            if experiment.hash_seed == experiment.key:
                values.setdefault("hash_seed", values["key"])
        return replace(experiment, **values)

    touched = frozenset(changes) if merge else frozenset()

    def also(cursor: Any, before: Experiment, after: Experiment) -> None:
        if before.namespace != after.namespace:
            check_slot(cursor, after)
        if before.project != after.project:
            check_may_move(cursor, before, after)

    save = Save(ws, actor, "edit", merges=touched)
    return save.change(reference, version, change, also)


def checklist(ws: Workspace, actor: Actor, reference: str) -> tuple[ChecklistItem, ...]:
    """What is missing before the start, and what would make the test better."""
    return rules.checklist(get_experiment(ws, actor, reference))


def allowed_verbs(experiment: Experiment, actor: Actor | None = None) -> tuple[VerbInfo, ...]:
    """The verbs that the transition table allows now, each with what it will do.

    Args:
        experiment: The experiment.
        actor: Leaves out what this actor may not do; None leaves nothing out.
    """
    return tuple(
        info
        for info in allowed_actions(experiment.place)
        if (actor is None or may(actor, info.permission))
        and not (info.verb is Verb.DEPLOY and experiment.deployed)
    )


def transition(
    ws: Workspace,
    actor: Actor,
    reference: str,
    verb: str,
    *,
    version: int,
    reason: str = "",
    conclusion: str | None = None,
    note: str = "",
    reassign: str = "keep",
    winner: str | None = None,
    unstated: bool = False,
    acknowledge: Iterable[str] = (),
    at: datetime | None = None,
) -> Experiment:
    """Start, pause, resume, stop, complete, reopen, deploy, archive, unarchive and so on.

    Args:
        ws: The workspace.
        actor: Who does it.
        reference: Id, key or slug.
        verb: One of :class:`~experiments_core.domain.lifecycle.Verb`.
        version: The version the actor last read.
        reason: Why; needed to reopen, and to complete before the planned end.
        conclusion: Needed to complete: won, lost, inconclusive, stopped_early or invalid.
        note: Goes with the conclusion.
        reassign: For a new run: ``keep`` everybody's variant, or assign ``fresh``.
        winner: Key of a variant. With a stop everybody gets it, whatever the results say (the
            conditions that are not met are written down); with a conclusion it is only
            remembered; needed to deploy.
        unstated: To complete without a conclusion, as clients of other services do.
        acknowledge: To deploy: codes of unmet conditions that the actor knows of.
        at: When it happened, for history recorded after the fact; now when left out.

    Raises:
        ConflictError: ``INVALID_TRANSITION`` with the verbs allowed now, ``CHECKLIST``,
            ``DEPLOY_NOT_SUPPORTED`` or ``ALREADY_DEPLOYED``.
        VersionStaleError: somebody saved since that version.
        InvalidInputError: something that has to be told with the verb is missing or wrong.
        ForbiddenError: the verb needs a higher role.
    """
    known = _verb(verb)
    if known is Verb.DEPLOY:
        after, _ = deploying.deploy(
            ws, actor, reference, variant=winner, version=version, reason=reason,
            acknowledge=acknowledge, at=at,
        )  # fmt: skip
        return after
    require(actor, Permission.EDIT)
    if known is Verb.PURGE:
        return erasing.purge(ws, actor, reference, version=version)
    unmet: tuple[str, ...] = ()
    if known is Verb.STOP and winner is not None:
        require(actor, Permission.DEPLOY)
        unmet = deploying.conditions(ws, actor, reference, winner)

    def change(experiment: Experiment) -> Experiment:
        act = Act(
            known, moment(at, ws.now(), experiment), actor.name, reason, conclusion, note,
            reassign, winner, unstated,
        )  # fmt: skip
        done = perform(experiment, act)
        require(actor, needed_permission(experiment, known))
        return done

    def also(cursor: Any, before: Experiment, after: Experiment) -> None:
        if known in {Verb.START, Verb.RESTORE, Verb.UNARCHIVE}:
            check_slot(cursor, after)
        if known is Verb.RESTORE:
            places.check_external_ids(cursor, actor, after.id, after.external_ids)
        if known is Verb.STOP and winner is not None:
            deployed.record(
                ws, actor, cursor, before, variant=winner, reason=reason, acknowledged=unmet
            )

    said = "; ".join(text for text in (clean(reason), clean(note)) if text)
    return Save(ws, actor, known.value, said, at).change(reference, version, change, also)


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
        return traffic.change_traffic(
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
            counted = eventlog.count_assignments(
                cursor, experiment.id, since_run=first_run(experiment)
            )
            units = sum(n for _, _, n in counted) or None
    seen = traffic.preview_traffic(
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


def _verb(text: str) -> Verb:
    try:
        return Verb(text)
    except ValueError:
        message = f"There is no verb “{text}”; there are {', '.join(Verb)}."
        problem = Problem("verb", text, "UNKNOWN_CHOICE", message)
        raise InvalidInputError(message, details=(problem,)) from None
