"""The library of metrics: define, define anew, see where one is used and what it would say."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from experiments_core.domain.access import Actor, Permission, event_by, require
from experiments_core.domain.definition import (
    WORDS,
    Definition,
    cleaned,
    meaning_of,
    read_meaning,
    word_problems,
)
from experiments_core.domain.text import slugify, unused
from experiments_core.domain.validation import refuse
from experiments_core.errors import ConflictError, NotFoundError, Problem, VersionStaleError
from experiments_core.services.workspace import Workspace
from experiments_core.store import audit
from experiments_core.store import definitions as rows

METRIC = "metric"
FILES = (
    Path(__file__).parents[2] / "data" / "metrics.toml",  # a checkout
    Path(__file__).parents[1] / "_front" / "data" / "metrics.toml",  # an installed wheel
)


def list_metrics(ws: Workspace, actor: Actor) -> list[Definition]:
    """The newest version of every metric, by key."""
    require(actor, Permission.READ)
    with ws.db.read() as cursor:
        newest = {one.key: one for one in rows.versions(cursor, actor.org_id)}
    return list(newest.values())


def get_metric(ws: Workspace, actor: Actor, key: str, version: int | None = None) -> Definition:
    """One metric by its key, in any case; the newest version unless one is named.

    Raises:
        NotFoundError: there is no such metric or version.
    """
    found = metric_versions(ws, actor, key)
    for one in found:
        if one.version == version:
            return one
    if version is not None:
        raise NotFoundError(
            f"The metric “{found[0].key}” has no version {version}.",
            hint=f"Its versions go up to {found[-1].version}.",
        )
    return found[-1]


def metric_versions(ws: Workspace, actor: Actor, key: str) -> list[Definition]:
    """Every version of a metric, the oldest first.

    Raises:
        NotFoundError: there is no such metric.
    """
    require(actor, Permission.READ)
    with ws.db.read() as cursor:
        return _found(cursor, actor, key)


def define_metric(ws: Workspace, actor: Actor, values: Mapping[str, Any]) -> Definition:
    """Define a metric.

    Args:
        ws: The workspace.
        actor: Who defines it.
        values: ``name``, perhaps ``key``, ``description``, ``owner``; and what it means:
            ``kind``, ``column`` and so on, as in a metric's document.

    Raises:
        InvalidInputError: a field breaks a rule.
        ConflictError: ``DUPLICATE_KEY``.
    """
    require(actor, Permission.EDIT)
    given = cleaned(values)
    refuse(word_problems({"name": ""} | given))
    meaning = read_meaning(meaning_of(given))
    now = ws.now()
    with ws.db.write() as cursor:
        taken = frozenset(one.key.lower() for one in rows.versions(cursor, actor.org_id))
        key = given.get("key") or unused(slugify(given["name"], "metric"), taken)
        if key.lower() in taken:
            raise ConflictError(
                f"The key “{key}” belongs to another metric.",
                code="DUPLICATE_KEY",
                hint="Choose another key, or make a new version of that metric.",
                details=(Problem("key", key, "NOT_UNIQUE", "keys are unique"),),
            )
        made = Definition(
            key=key,
            version=1,
            revision=1,
            name=given["name"],
            description=given.get("description", ""),
            owner=given.get("owner") or actor.name,
            meaning=meaning,
            created_by=actor.name,
            created_at=now,
            updated_at=now,
            org_id=actor.org_id,
        )
        rows.insert_definition(cursor, made)
        _record(ws, actor, cursor, None, made)
    return made


def change_metric(
    ws: Workspace,
    actor: Actor,
    key: str,
    values: Mapping[str, Any],
    *,
    revision: int | None = None,
) -> Definition:
    """Change a metric: other words stay in the version, another meaning is a new version.

    Tests that use the metric keep the version they have, and so do their looks.

    Args:
        ws: The workspace.
        actor: Who changes it.
        key: Of the metric.
        values: Fields to change; None takes a field of the meaning away.
        revision: The revision that the actor last read; None does not compare.

    Raises:
        NotFoundError: there is no such metric.
        InvalidInputError: a field breaks a rule.
        VersionStaleError: somebody saved since that revision.
    """
    require(actor, Permission.EDIT)
    given = cleaned(values)
    if "key" in given:
        message = "the key of a metric never changes; data and tests refer to it"
        refuse([Problem("key", given["key"], "UNKNOWN_FIELD", message)])
    refuse(word_problems(given))
    with ws.db.write() as cursor:
        before = _found(cursor, actor, key)[-1]
        if revision is not None and revision != before.revision:
            raise VersionStaleError(
                f"The metric “{before.name}” was changed meanwhile.", current=before
            )
        words = {name: given.get(name, getattr(before, name)) for name in WORDS}
        meaning = read_meaning(before.meaning | meaning_of(given))
        after = replace(before, **words, meaning=meaning)
        if after == before:
            return before
        now = ws.now()
        after = replace(after, revision=before.revision + 1, updated_at=now)
        if meaning == before.meaning:
            rows.update_words(cursor, after)
        else:
            after = replace(
                after, version=before.version + 1, created_by=actor.name, created_at=now
            )
            rows.insert_definition(cursor, after)
        _record(ws, actor, cursor, before, after)
    return after


def add_usual_ones(ws: Workspace, actor: Actor) -> list[Definition]:
    """Define the metrics of ``data/metrics.toml`` that the library does not have yet."""
    require(actor, Permission.EDIT)
    file = next(path for path in FILES if path.is_file())
    usual = tomllib.loads(file.read_text(encoding="utf-8"))["metric"]
    known = {one.key.lower() for one in list_metrics(ws, actor)}
    return [define_metric(ws, actor, one) for one in usual if one["key"].lower() not in known]


def _found(cursor: Any, actor: Actor, key: str) -> list[Definition]:
    found = rows.versions(cursor, actor.org_id, key)
    if not found:
        raise NotFoundError(
            f"There is no metric “{key}” in the library.", hint="Look in the list of metrics."
        )
    return found


def _record(
    ws: Workspace,
    actor: Actor,
    cursor: Any,
    before: Definition | None,
    after: Definition,
) -> None:
    old, new = (_told(one) for one in (before, after))
    changed = {name: value for name, value in new.items() if old.get(name) != value}
    event = event_by(
        actor, ws.now(), "edit" if before else "define", METRIC, after.key,
        before={name: old.get(name) for name in changed} if before else None,
        after=changed,
    )  # fmt: skip
    audit.append_event(cursor, ws.db.secret, event)


def _told(definition: Definition | None) -> dict[str, Any]:
    if definition is None:
        return {}
    names = ("version", "revision", *WORDS, "meaning")
    return {name: getattr(definition, name) for name in names}
