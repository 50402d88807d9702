"""Organisations, projects, resources and namespaces as rows."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

import duckdb

from experiments_core.domain.project import (
    Namespace,
    Organisation,
    Project,
    ProjectSettings,
    Resource,
)
from experiments_core.store.catalog import aware, from_utc, kept, to_utc

_PROJECT = (
    "id", "org_id", "key", "name", "version", "created_by", "created_at", "updated_at",
)  # fmt: skip


def organisations(cursor: duckdb.DuckDBPyConnection) -> list[Organisation]:
    """Every organisation of the file."""
    rows = cursor.execute("SELECT id, name, slug, time_zone FROM organisations").fetchall()
    return [Organisation(*row) for row in rows]


def insert_organisation(
    cursor: duckdb.DuckDBPyConnection, made: Organisation, now: datetime
) -> None:
    """Write a new organisation."""
    cursor.execute(
        "INSERT INTO organisations VALUES (?, ?, ?, ?, ?)",
        [made.id, made.name, made.slug, made.time_zone, to_utc(now)],
    )


def update_organisation(cursor: duckdb.DuckDBPyConnection, changed: Organisation) -> None:
    """Write an organisation's name and zone."""
    cursor.execute(
        "UPDATE organisations SET name = ?, time_zone = ? WHERE id = ?",
        [changed.name, changed.time_zone, changed.id],
    )


def projects(cursor: duckdb.DuckDBPyConnection, org_id: str) -> list[Project]:
    """Every project of an organisation, by key."""
    rows = cursor.execute(
        f"SELECT {', '.join(_PROJECT)}, settings FROM projects WHERE org_id = ? "
        "ORDER BY lower(key)",
        [org_id],
    ).fetchall()
    return [_project(row) for row in rows]


def insert_project(cursor: duckdb.DuckDBPyConnection, project: Project) -> None:
    """Write a new project."""
    values = [kept(getattr(project, name)) for name in _PROJECT]
    cursor.execute(
        f"INSERT INTO projects ({', '.join(_PROJECT)}, settings) "
        f"VALUES ({', '.join('?' * (len(_PROJECT) + 1))})",
        [*values, json.dumps(asdict(project.settings), ensure_ascii=False)],
    )


def update_project(cursor: duckdb.DuckDBPyConnection, project: Project, version: int) -> bool:
    """Write a changed project if the file still holds ``version``; tell whether it did."""
    return bool(cursor.execute(
        "UPDATE projects SET name = ?, settings = ?, version = ?, updated_at = ? "
        "WHERE org_id = ? AND id = ? AND version = ? RETURNING id",
        [
            project.name, json.dumps(asdict(project.settings), ensure_ascii=False),
            project.version, to_utc(project.updated_at), project.org_id, project.id, version,
        ],
    ).fetchall())  # fmt: skip


def resources(cursor: duckdb.DuckDBPyConnection, org_id: str) -> list[Resource]:
    """Every resource of an organisation, the newest first."""
    rows = cursor.execute(
        "SELECT id, kind, locator, fallback, created_by, created_at FROM resources "
        "WHERE org_id = ? ORDER BY created_at DESC, id DESC",
        [org_id],
    ).fetchall()
    return [
        Resource(id_, kind, locator, json.loads(fallback), by, aware(at))
        for id_, kind, locator, fallback, by, at in rows
    ]


def insert_resource(cursor: duckdb.DuckDBPyConnection, org_id: str, made: Resource) -> None:
    """Write a new resource."""
    cursor.execute(
        "INSERT INTO resources VALUES (?, ?, ?, ?, ?, ?, ?)",
        [made.id, org_id, made.kind, made.locator,
         json.dumps(made.fallback, ensure_ascii=False), made.created_by,
         to_utc(made.created_at)],
    )  # fmt: skip


def namespaces(cursor: duckdb.DuckDBPyConnection, org_id: str) -> list[Namespace]:
    """Every namespace of an organisation, by key."""
    rows = cursor.execute(
        "SELECT id, key, name, created_by, created_at FROM namespaces WHERE org_id = ? "
        "ORDER BY lower(key)",
        [org_id],
    ).fetchall()
    return [Namespace(id_, key, name, by, aware(at)) for id_, key, name, by, at in rows]


def insert_namespace(cursor: duckdb.DuckDBPyConnection, org_id: str, made: Namespace) -> None:
    """Write a new namespace."""
    cursor.execute(
        "INSERT INTO namespaces VALUES (?, ?, ?, ?, ?, ?)",
        [made.id, org_id, made.key, made.name, made.created_by, to_utc(made.created_at)],
    )


def _project(row: tuple[Any, ...]) -> Project:
    values = dict(zip((*_PROJECT, "settings"), row, strict=True))
    settings = json.loads(values["settings"])
    for name in ("environments", "checklist"):
        settings[name] = tuple(settings[name])
    values["settings"] = ProjectSettings(**settings)
    for name in ("created_at", "updated_at"):
        values[name] = from_utc(values[name])
    return Project(**values)
