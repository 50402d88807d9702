"""What people write down about a test: decisions, forecasts, annotations."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.responses import Response

from experiments_core.api.answers import listed, nothing, one
from experiments_core.api.call import Page, The
from experiments_core.api.door import Door
from experiments_core.api.rules import Rule
from experiments_core.api.shapes import Answer, Body, Many, Moment, One, moment, sortable
from experiments_core.domain.access import Permission
from experiments_core.domain.notes import Annotation, Decision, Forecast
from experiments_core.services import annotating, deciding, forecasting

door = Door("Decisions, forecasts, annotations")

HERE = "/experiments/{experiment}"
Variant = Annotated[str, Field(min_length=1, max_length=100)]
Kind = Literal["note", "incident", "release", "comment", "deviation"]


class NewDecision(Body):
    """What was decided, on the present look or the one whose number is said."""

    look: Annotated[int, Field(ge=1, le=10**9)] | None = None
    action: Literal["ship", "roll_back", "extend", "stop_flat", "invalidate"]
    variant: Variant | None = None
    note: Annotated[str, Field(max_length=5_000)] = ""


class DecisionAnswer(Answer):
    """A decision, and whether it departs from what was recommended then."""

    id: str
    experiment_id: str
    look: int | None
    action: str
    variant: str | None
    note: str
    recommended: str | None
    departs_from_recommendation: bool
    by: str
    created_at: str


class NewForecast(Body):
    """A guess: relative lift and perhaps a likely range, fractions."""

    metric: Annotated[str, Field(min_length=1, max_length=100)]
    variant: Variant | None = None
    guess: float
    interval: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None


class ForecastAnswer(Answer):
    """A guess that was written down before the first look."""

    id: str
    experiment_id: str
    metric: str
    variant: str
    guess: float
    interval: list[float] | None
    by: str
    created_at: str


class NewAnnotation(Body):
    """What happened, at a moment (now when left out) or over a range of time."""

    text: Annotated[str, Field(min_length=1, max_length=2_000)]
    kind: Kind = "note"
    at: Moment | None = None
    until: Moment | None = None


class AnnotationAnswer(Answer):
    """Something that happened."""

    id: str
    experiment_id: str
    text: str
    kind: str
    at: str
    until: str | None
    by: str
    created_at: str


@door.get(f"{HERE}/decisions", Rule(permission=Permission.READ, answer=Many[DecisionAnswer]))
def list_decisions(call: The, experiment: str, page: Page) -> Response:
    """Every decision, the oldest first."""
    found = deciding.decisions(call.ws, call.actor, experiment)
    return listed(call.request_id, found, page, _place, decision_body)


@door.post(
    f"{HERE}/decisions",
    Rule(
        permission=Permission.EDIT, rate="compute", answer=One[DecisionAnswer], status=201,
        errors=(409,),
    ),
)  # fmt: skip
def decide(call: The, experiment: str, body: NewDecision) -> Response:
    """Write down a decision; one that departs from the recommendation says why."""
    made = deciding.decide(call.ws, call.actor, experiment, **body.given())
    return one(decision_body(made), status=201)


@door.get(f"{HERE}/forecasts", Rule(permission=Permission.READ, answer=Many[ForecastAnswer]))
def list_forecasts(call: The, experiment: str, page: Page) -> Response:
    """Every forecast, the oldest first."""
    found = forecasting.forecasts(call.ws, call.actor, experiment)
    return listed(call.request_id, found, page, _place, forecast_body)


@door.post(
    f"{HERE}/forecasts",
    Rule(permission=Permission.FORECAST, answer=One[ForecastAnswer], status=201, errors=(409,)),
)
def forecast(call: The, experiment: str, body: NewForecast) -> Response:
    """Write down a guess; after the first look none is taken."""
    lower, upper = body.interval or (None, None)
    made = forecasting.forecast(
        call.ws, call.actor, experiment, metric=body.metric, guess=body.guess,
        variant=body.variant, lower=lower, upper=upper,
    )  # fmt: skip
    return one(forecast_body(made), status=201)


@door.get(
    f"{HERE}/annotations", Rule(permission=Permission.READ, answer=Many[AnnotationAnswer])
)
def list_annotations(call: The, experiment: str, page: Page) -> Response:
    """Every annotation, by the time it is about."""
    found = annotating.annotations_of(call.ws, call.actor, experiment)
    return listed(
        call.request_id, found, page, lambda x: (sortable(x.starts), x.id), annotation_body
    )


@door.post(
    f"{HERE}/annotations",
    Rule(
        permission=Permission.COMMENT, answer=One[AnnotationAnswer], status=201, errors=(409,)
    ),
)
def annotate(call: The, experiment: str, body: NewAnnotation) -> Response:
    """Write down what happened; a viewer may leave comments."""
    made = annotating.annotate(
        call.ws, call.actor, experiment, text=body.text, kind=body.kind, starts=body.at,
        ends=body.until,
    )  # fmt: skip
    return one(annotation_body(made), status=201)


@door.delete(
    f"{HERE}/annotations/{{annotation}}", Rule(permission=Permission.COMMENT, status=204)
)
def remove(call: The, experiment: str, annotation: str) -> Response:
    """Take an annotation away; its text stays in the audit trail."""
    annotating.remove_annotation(call.ws, call.actor, experiment, annotation)
    return nothing()


def decision_body(decision: Decision) -> dict[str, Any]:
    """Render a decision."""
    body = _plain(decision)
    return body | {"departs_from_recommendation": body.pop("departs")}


def forecast_body(forecast: Forecast) -> dict[str, Any]:
    """Render a forecast."""
    body = _plain(forecast)
    limits = body.pop("lower"), body.pop("upper")
    return body | {"interval": None if None in limits else list(limits)}


def annotation_body(annotation: Annotation) -> dict[str, Any]:
    """Render an annotation."""
    body = _plain(annotation)
    return body | {"at": body.pop("starts"), "until": body.pop("ends")}


def _plain(note: Decision | Forecast | Annotation) -> dict[str, Any]:
    body = {k: moment(v) if isinstance(v, datetime) else v for k, v in asdict(note).items()}
    del body["org_id"]
    return body


def _place(note: Decision | Forecast) -> tuple[Any, ...]:
    return sortable(note.created_at), note.id
