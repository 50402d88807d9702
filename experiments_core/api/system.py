"""Is it well, who am I, what can be asked: the routes that belong to no resource."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from starlette.responses import Response

from experiments_core import __version__
from experiments_core.api.answers import one
from experiments_core.api.call import The
from experiments_core.api.door import Door
from experiments_core.api.rules import Rule
from experiments_core.api.shapes import One
from experiments_core.services import standing

door = Door("System")


class HealthAnswer(BaseModel):
    """How the process is."""

    status: str
    version: str
    database: str


class MeAnswer(BaseModel):
    """Whom a key stands for."""

    actor: str
    organisation: str
    role: str
    scopes: list[str]
    projects: list[str]


@door.get("/health", Rule(public=True, answer=One[HealthAnswer]))
def health(call: The) -> Response:
    """Tell that the process and its workspace answer."""
    standing.check(call.ws)
    return one({"status": "ok", "version": __version__, "database": "ok"})


@door.get("/me", Rule(answer=One[MeAnswer]))
def me(call: The) -> Response:
    """Tell whom this key stands for."""
    actor = call.actor
    scopes: list[Any] = sorted(standing.usable_scopes(actor))
    return one({
        "actor": actor.name,
        "organisation": actor.org_id,
        "role": actor.role.name.lower(),
        "scopes": scopes,
        "projects": list(actor.projects),
    })  # fmt: skip
