"""Organisations, for the operator's command line alone."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from pydantic import Field
from starlette.responses import Response

from experiments_core.api.answers import listed, one
from experiments_core.api.call import Page, The
from experiments_core.api.door import Door
from experiments_core.api.rules import Rule
from experiments_core.api.shapes import Answer, Body, Key, Many, One, Text
from experiments_core.domain.access import Permission
from experiments_core.domain.project import Organisation
from experiments_core.services import organisations

door = Door("Organisations")


class NewOrganisation(Body):
    """An organisation to be made."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    slug: Key | None = None
    time_zone: Text = "UTC"


class OrganisationAnswer(Answer):
    """People and programs that share experiments."""

    id: str
    name: str
    slug: str
    time_zone: str


@door.get(
    "/organisations",
    Rule(permission=Permission.ORGANISATIONS, answer=Many[OrganisationAnswer]),
)
def list_organisations(call: The, page: Page) -> Response:
    """Every organisation; only `upshot organisations list` is answered, no key."""
    found = organisations.list_organisations(call.ws, call.actor)
    return listed(call.request_id, found, page, _slug, asdict)


@door.post(
    "/organisations",
    Rule(permission=Permission.ORGANISATIONS, answer=One[OrganisationAnswer], status=201),
)
def create_organisation(call: The, body: NewOrganisation) -> Response:
    """Make an organisation; only `upshot organisations add` may, no key."""
    made = organisations.create_organisation(
        call.ws, call.actor, body.name, slug=body.slug or "", time_zone=body.time_zone
    )
    return one(asdict(made), status=201)


def _slug(organisation: Organisation) -> tuple[Any, ...]:
    return (organisation.slug.lower(), organisation.id)
