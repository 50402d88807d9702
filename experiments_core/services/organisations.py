"""Organisations: made and listed by the operator, named by their own admins."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from experiments_core.domain import checks
from experiments_core.domain.access import Actor, Permission, event_by, require
from experiments_core.domain.project import FIRST_ORGANISATION, Organisation, zone_problems
from experiments_core.domain.text import clean, slugify, text_problems, unused
from experiments_core.domain.validation import refuse
from experiments_core.errors import ConflictError, NotFoundError, Problem
from experiments_core.services.operator_token import OPERATOR
from experiments_core.services.workspace import Workspace
from experiments_core.store import audit
from experiments_core.store import projects as rows

ORGANISATION = "organisation"


def list_organisations(ws: Workspace, actor: Actor) -> list[Organisation]:
    """Every organisation of the workspace, by slug.

    Raises:
        ForbiddenError: the actor is not the operator.
    """
    require(actor, Permission.ORGANISATIONS)
    with ws.db.read() as cursor:
        return _all(cursor)


def create_organisation(
    ws: Workspace, actor: Actor, name: str, *, slug: str = "", time_zone: str = "UTC"
) -> Organisation:
    """Make an organisation, which shares nothing with any other.

    Args:
        ws: The workspace.
        actor: The operator.
        name: What people call it, 1 to 200 characters.
        slug: Names it in commands and of its inbox; from the name when empty, never changes.
        time_zone: IANA name; sets the boundaries of its days.

    Raises:
        ForbiddenError: the actor is not the operator.
        InvalidInputError: fields that break a rule.
        ConflictError: ``DUPLICATE_KEY``: another organisation has this slug.
    """
    require(actor, Permission.ORGANISATIONS)
    problems = text_problems("name", name, longest=200, shortest=1)
    problems += checks.key("slug", slug) if slug else []
    refuse([*problems, *zone_problems("time_zone", time_zone)])
    wanted, now = clean(slug), ws.now()
    with ws.db.write() as cursor:
        taken = frozenset(one.slug.lower() for one in _all(cursor))
        if wanted.lower() in taken:
            raise ConflictError(
                f"There is an organisation “{wanted}” already.",
                code="DUPLICATE_KEY",
                details=(
                    Problem("slug", wanted, "NOT_UNIQUE", "it is taken, in any spelling"),
                ),
            )
        wanted = wanted or unused(slugify(name, ORGANISATION), taken)
        made = Organisation(ws.new_id(), clean(name), wanted, time_zone)
        rows.insert_organisation(cursor, made, now)
        event = event_by(
            replace(actor, org_id=made.id), now, "create", ORGANISATION, made.id,
            after={"name": made.name, "slug": made.slug, "time_zone": time_zone},
        )  # fmt: skip
        audit.append_event(cursor, ws.db.secret, event)
    return made


def find_organisation(ws: Workspace, reference: str) -> Organisation:
    """An organisation by its slug, in any spelling, or its id.

    Raises:
        NotFoundError: there is none; the sentence names those that there are.
    """
    with ws.db.read() as cursor:
        known = _all(cursor)
    for one in known:
        if reference == one.id or clean(reference).lower() == one.slug.lower():
            return one
    raise NotFoundError(
        f"There is no organisation “{reference}”.",
        hint=f"There are: {', '.join(one.slug for one in known)}.",
    )


def operator_in(ws: Workspace, reference: str) -> Actor:
    """The operator in an organisation that is named by its slug or id.

    Raises:
        NotFoundError: there is no such organisation.
    """
    return replace(OPERATOR, org_id=find_organisation(ws, reference).id)


def organisation_of(ws: Workspace, org_id: str) -> Organisation:
    """An organisation by its id; the first one exists without having been made."""
    with ws.db.read() as cursor:
        for one in _all(cursor):
            if one.id == org_id:
                return one
    return Organisation(org_id, org_id.capitalize(), org_id)


def edit_organisation(
    ws: Workspace, actor: Actor, *, name: str | None = None, time_zone: str | None = None
) -> Organisation:
    """Change name or time zone of one's own organisation.

    Raises:
        InvalidInputError: fields that break a rule.
    """
    require(actor, Permission.ADMIN)
    problems = [] if name is None else text_problems("name", name, longest=200, shortest=1)
    problems += [] if time_zone is None else zone_problems("time_zone", time_zone)
    refuse(problems)
    with ws.db.write() as cursor:
        before = organisation_of(ws, actor.org_id)
        after = replace(
            before, name=clean(name or before.name), time_zone=time_zone or before.time_zone
        )
        if any(one.id == before.id for one in rows.organisations(cursor)):
            rows.update_organisation(cursor, after)
        else:
            rows.insert_organisation(cursor, after, ws.now())
        event = event_by(
            actor, ws.now(), "edit", ORGANISATION, after.id,
            before={"name": before.name, "time_zone": before.time_zone},
            after={"name": after.name, "time_zone": after.time_zone},
        )  # fmt: skip
        audit.append_event(cursor, ws.db.secret, event)
    return after


def _all(cursor: Any) -> list[Organisation]:
    """Those of the file, and the first one, which has no row before it is edited."""
    kept = rows.organisations(cursor)
    if not any(one.id == FIRST_ORGANISATION.id for one in kept):
        kept.append(FIRST_ORGANISATION)
    return sorted(kept, key=lambda one: one.slug.lower())
