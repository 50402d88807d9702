"""The sample experiments: loaded through the same doors as a person's own, removed at a click.

Each is a TOML file with an experiment's history, and usually a CSV beside it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping as Table
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from experiments_core.domain.access import LOCAL, Actor, Permission, require
from experiments_core.domain.documents import (
    metric_from_document,
    plan_from_document,
    read_moment,
)
from experiments_core.domain.experiment import Experiment, ExperimentDraft, VariantDraft
from experiments_core.domain.lifecycle import Status, Verb
from experiments_core.domain.source import Mapping, Role
from experiments_core.domain.text import slugify
from experiments_core.errors import ConflictError
from experiments_core.services import acting, experiments, ingestion, traffic, workspace
from experiments_core.services.workspace import Workspace
from experiments_core.settings import Settings

FOLDERS = (
    Path(__file__).parents[2] / "data" / "samples",  # a checkout
    Path(__file__).parents[1] / "_front" / "data" / "samples",  # an installed wheel
)
_ENDINGS = frozenset({Verb.STOP, Verb.COMPLETE})


def start(settings: Settings) -> Workspace:
    """Open the workspace that this process serves; if asked, fill an empty one with samples.

    Raises:
        BusyError: another process has it open; the sentence says which and where.
        WorkspaceError: the file cannot be used.
    """
    ws = workspace.start(settings)
    if settings.sample and not ws.db.damage and _is_empty(ws):
        load_samples(ws, LOCAL)
    return ws


def load_samples(ws: Workspace, actor: Actor) -> int:
    """Load every sample that is not there; one in the bin is restored.

    Returns:
        How many were added.
    """
    require(actor, Permission.EDIT)
    present = {re.sub(r"-\d+$", "", e.slug): e for e in _samples(ws, actor)}
    added = 0
    for file in sorted(_folder().glob("*.toml"), reverse=True):  # the first one, shown first
        sample = tomllib.loads(file.read_text(encoding="utf-8"))
        known = present.get(slugify(sample["experiment"]["name"], ""))
        if known is None:
            _load(ws, actor, sample, file.parent)
        elif known.deleted_at is not None:
            _do(ws, actor, known, Verb.RESTORE)
        else:
            continue
        added += 1
    return added


def remove_samples(ws: Workspace, actor: Actor) -> int:
    """Put every sample into the bin, one that runs included.

    Returns:
        How many went.
    """
    require(actor, Permission.EDIT)
    removed = 0
    with ws.db.write():
        for sample in _samples(ws, actor):
            if sample.deleted_at is not None:
                continue
            over = sample
            if sample.status in {Status.RUNNING, Status.PAUSED}:
                over = _do(ws, actor, sample, Verb.STOP)
            _do(ws, actor, over, Verb.DELETE)
            removed += 1
    return removed


def _load(ws: Workspace, actor: Actor, sample: Table[str, Any], folder: Path) -> None:
    """Replay one experiment's history; its data arrive before the test ends."""
    timeline = [(read_moment(event["at"]), event) for event in sample["experiment"]["timeline"]]
    born = timeline[0][0] if timeline else None
    draft = _draft(sample["experiment"])
    try:
        experiment = experiments.create_experiment(ws, actor, draft, at=born)
    except ConflictError:  # somebody's own experiment has the key
        experiment = experiments.create_experiment(ws, actor, replace(draft, key=""), at=born)
    waiting = sample.get("data")
    for at, event in timeline:
        if waiting and event["verb"] in _ENDINGS:
            experiment = _import(ws, actor, experiment, waiting, folder)
            waiting = None
        experiment = _replay(ws, actor, experiment, at, event)


def _draft(fields: Table[str, Any]) -> ExperimentDraft:
    rest = {k: v for k, v in fields.items() if k not in {"timeline", "variants", "metrics"}}
    rest["plan"] = plan_from_document(rest.get("plan", {}))
    rest["tags"] = tuple(rest.get("tags", ()))
    return ExperimentDraft(
        **rest,
        variants=tuple(VariantDraft(**variant) for variant in fields["variants"]),
        metrics=tuple(metric_from_document(metric) for metric in fields["metrics"]),
        sample=True,
    )


def _replay(
    ws: Workspace, actor: Actor, experiment: Experiment, at: datetime, event: Table[str, Any]
) -> Experiment:
    version = experiment.version
    said = {k: v for k, v in event.items() if k not in {"at", "verb"}}
    if event["verb"] == "traffic":
        return traffic.change_traffic(ws, actor, experiment.id, version=version, at=at, **said)
    return acting.transition(
        ws, actor, experiment.id, event["verb"], version=version, at=at, **said
    )


def _import(
    ws: Workspace, actor: Actor, experiment: Experiment, data: Table[str, Any], folder: Path
) -> Experiment:
    name = data["file"]
    draft = ingestion.receive(ws, actor, folder / name, name, experiment_id=experiment.id)
    mapping = _confirm(draft.detection.proposal, data)
    ingestion.check(ws, actor, draft.import_id, mapping)
    ingestion.commit(ws, actor, draft.import_id)
    return experiments.get_experiment(ws, actor, experiment.id)


def _confirm(proposal: Mapping, data: Table[str, Any]) -> Mapping:
    """Answer what a person would be asked: the roles of the columns, the control, the end."""
    roles = {name: Role(role) for name, role in data["columns"].items()}
    columns = tuple(
        replace(column, role=roles.get(column.name, Role.IGNORE)) for column in proposal.columns
    )
    return replace(
        proposal, columns=columns, control=data["control"], finished=data["finished"]
    )


def _do(ws: Workspace, actor: Actor, experiment: Experiment, verb: Verb) -> Experiment:
    return acting.transition(ws, actor, experiment.id, verb, version=experiment.version)


def _samples(ws: Workspace, actor: Actor) -> list[Experiment]:
    shown = experiments.list_experiments(ws, actor, include_archived=True)
    binned = experiments.list_experiments(ws, actor, in_bin=True)
    return [experiment for experiment in (*shown, *binned) if experiment.sample]


def _is_empty(ws: Workspace) -> bool:
    return not experiments.list_experiments(
        ws, LOCAL, include_archived=True
    ) and not experiments.list_experiments(ws, LOCAL, in_bin=True)


def _folder() -> Path:
    return next(folder for folder in FOLDERS if folder.is_dir())
