"""What a definition would say on the data that a test has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from experiments_core.analysis import locking
from experiments_core.analysis.engine import analyze
from experiments_core.analysis.results import ArmResult
from experiments_core.domain.access import Actor, Permission, require
from experiments_core.domain.definition import (
    Definition,
    cleaned,
    meaning_of,
    metric_of,
    read_meaning,
    word_problems,
)
from experiments_core.domain.metric import MetricRole
from experiments_core.domain.validation import refuse
from experiments_core.errors import ConflictError
from experiments_core.services import readings
from experiments_core.services.saving import find
from experiments_core.services.workspace import Workspace


def preview(
    ws: Workspace, actor: Actor, reference: str, values: Mapping[str, Any]
) -> tuple[ArmResult, ...]:
    """The value of a definition, per arm, on the data that a test has; no look is taken.

    Args:
        ws: The workspace.
        actor: Who asks.
        reference: Id, key or slug of the test.
        values: As for :func:`~experiments_core.services.library.define_metric`; words may be
            left out.

    Raises:
        InvalidInputError: the definition breaks a rule.
        ConflictError: ``NO_DATA``: the test has none; ``RESULTS_LOCKED``: its plan keeps them.
    """
    require(actor, Permission.RESULTS)
    metric = metric_of(_draft(ws, actor, cleaned(values)), MetricRole.SECONDARY)
    with ws.db.read() as cursor:
        experiment = replace(find(cursor, actor, reference), metrics=(metric,))
        data = readings.data_of(ws.db, cursor, experiment)
        if data is None:
            raise ConflictError(
                f"“{experiment.name}” has no data yet.",
                code="NO_DATA",
                hint="Choose a test with data.",
            )
        reading = readings.read(experiment, data, now=ws.now())
        table = readings.fetch(cursor, reading)
    result = analyze(table.cells, reading.design, reading.quality)
    if locking.is_locked(experiment, result):
        raise ConflictError(locking.TEXT, code="RESULTS_LOCKED", hint="Choose another test.")
    return result.metrics[0].arms if result.metrics else ()


def _draft(ws: Workspace, actor: Actor, given: Mapping[str, Any]) -> Definition:
    now = ws.now()
    refuse(word_problems(given))
    return Definition(
        key=given.get("key") or "preview", version=1, revision=1,
        name=given.get("name") or "Preview", description="", owner="",
        meaning=read_meaning(meaning_of(given)), created_by=actor.name, created_at=now,
        updated_at=now, org_id=actor.org_id,
    )  # fmt: skip
