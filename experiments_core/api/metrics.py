"""The library of metrics over HTTP."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from pydantic import Field
from starlette.responses import Response

from experiments_core.api import envelope
from experiments_core.api.answers import listed, one, told
from experiments_core.api.call import Page, The
from experiments_core.api.door import Door
from experiments_core.api.metric_shapes import Meaning, MetricKind
from experiments_core.api.rules import Rule
from experiments_core.api.shapes import Answer, Body, Many, One, moment
from experiments_core.domain.access import Permission
from experiments_core.domain.definition import Definition
from experiments_core.domain.documents import reads_own_name
from experiments_core.services import library, metric_preview, metric_uses

door = Door("Metrics")

Name = Annotated[str, Field(min_length=1, max_length=200)]


class NewMetric(Meaning):
    """A metric to be defined."""

    name: Name
    kind: MetricKind
    key: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    description: Annotated[str, Field(max_length=10_000)] = ""
    owner: Annotated[str, Field(max_length=200)] = ""


class MetricChange(Meaning):
    """What is said otherwise: words, or the meaning, which makes another version."""

    name: Name | None = None
    kind: MetricKind | None = None
    description: Annotated[str, Field(max_length=10_000)] | None = None
    owner: Annotated[str, Field(max_length=200)] | None = None


class Preview(Meaning):
    """A definition, and the experiment on whose data it is tried."""

    experiment: Annotated[str, Field(min_length=1, max_length=100)]
    kind: MetricKind


class MetricAnswer(Answer):
    """One version of a metric."""

    key: str
    version: int
    revision: int
    name: str
    description: str
    owner: str
    kind: str
    created_by: str
    created_at: str
    updated_at: str


class UseAnswer(Answer):
    """A test that uses a metric, and the version it keeps."""

    slug: str
    name: str
    status: str
    version: int
    role: str


class MetricDetail(MetricAnswer):
    """The newest version, and where the metric is used."""

    used_in: list[UseAnswer]


class PreviewArm(Answer):
    """The value of one arm; null with a reason where there is none."""

    variant: str
    n: int
    value: float | None
    ci_lower: float | None
    ci_upper: float | None


class PreviewAnswer(Answer):
    """The value per arm on existing data."""

    arms: list[PreviewArm]


@door.get("/metrics", Rule(permission=Permission.READ, answer=Many[MetricAnswer]))
def list_metrics(call: The, page: Page) -> Response:
    """The newest version of every metric, by key."""
    found = library.list_metrics(call.ws, call.actor)
    return listed(call.request_id, found, page, lambda x: (x.key.lower(), x.key), body_of)


@door.post(
    "/metrics",
    Rule(permission=Permission.EDIT, answer=One[MetricAnswer], status=201, errors=(409,)),
)
def define(call: The, body: NewMetric) -> Response:
    """Define a metric; without column and event it reads the one of its own key."""
    made = library.define_metric(call.ws, call.actor, reads_own_name(body.said()))
    return one(body_of(made), status=201, version=made.revision)


@door.post(
    "/metrics/preview",
    Rule(
        permission=Permission.RESULTS, rate="compute", answer=One[PreviewAnswer], errors=(409,)
    ),
)
def preview(call: The, body: Preview) -> Response:
    """Try a definition on the data of an experiment; no look is taken."""
    said = body.said()
    arms = metric_preview.preview(call.ws, call.actor, said.pop("experiment"), said)
    return one({
        "arms": [
            {
                "variant": arm.variant, "n": arm.n, **told("value", arm.value),
                **told("ci_lower", arm.ci_lower), **told("ci_upper", arm.ci_upper),
            }
            for arm in arms
        ]
    })  # fmt: skip


@door.get("/metrics/{key}", Rule(permission=Permission.READ, answer=One[MetricDetail]))
def read(call: The, key: str) -> Response:
    """One metric by its key: the newest version, and where it is used."""
    found = library.get_metric(call.ws, call.actor, key)
    used = [asdict(use) for use in metric_uses.uses(call.ws, call.actor, key)]
    return one(body_of(found) | {"used_in": used}, version=found.revision)


@door.get(
    "/metrics/{key}/versions", Rule(permission=Permission.READ, answer=Many[MetricAnswer])
)
def versions(call: The, key: str, page: Page) -> Response:
    """Every version of a metric, the newest first."""
    found = library.metric_versions(call.ws, call.actor, key)[::-1]
    return listed(call.request_id, found, page, lambda x: (x.version,), body_of, down=True)


@door.post(
    "/metrics/{key}/versions",
    Rule(
        permission=Permission.EDIT, answer=One[MetricAnswer], status=201, heeds_version=True,
        errors=(409,),
    ),
)  # fmt: skip
def change(call: The, key: str, body: MetricChange) -> Response:
    """Change a metric: another meaning is another version; tests keep the one they have."""
    words = {"name", "kind", "description", "owner"}
    said = {k: v for k, v in body.given().items() if v is not None or k not in words}
    known = None if call.if_match is None else call.version()
    after = library.change_metric(call.ws, call.actor, key, said, revision=known)
    return one(body_of(after), status=201, version=after.revision)


def body_of(definition: Definition) -> dict[str, Any]:
    """Render a version of a metric; its meaning stands beside its words."""
    body = {**asdict(definition), **definition.meaning}
    del body["org_id"], body["meaning"]
    return body | {
        "created_at": moment(definition.created_at),
        "updated_at": moment(definition.updated_at),
    }


envelope.shows_current(Definition, body_of)


def _said(body: Body) -> dict[str, Any]:
    return {name: value for name, value in body.given().items() if value is not None}
