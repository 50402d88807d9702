"""Arms of a draft, one at a time; the split stays exact throughout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from experiments_core.domain.access import Actor, Permission, require
from experiments_core.domain.arms import key_of, percent
from experiments_core.domain.experiment import Experiment, Variant, VariantDraft
from experiments_core.domain.lifecycle import Status
from experiments_core.domain.validation import refuse
from experiments_core.errors import ConflictError, NotFoundError, Problem
from experiments_core.services import experiments
from experiments_core.services.workspace import Workspace


def add(
    ws: Workspace, actor: Actor, reference: str, draft: VariantDraft, *, version: int
) -> Experiment:
    """Add an arm; its weight comes from control, and without one nobody gets it yet.

    Raises:
        ConflictError: ``SEALED``: the test has started.
        InvalidInputError: a rule is broken, ``SPLIT_SUM`` when its weight is too much.
        VersionStaleError: somebody saved since that version.
    """
    require(actor, Permission.EDIT)
    found = _draft(ws, actor, reference)
    others = [
        _as_draft(v, control=v.is_control and not draft.is_control) for v in found.variants
    ]
    drafts = [*others, replace(draft, weight_bp=0)]
    return _save(ws, actor, found, _weighed(drafts, -1, draft.weight_bp), version)


def change(
    ws: Workspace,
    actor: Actor,
    reference: str,
    variant: str,
    changes: Mapping[str, Any],
    *,
    version: int,
) -> tuple[Experiment, str]:
    """Change an arm; a new weight is taken from control, and that of control from the next arm.

    Returns:
        The experiment, and the id of the arm.

    Raises:
        NotFoundError: there is no such arm.
        ConflictError: ``SEALED``: the test has started.
        InvalidInputError: a rule is broken, ``SPLIT_SUM`` when its weight is too much.
        VersionStaleError: somebody saved since that version.
    """
    require(actor, Permission.EDIT)
    found = _draft(ws, actor, reference)
    place = _place(found, variant)
    takes_control = bool(changes.get("is_control"))
    drafts = [_as_draft(v, control=v.is_control and not takes_control) for v in found.variants]
    given = {k: v for k, v in changes.items() if v is not None or k == "value"}
    weight = given.pop("weight_bp", None)
    drafts[place] = replace(drafts[place], **given)
    saved = _save(ws, actor, found, _weighed(drafts, place, weight), version)
    return saved, saved.variants[place].id


def remove(
    ws: Workspace, actor: Actor, reference: str, variant: str, *, version: int
) -> Experiment:
    """Take an arm out; its weight goes to control, and from control to the next arm.

    One may remain: the checklist holds back the start until there are two.

    Raises:
        NotFoundError: there is no such arm.
        ConflictError: ``SEALED``: the test has started.
        InvalidInputError: none would remain.
        VersionStaleError: somebody saved since that version.
    """
    require(actor, Permission.EDIT)
    found = _draft(ws, actor, reference)
    place = _place(found, variant)
    gone = found.variants[place]
    rest = [v for v in found.variants if v is not gone]
    if not rest:
        message = f"“{gone.key}” is the only variant; add another one first"
        refuse([Problem("variants", 0, "RANGE", message)])
    heir = next((v for v in rest if v.is_control), rest[0])
    drafts = [
        replace(
            _as_draft(v, control=v is heir),
            weight_bp=v.weight_bp + (gone.weight_bp if v is heir else 0),
        )
        for v in rest
    ]
    return _save(ws, actor, found, drafts, version)


def _weighed(
    drafts: Sequence[VariantDraft], place: int, weight: int | None
) -> list[VariantDraft]:
    """The arms with a new weight for one of them; the split stays whole."""
    changed = drafts[place]
    others = [one for one in drafts if one is not changed]
    if weight is None or not others:
        return list(drafts)
    heir = next((one for one in others if one.is_control), others[0])
    left = (heir.weight_bp or 0) + (changed.weight_bp or 0) - weight
    if left < 0:
        message = f"{percent(weight)} is more than “{key_of(heir)}” has to give"
        refuse([Problem("weight_bp", weight, "SPLIT_SUM", message)])
    new = {id(changed): weight, id(heir): left}
    return [replace(one, weight_bp=new.get(id(one), one.weight_bp)) for one in drafts]


def _draft(ws: Workspace, actor: Actor, reference: str) -> Experiment:
    found = experiments.get_experiment(ws, actor, reference)
    if found.status is not Status.DRAFT or found.deleted_at is not None:
        raise ConflictError(
            "Arms can be added, changed and removed in a draft only.",
            code="SEALED",
            hint="To drain an arm, set its weight to 0 by changing the traffic.",
        )
    return found


def _place(experiment: Experiment, variant: str) -> int:
    for i, one in enumerate(experiment.variants):
        if variant in {one.id, one.key}:
            return i
    raise NotFoundError(f"There is no variant “{variant}” in “{experiment.name}”.")


def _as_draft(variant: Variant, *, control: bool) -> VariantDraft:
    return VariantDraft(variant.key, variant.name, control, variant.weight_bp, variant.value)


def _save(
    ws: Workspace,
    actor: Actor,
    found: Experiment,
    drafts: Sequence[VariantDraft],
    version: int,
) -> Experiment:
    return experiments.edit_experiment(
        ws, actor, found.id, {"variants": tuple(drafts)}, version=version, least_arms=1
    )
