"""KaireonAI: a champion and its challengers; every body error is 400."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Query
from starlette.responses import Response

from experiments_core.api import answers
from experiments_core.api.answers import Window
from experiments_core.api.call import Call, The
from experiments_core.api.door import Door
from experiments_core.api.facades import camel, common
from experiments_core.api.facades.kaireon_forms import (
    CHAMPION,
    DIALECT,
    NOBODY,
    STATUS,
    Change,
    ExperimentAnswer,
    ListAnswer,
    NewExperiment,
    Put,
    experiment_body,
    uplift_body,
    variant_body,
)
from experiments_core.api.rules import Rule
from experiments_core.domain.access import Permission
from experiments_core.domain.experiment import Experiment, ExperimentDraft, VariantDraft
from experiments_core.domain.lifecycle import Status, Verb, invalid_transition
from experiments_core.domain.sealing import sealed
from experiments_core.errors import InvalidInputError, MalformedError, UpshotError
from experiments_core.services import acting, experiments, projects, traffic, uplifting
from experiments_core.services.recording import History, create_with_status


def _envelope(error: UpshotError, request_id: str) -> Response:
    """The camelCase form, with 400 for a body that breaks a rule or repeats a key."""
    answer = camel.respond(error, request_id)
    if isinstance(error, InvalidInputError) or error.code == "DUPLICATE_KEY":
        answer.status_code = 400
    return answer


door = Door("KaireonAI", envelope=_envelope, via="compat/kaireon", any_type=True)

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
PLAIN = ("name", "description", "auto_promote", "promote_threshold", "promote_after_days")
"""Fields whose values are ours as they are sent."""
REASON = "via KaireonAI API"
HERE = "/api/v1/experiments"
ONE = f"{HERE}/{{experiment_id}}"


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
        "data": [experiment_body(one) for one in shown],
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
        model = body.champion_model_id
        draft = ExperimentDraft(
            key=body.key,
            type="model",
            resource=None if model is None else _model(call, model),
            variants=arms,
            metrics=common.metrics_of(call, common.CONVERSION),
            **_plain(body),
        )
        started = {"active": "running", "paused": "running"}.get(status, status)
        past = History() if status == "archived" else None
        made = create_with_status(call.ws, call.actor, draft, started, history=past)
        if status == "paused":
            made = _do(call, made, Verb.PAUSE)
    return answers.raw(experiment_body(made), 201)


@door.get(f"{ONE}/", READ)
@door.get(ONE, READ)
def read_experiment(call: The, experiment_id: str) -> Response:
    """One experiment, with champion and challengers."""
    return answers.raw(experiment_body(DIALECT.found(call, experiment_id)))


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
        if draft and body.champion_model_id is not None:
            changes["resource"] = _model(call, body.champion_model_id)
        holdout = changes.get("holdout_bp") if draft else changes.pop("holdout_bp", None)
        if changes:
            one = experiments.edit_experiment(
                call.ws, call.actor, one.id, changes, version=one.version
            )
        if not draft:
            one = _traffic(call, one, arms, holdout)
        if body.status is not None:
            one = _to_status(call, one, body.status)
    return answers.raw(experiment_body(one))


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
        variant_body(v, uplifting.rate_in(measured, metric, v.key))
        for v in one.variants
        if v.key != NOBODY
    ]
    told = uplifting.uplift(measured, metric, one.promote_threshold)
    block = {"uplift": uplift_body(told), "requiredSampleSize": told.required}
    return answers.raw({**about, "source": "computed", "variants": shown, **block})


def _place(one: Experiment) -> tuple[str, str]:
    return one.created_at.isoformat(), one.id


def _model(call: Call, model: str) -> str:
    """Id of the resource that a model is, made when it is seen for the first time."""
    return projects.resource_at(call.ws, call.actor, kind="model", locator=model).id


def _said_arms(body: Change) -> bool:
    return bool({"champion_model_id", "traffic_split", "challengers"} & body.model_fields_set)


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
        else [(c.model_id, c.traffic_pct) for c in sent]
    )
    share = body.traffic_split.champion_pct if body.traffic_split else None
    if share is None:
        share = (80.0 if others else 100.0) if one is None else one.control.weight_bp / 100
    model = body.champion_model_id or (None if one is None else one.control.value)
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


def _plain(body: Change) -> dict[str, Any]:
    """The fields that are ours under the same meaning."""
    said = body.said()
    plain = {name: said[name] for name in PLAIN if name in said}
    if "holdout_percent" in said:
        plain["holdout_bp"] = round(100 * said["holdout_percent"])
    return plain


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
    return traffic.change_traffic(
        call.ws, call.actor, one.id, version=one.version, weights_bp=wanted,
        holdout_bp=holdout, reason=REASON,
    )  # fmt: skip


def _to_status(call: Call, one: Experiment, word: str) -> Experiment:
    if STATUS[one.status] == word and not (word == "archived" and one.place == "completed"):
        return one
    if word == "active" and any(v.key == NOBODY for v in one.variants):
        message = "It has no challenger; a start needs two models"
        raise common.refusal("status", word, "CHECKLIST", message)
    verbs = VERBS.get((one.place, word))
    if verbs is None:
        raise invalid_transition(one.place, f"It cannot become {word} from there.")
    for verb in verbs:
        one = _do(call, one, verb)
    return one


def _do(call: Call, one: Experiment, verb: Verb) -> Experiment:
    return acting.transition(
        call.ws, call.actor, one.id, verb, version=one.version, reason=REASON
    )
