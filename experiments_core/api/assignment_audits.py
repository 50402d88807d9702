"""Which hash explains who got what from another system?"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from pydantic import Field
from starlette.responses import Response

from experiments_core.api.answers import one
from experiments_core.api.call import The
from experiments_core.api.door import Door
from experiments_core.api.rules import Rule
from experiments_core.api.shapes import Answer, Body, One
from experiments_core.domain.access import Permission
from experiments_core.domain.audit_hash import Fit
from experiments_core.services.assignment_audit import AuditReport, audit_assignment

door = Door("Assignment")

MOST_NAMED = 1_000
"""Units that an audit names in each of its lists."""


class ServedUnit(Body):
    """A unit and the arm that it got elsewhere."""

    unit_id: Annotated[str, Field(min_length=1, max_length=256)]
    variant: Annotated[str, Field(min_length=1, max_length=100)]


class AuditBody(Body):
    """Who got what from another system, and what is known of its settings."""

    units: Annotated[list[ServedUnit], Field(min_length=1, max_length=50_000)]
    seeds: Annotated[list[str], Field(max_length=20, default_factory=list)]
    weights_bp: dict[str, Annotated[int, Field(ge=0, le=10_000)]] | None = None
    holdout_bp: Annotated[int, Field(ge=0, le=9_999)] = 0
    allocation_bp: Annotated[int, Field(ge=1, le=10_000)] = 10_000


class AuditAnswer(Answer):
    """The hashes that fit best, and whom none explains."""

    units: int
    finding: str
    fits: list[dict[str, Any]]
    known: int
    served_otherwise: list[dict[str, Any]]
    flips: list[dict[str, Any]]


@door.post(
    "/experiments/{experiment}/assignment-audit",
    Rule(permission=Permission.RESULTS, rate="compute", answer=One[AuditAnswer]),
)
def audit(call: The, experiment: str, body: AuditBody) -> Response:
    """Find the hash that explains who got what, and who was served something else."""
    report = audit_assignment(
        call.ws,
        call.actor,
        experiment,
        {unit.unit_id: unit.variant for unit in body.units},
        seeds=body.seeds,
        weights_bp=body.weights_bp,
        holdout_bp=body.holdout_bp,
        allocation_bp=body.allocation_bp,
    )
    return one(audit_body(report))


def audit_body(report: AuditReport) -> dict[str, Any]:
    """Render what was found; long lists are cut."""
    return {
        "units": report.units,
        "finding": report.sentence,
        "fits": [_fit(fit) for fit in report.fits],
        "known": report.known,
        "served_otherwise": [
            {"unit_id": unit, "served": arm, "assigned": given}
            for unit, arm, given in report.otherwise[:MOST_NAMED]
        ],
        "flips": [asdict(flip) for flip in report.flips[:MOST_NAMED]],
    }


def _fit(fit: Fit) -> dict[str, Any]:
    return {
        "method": fit.method,
        "settings": fit.settings,
        "agreement": fit.agreement,
        "by_chance": fit.by_chance,
        "explains": fit.explains,
        "moved": [
            {"unit_id": unit, "served": arm, "expected": given}
            for unit, arm, given in fit.moved[:MOST_NAMED]
        ],
    }
