"""Which tests use a metric of the library."""

from __future__ import annotations

from dataclasses import dataclass

from experiments_core.domain.access import Actor, Permission, require
from experiments_core.services.workspace import Workspace
from experiments_core.store import catalog


@dataclass(frozen=True, slots=True)
class Use:
    """A test that uses a metric.

    Attributes:
        version: The version that it uses, and keeps.
        role: What for.
    """

    slug: str
    name: str
    status: str
    version: int
    role: str


def uses(ws: Workspace, actor: Actor, key: str) -> tuple[Use, ...]:
    """The tests that use a metric, with the version that each has."""
    return uses_of_all(ws, actor).get(key.lower(), ())


def uses_of_all(ws: Workspace, actor: Actor) -> dict[str, tuple[Use, ...]]:
    """Key in lower case -> the tests that use it; those in the bin are left out."""
    require(actor, Permission.READ)
    with ws.db.read() as cursor:
        known = catalog.all_experiments(cursor, actor.org_id)
    found: dict[str, tuple[Use, ...]] = {}
    for one in known:
        for metric in () if one.deleted_at else one.metrics:
            use = Use(one.slug, one.name, one.status, metric.version, metric.role)
            place = metric.key.lower()
            found[place] = (*found.get(place, ()), use)
    return found
