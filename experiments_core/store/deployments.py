"""Deployments: a row each, ended once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import duckdb

from experiments_core.domain.deployment import Deployment
from experiments_core.store.catalog import from_utc, to_utc

_COLUMNS = (
    "id", "org_id", "experiment_id", "variant", "target", "unit_id", "previous", "reason",
    "acknowledged", "actor", "created_at", "reverted_at", "reverted_by",
)  # fmt: skip
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM deployments"


def insert_deployment(cursor: duckdb.DuckDBPyConnection, deployment: Deployment) -> None:
    """Write a deployment."""
    row = [
        deployment.id, deployment.org_id, deployment.experiment_id, deployment.variant,
        deployment.target, deployment.unit_id, deployment.previous, deployment.reason,
        json.dumps(deployment.acknowledged), deployment.by, to_utc(deployment.created_at),
        to_utc(deployment.reverted_at), deployment.reverted_by,
    ]  # fmt: skip
    marks = ", ".join("?" * len(_COLUMNS))
    cursor.execute(f"INSERT INTO deployments ({', '.join(_COLUMNS)}) VALUES ({marks})", row)


def end_deployment(cursor: duckdb.DuckDBPyConnection, deployment: Deployment) -> None:
    """Fill in when and by whom it was reverted, once."""
    cursor.execute(
        "UPDATE deployments SET reverted_at = ?, reverted_by = ? "
        "WHERE id = ? AND reverted_at IS NULL",
        [to_utc(deployment.reverted_at), deployment.reverted_by, deployment.id],
    )


def deployments_of(
    cursor: duckdb.DuckDBPyConnection, org_id: str, experiment_id: str
) -> tuple[Deployment, ...]:
    """Every deployment of an experiment, the oldest first."""
    rows = cursor.execute(
        f"{_SELECT} WHERE org_id = ? AND experiment_id = ? ORDER BY created_at, id",
        [org_id, experiment_id],
    ).fetchall()
    return tuple(_read(row) for row in rows)


def given_to_units(
    cursor: duckdb.DuckDBPyConnection, org_id: str, experiment_ids: Sequence[str]
) -> dict[str, dict[str, str]]:
    """Experiment -> unit -> the arm that is deployed to it."""
    rows = cursor.execute(
        "SELECT experiment_id, unit_id, variant FROM deployments WHERE org_id = ? "
        "AND list_contains(?, experiment_id) AND unit_id IS NOT NULL AND reverted_at IS NULL "
        "ORDER BY created_at, id",
        [org_id, list(experiment_ids)],
    ).fetchall()
    found: dict[str, dict[str, str]] = {}
    for owner, unit, variant in rows:
        found.setdefault(owner, {})[unit] = variant
    return found


def find_deployment(
    cursor: duckdb.DuckDBPyConnection, org_id: str, deployment_id: str
) -> Deployment | None:
    """One deployment by its id."""
    rows = cursor.execute(
        f"{_SELECT} WHERE org_id = ? AND id = ?", [org_id, deployment_id]
    ).fetchall()
    return _read(rows[0]) if rows else None


def _read(row: tuple[Any, ...]) -> Deployment:
    values = dict(zip(_COLUMNS, row, strict=True))
    values["by"] = values.pop("actor")
    values["acknowledged"] = tuple(json.loads(values["acknowledged"]))
    for name in ("created_at", "reverted_at"):
        values[name] = from_utc(values[name])
    return Deployment(**values)
