"""KaireonAI: a champion and its challengers; every body error is 400."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Depends, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from experiments_core.api import answers
from experiments_core.api.answers import Window
from experiments_core.api.call import Call, The
from experiments_core.api.door import Door
from experiments_core.api.facades import common
from experiments_core.api.rules import Rule
from experiments_core.api.shapes import Body
from experiments_core.domain.access import Permission
from experiments_core.domain.experiment import (
    Experiment,
    ExperimentDraft,
    Variant,
    VariantDraft,
)
from experiments_core.domain.lifecycle import Status, Verb, invalid_transition
from experiments_core.domain.sealing import sealed
from experiments_core.errors import InvalidInputError, MalformedError, UpshotError
from experiments_core.services import experiments, projects, uplifting
from experiments_core.services.recording import History, create_with_status
from experiments_core.services.uplifting import Rate, Uplift

DIALECT = common.Dialect("kaireon", lambda one: one.type == "model")


def _envelope(error: UpshotError, request_id: str) -> Response:
    """The camelCase form, with 400 for a body that breaks a rule or repeats a key."""
    answer = common.camel(error, request_id)
    if isinstance(error, InvalidInputError) or error.code == "DUPLICATE_KEY":
        answer.status_code = 400
    return answer


door = Door("KaireonAI", envelope=_envelope, via="compat/kaireon", any_type=True)

STATUS = {
    Status.DRAFT: "draft", Status.RUNNING: "active", Status.PAUSED: "paused",
    Status.STOPPED: "paused", Status.COMPLETED: "archived", Status.ARCHIVED: "archived",
}  # fmt: skip
VERBS: dict[tuple[str, str], tuple[Verb, ...]] = {
    (Status.DRAFT, "active"): (Verb.START,),
    (Status.STOPPED, "active"): (Verb.START,),
    (Status.PAUSED, "active"): (Verb.RESUME,),
    (Status.RUNNING, "paused"): (Verb.PAUSE,),
    (Status.RUNNING, "archived"): (Verb.STOP, Verb.ARCHIVE),
    (Status.PAUSED, "archived"): (Verb.STOP, Verb.ARCHIVE),
    (Status.STOPPED, "archived"): (Verb.ARCHIVE,),
    (Status.DRAFT, "archived"): (Verb.ARCHIVE,),
}
REASON = "via KaireonAI API"
CHAMPION = "champion"
NOBODY = "no-challenger"
"""Stands in for the second arm of a draft without challengers; gets nobody, is never shown."""
HERE = "/api/v1/experiments"
ONE = f"{HERE}/{{experiment_id}}"
Percent = Annotated[float, Field(ge=0, le=100)]
Text = Annotated[str, Field(min_length=1, max_length=100)]
Word = Literal["draft", "active", "paused", "archived"]


class Split(Body):
    """The champion's share."""

    championPct: Percent  # noqa: N815  the client's spelling


class Challenger(Body):
    """A model and its share."""

    modelId: Text  # noqa: N815  the client's spelling
    trafficPct: Percent  # noqa: N815  as above


class Change(Body):
    """What may be sent; what is left out keeps its value."""

    key: Text | None = None
    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    description: Annotated[str, Field(max_length=10_000)] | None = None
    status: Word | None = None
    championModelId: Text | None = None  # noqa: N815  the client's spelling
    trafficSplit: Split | None = None  # noqa: N815  as above
    challengers: Annotated[list[Challenger], Field(max_length=19)] | None = None
    autoPromote: bool | None = None  # noqa: N815  as above
    promoteThreshold: Annotated[float, Field(ge=-1, le=1)] | None = None  # noqa: N815
    promoteAfterDays: Annotated[int, Field(ge=1, le=365)] | None = None  # noqa: N815
    holdoutPercent: Annotated[float, Field(ge=0, le=50)] | None = None  # noqa: N815


class NewExperiment(Change):
    """What KaireonAI's clients send to make one."""

    key: Text
    name: Annotated[str, Field(min_length=1, max_length=200)]


class Put(Change):
    """The same, and an outcome to store."""

    results: dict[str, Any] | None = None


class ExperimentAnswer(BaseModel):
    """An experiment as KaireonAI prints it."""

    id: str
    key: str
    name: str
    status: str
    championModel: dict[str, Any] | None  # noqa: N815  the client's spelling
    challengers: list[dict[str, Any]]


class ListAnswer(BaseModel):
    """A page of experiments."""

    data: list[ExperimentAnswer]
    pagination: dict[str, Any]


ACT = Rule(permission=Permission.EDIT, answer=ExperimentAnswer, errors=(400, 409))
GONE = Rule(permission=Permission.EDIT, status=204, errors=(400, 409))
LIST = Rule(permission=Permission.READ, answer=ListAnswer, errors=(400,))
MADE = Rule(permission=Permission.EDIT, answer=ExperimentAnswer, status=201, errors=(400, 409))
READ = Rule(permission=Permission.READ, answer=ExperimentAnswer)
RESULTS = Rule(permission=Permission.RESULTS, rate="compute", answer=dict[str, Any])


@door.get(f"{HERE}/", LIST)
@door.get(HERE, LIST)
def list_experiments(call: The, page: Annotated[Window, Depends(answers.window)]) -> Response:
    """Every experiment of models, the newest first, with champion and challengers."""
    known = DIALECT.all(call)
    rest = known
    if page.after is not None:
        after = page.after
        if len(after) != 2 or not all(isinstance(part, str) for part in after):
            raise MalformedError("This cursor is of another list.", code="BAD_CURSOR")
        rest = [one for one in known if _place(one) < after]
    shown, more = rest[: page.limit], len(rest) > page.limit
    return answers.raw({
        "data": [_body(one) for one in shown],
        "pagination": {
            "total": len(known), "hasMore": more, "limit": page.limit,
            "cursor": answers.write_cursor(_place(shown[-1])) if more else None,
        },
    })  # fmt: skip


@door.post(f"{HERE}/", MADE)
@door.post(HERE, MADE)
def create_experiment(call: The, body: NewExperiment) -> Response:
    """Make an experiment; ``active`` starts it, ``paused`` starts and pauses it."""
    status = body.status or "draft"
    arms = _arms(body, None)
    if status in {"active", "paused"} and not body.challengers:
        message = "without a challenger it can be a draft only; a start needs two models"
        raise common.refusal("status", status, "CHECKLIST", message)
    with call.ws.db.write():
        model = body.championModelId
        draft = ExperimentDraft(
            name=body.name,
            key=body.key,
            type="model",
            resource=None if model is None else _model(call, model),
            variants=arms,
            metrics=common.metrics_of(call, common.CONVERSION),
            **_plain(body, new=True),
        )
        started = {"active": "running", "paused": "running"}.get(status, status)
        past = History() if status == "archived" else None
        made = create_with_status(call.ws, call.actor, draft, started, history=past)
        if status == "paused":
            made = _do(call, made, Verb.PAUSE)
    return answers.raw(_body(made), 201)


@door.get(f"{ONE}/", READ)
@door.get(ONE, READ)
def read_experiment(call: The, experiment_id: str) -> Response:
    """One experiment, with champion and challengers."""
    return answers.raw(_body(DIALECT.found(call, experiment_id)))


@door.put(f"{ONE}/", ACT)
@door.put(ONE, ACT)
def change_experiment(call: The, experiment_id: str, body: Put) -> Response:
    """Change what is sent; challengers are replaced as a set and keep their ids."""
    with call.ws.db.write():
        one = DIALECT.found(call, experiment_id)
        changes = _plain(body)
        if body.key is not None and body.key != one.key:
            changes["key"] = body.key
        if "results" in body.given():
            changes["stored_results"] = body.results
        arms = _arms(body, one)
        draft = one.first_started_at is None
        if draft and _said_arms(body):
            changes["variants"] = arms
        if draft and body.championModelId is not None:
            changes["resource"] = _model(call, body.championModelId)
        holdout = changes.get("holdout_bp") if draft else changes.pop("holdout_bp", None)
        if changes:
            one = experiments.edit_experiment(
                call.ws, call.actor, one.id, changes, version=one.version
            )
        if not draft:
            one = _traffic(call, one, arms, holdout)
        if body.status is not None:
            one = _to_status(call, one, body.status)
    return answers.raw(_body(one))


@door.delete(f"{HERE}/", GONE)
@door.delete(HERE, GONE)
def delete_by_query(
    call: The,
    id: Annotated[str | None, Query(max_length=200)] = None,  # noqa: A002  as printed
) -> Response:
    """Delete the experiment that the query names."""
    if not id:
        raise common.refusal("id", None, "REQUIRED", "say which experiment: ?id=…")
    return delete_experiment(call, id)


@door.delete(f"{ONE}/", GONE)
@door.delete(ONE, GONE)
def delete_experiment(call: The, experiment_id: str) -> Response:
    """Delete one that is not active, with its challengers."""
    return DIALECT.delete(call, experiment_id)


@door.get(f"{ONE}/results/", RESULTS)
@door.get(f"{ONE}/results", RESULTS)
def results(call: The, experiment_id: str) -> Response:
    """Rates with Wilson's limits, the uplift and its test; without data what was stored."""
    one = DIALECT.found(call, experiment_id)
    measured = common.numbers_of(call, one)
    metric = uplifting.rate_of(measured)
    about = {"experimentId": DIALECT.id_of(one), "status": STATUS[one.status]}
    if one.stored_results is not None and metric is None:
        return answers.raw({**one.stored_results, **about, "source": "stored"})
    shown = [
        _variant(v, uplifting.rate_in(measured, metric, v.key))
        for v in one.variants
        if v.key != NOBODY
    ]
    told = uplifting.uplift(measured, metric, one.promote_threshold)
    block = {"uplift": _uplift(told), "requiredSampleSize": told.required}
    return answers.raw({**about, "source": "computed", "variants": shown, **block})


def _variant(variant: Variant, rate: Rate) -> dict[str, Any]:
    return {
        "modelId": variant.value,
        "role": CHAMPION if variant.is_control else "challenger",
        "samples": rate.units,
        "conversions": rate.conversions,
        "conversionRate": common.number(rate.value),
        "ciLower": common.number(rate.ci_lower),
        "ciUpper": common.number(rate.ci_upper),
    }


def _uplift(told: Uplift) -> dict[str, Any]:
    p = common.number(told.p_value)
    return {
        "treatmentConversionRate": common.number(told.treatment.value),
        "holdoutConversionRate": common.number(told.reference.value),
        "uplift": common.number(told.difference),
        "relativeUplift": common.number(told.relative),
        "zScore": common.number(told.z),
        "pValue": p,
        "significant": p is not None and p < uplifting.ALPHA,
        "ciLower": common.number(told.ci_lower),
        "ciUpper": common.number(told.ci_upper),
        "treatmentSamples": told.treatment.units,
        "holdoutSamples": told.reference.units,
        "insufficientData": told.insufficient,
        "reference": "holdout" if told.compared_with == "holdout" else CHAMPION,
    }


def _place(one: Experiment) -> tuple[str, str]:
    return one.created_at.isoformat(), one.id


def _model(call: Call, model: str) -> str:
    """Id of the resource that a model is, made when it is seen for the first time."""
    return projects.resource_at(call.ws, call.actor, kind="model", locator=model).id


def _said_arms(body: Change) -> bool:
    return bool({"championModelId", "trafficSplit", "challengers"} & set(body.given()))


def _arms(body: Change, one: Experiment | None) -> tuple[VariantDraft, ...]:
    """The champion, the challengers, and where there is none somebody who gets nobody.

    Raises:
        InvalidInputError: shares that do not make 100, or a model that is named twice.
    """
    known = [] if one is None else [v for v in one.variants if v.key not in {CHAMPION, NOBODY}]
    sent = body.challengers
    others = (
        [(v.key, v.weight_bp / 100) for v in known]
        if sent is None
        else [(c.modelId, c.trafficPct) for c in sent]
    )
    share = body.trafficSplit.championPct if body.trafficSplit else None
    if share is None:
        share = (80.0 if others else 100.0) if one is None else one.control.weight_bp / 100
    model = body.championModelId or (None if one is None else one.control.value)
    names = [*([model] if model else []), *(name for name, _ in others)]
    if len(set(names)) < len(names):
        raise common.refusal("challengers", names, "NOT_UNIQUE", "a model is named twice")
    weights = common.basis_points("trafficSplit", [share, *(pct for _, pct in others)], 100.0)
    arms = [
        VariantDraft(CHAMPION, model or "Champion", True, weights[0], model, model_id=model)
    ]
    arms += [
        VariantDraft(name, name, weight_bp=weight, value=name, model_id=name)
        for (name, _), weight in zip(others, weights[1:], strict=True)
    ]
    if not others:
        arms.append(VariantDraft(NOBODY, "No challenger yet", weight_bp=0))
    return tuple(arms)


def _plain(body: Change, *, new: bool = False) -> dict[str, Any]:
    """The fields that are ours under another name; a name of its own only for a change."""
    said = {
        "description": body.description,
        "auto_promote": body.autoPromote,
        "promote_threshold": body.promoteThreshold,
        "promote_after_days": body.promoteAfterDays,
        "holdout_bp": None if body.holdoutPercent is None else round(100 * body.holdoutPercent),
    }
    if not new:
        said["name"] = body.name
    return {name: value for name, value in said.items() if value is not None}


def _traffic(
    call: Call, one: Experiment, arms: tuple[VariantDraft, ...], holdout: int | None
) -> Experiment:
    """New shares of a started test; a challenger that is left out gets nobody any more."""
    weights = {arm.key: arm.weight_bp or 0 for arm in arms if arm.key != NOBODY}
    if set(weights) - set(one.weights_bp) or arms[0].value != one.control.value:
        raise sealed("set of models", one, "Make another experiment for other models.")
    wanted = {key: weights.get(key, 0) for key in one.weights_bp}
    if wanted == one.weights_bp and holdout in {None, one.holdout_bp}:
        return one
    return experiments.change_traffic(
        call.ws, call.actor, one.id, version=one.version, weights_bp=wanted,
        holdout_bp=holdout, reason=REASON,
    )  # fmt: skip


def _to_status(call: Call, one: Experiment, word: str) -> Experiment:
    if STATUS[one.status] == word and not (word == "archived" and one.place == "completed"):
        return one
    if word == "active" and any(v.key == NOBODY for v in one.variants):
        message = "It has no challenger; a start needs two models."
        raise common.refusal("status", word, "CHECKLIST", message.rstrip("."))
    verbs = VERBS.get((one.place, word))
    if verbs is None:
        raise invalid_transition(one.place, f"It cannot become {word} from there.")
    for verb in verbs:
        one = _do(call, one, verb)
    return one


def _do(call: Call, one: Experiment, verb: Verb) -> Experiment:
    return experiments.transition(
        call.ws, call.actor, one.id, verb, version=one.version, reason=REASON
    )


def _takes_part(one: Experiment, variant: Variant) -> bool:
    """Whether clients see a challenger; one taken out of a started test stays as an arm."""
    drained = one.first_started_at is not None and variant.weight_bp == 0
    return variant.key != NOBODY and not drained


def _body(one: Experiment) -> dict[str, Any]:
    champion = one.control.value
    return {
        "id": DIALECT.id_of(one),
        "key": one.key,
        "name": one.name,
        "description": one.description,
        "status": STATUS[one.status],
        "championModelId": champion,
        "championModel": None if champion is None else {"id": champion},
        "trafficSplit": {"championPct": one.control.weight_bp / 100},
        "challengers": [
            {"id": v.id, "modelId": v.key, "trafficPct": v.weight_bp / 100}
            for v in one.variants
            if not v.is_control and _takes_part(one, v)
        ],
        "autoPromote": one.auto_promote,
        "promoteThreshold": one.promote_threshold,
        "promoteAfterDays": one.promote_after_days,
        "holdoutPercent": one.holdout_bp / 100,
        "results": one.stored_results,
        "createdAt": common.seconds(one.created_at),
        "updatedAt": common.seconds(one.updated_at),
    }
